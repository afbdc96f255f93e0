import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";

/** What a configuration for this project can be made of. */
export interface ProjectLook {
  readonly isRepository: boolean;
  /** Names of the remotes. */
  readonly remotes: readonly string[];
  /** The person's address as git knows it. */
  readonly email: string | undefined;
  /** Systems that the environment would configure, with the variables that do. */
  readonly configured: Readonly<Record<string, readonly string[]>>;
  /** The schema for editors, relative to the project, if the package is installed in it. */
  readonly schema: string | undefined;
}

/** The variables that show that a system is in use here. */
const SIGNS: Readonly<Record<string, readonly string[]>> = {
  postgres: ["DATABASE_URL"],
  slack: ["SLACK_BOT_TOKEN"],
  email: ["SMTP_URL"],
  s3: ["AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"],
  gdrive: ["GOOGLE_APPLICATION_CREDENTIALS"],
  hubspot: ["HUBSPOT_TOKEN"],
};

/** What a configuration accepts; the odd rest is left for the person to write. */
const REMOTE = /^[\p{L}\p{N}_][\p{L}\p{N}_./+-]*$/u;
const ADDRESS = /^\s*([^\s@<>,;:"]+@[^\s@<>,;:"]+)\s*$/u;

/** Looks at the project's folder and at the environment; changes nothing and shows no value of a variable. */
export async function lookAt(project: string, env: Readonly<Record<string, string | undefined>>): Promise<ProjectLook> {
  const isRepository = existsSync(join(project, ".git"));
  const isSet = (name: string) => (env[name] ?? "").trim() !== "";
  const configured = Object.entries(SIGNS).filter(([, names]) => names.every(isSet));
  const schema = "node_modules/enact-guard/enact.schema.json";
  return {
    isRepository,
    remotes: isRepository ? (await git(project, ["remote"], env)).split("\n").filter((name) => REMOTE.test(name)) : [],
    email: ADDRESS.exec(await git(project, ["config", "--get", "user.email"], env))?.[1],
    configured: Object.fromEntries(configured),
    schema: existsSync(join(project, schema)) ? `./${schema}` : undefined,
  };
}

/** What git says, or nothing: a project without git can be guarded too. */
async function git(project: string, args: readonly string[], env: Readonly<Record<string, string | undefined>>): Promise<string> {
  // Variables such as GIT_DIR would make git speak of another repository.
  const clean = Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith("GIT_")));
  try {
    const { stdout } = await promisify(execFile)("git", args, { cwd: project, env: clean, timeout: 10_000, encoding: "utf8" });
    return stdout;
  } catch {
    return "";
  }
}

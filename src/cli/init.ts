import { existsSync, linkSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import type { Config } from "../config/config.js";
import { EnactError, isEnactError } from "../errors.js";
import { clientLines } from "./init/clients.js";
import type { ClientLines } from "./init/clients.js";
import { lookAt } from "./init/look.js";
import { configurationText } from "./init/text.js";
import type { ListedTool } from "./init/text.js";
import type { ExitCode, Io } from "./io.js";
import { EXIT } from "./io.js";

export interface InitArgs {
  readonly force: boolean;
  readonly json: boolean;
}

export interface InitInput {
  /** Absolute path of the project. */
  readonly project: string;
  /** Absolute path of the file to write; without it enact.yaml of the project. */
  readonly file?: string;
  /** All tools that there are, in the order in which they are to be listed. */
  readonly tools: readonly ListedTool[];
  /** How clients start this program: `npx -y enact-guard`, or node with the path of a checkout. */
  readonly launch: { readonly command: string; readonly args: readonly string[] };
  /** Reads and checks a configuration file. */
  load(file: string): Promise<Config>;
}

/**
 * Looks at the project, writes a configuration for what is there, and shows the lines for each agent client.
 *
 * @returns 0 when it is written
 * @throws EnactError USAGE when there is one already, CONFIG_INVALID when what was found cannot be configured
 */
export async function initCommand(args: InitArgs, io: Io, input: InitInput): Promise<ExitCode> {
  const file = input.file ?? join(input.project, "enact.yaml");
  const look = await lookAt(input.project, io.env);
  const config = await write(configurationText(look, input.tools), file, args.force, input);
  const variables = Object.values(look.configured).flat();
  const clients = clientLines({ ...input.launch, project: input.project, variables });
  io.stdout.write(args.json ? `${JSON.stringify({ file, tools: config.tools, policies: config.policies.map(({ name }) => name), clients }, null, 2)}\n` : report(file, config, clients));
  return EXIT.done;
}

/** Checked before it is in place, so that a server that starts right now never finds a wrong or half a file. */
async function write(text: string, file: string, force: boolean, input: InitInput): Promise<Config> {
  const draft = join(dirname(file), `.enact.yaml.${process.pid}.new`);
  try {
    writeFileSync(draft, text, { flag: "wx" });
    const config = await input.load(draft);
    if (force) renameSync(draft, file);
    else putInPlace(draft, file);
    return config;
  } catch (error) {
    throw isEnactError(error) ? error : unwritable(file, error);
  } finally {
    rmSync(draft, { force: true });
  }
}

/** Puts the draft in its place unless something is there. */
function putInPlace(draft: string, file: string): void {
  try {
    linkSync(draft, file);
  } catch (error) {
    const linksAreSupported = !["EPERM", "ENOTSUP", "ENOSYS"].includes(codeOf(error));
    if (linksAreSupported || existsSync(file)) throw error;
    renameSync(draft, file);
  }
}

function unwritable(file: string, cause: unknown): EnactError {
  if (codeOf(cause) !== "EEXIST") return new EnactError("USAGE", `${file} cannot be written (${codeOf(cause)}).`, { cause });
  return new EnactError("USAGE", `${file} is there already.`, { hint: "Change it by hand, or write a new one over it with --force." });
}

function codeOf(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return typeof code === "string" ? code : "unknown";
}

function report(file: string, config: Config, clients: readonly ClientLines[]): string {
  const lines = clients.flatMap(({ client, file: place, text }) => [`${client}: ${place}`, "", ...text.split("\n").map((line) => `    ${line}`), ""]);
  return [
    `Written: ${file}`,
    `It gives the agent ${config.tools.length} tools, judged by ${config.policies.length} policies: ${config.tools.join(", ")}.`,
    "",
    "Tell your agent client of it:",
    "",
    ...lines,
    "Then take the unguarded hands away: deny the agent git push, psql, rm and the like in the client's own permissions.",
    "enact-guard doctor shows whether everything is in place.",
    "",
  ].join("\n");
}

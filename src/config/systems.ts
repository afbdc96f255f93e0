import { resolve } from "node:path";
import type { z } from "zod";

import { check, entryOf } from "./check.js";
import type { Located } from "./document.js";
import { kindOfFile } from "./file.js";
import type { Place, Problems } from "./problem.js";
import { isSecretPath, systemSchemas } from "./schema.js";
import type { SystemName } from "./schema.js";
import { secretsOfUrl } from "./secrets.js";
import { shownPath } from "./shown.js";
import type { Environment, Systems } from "./types.js";

type Written<Name extends SystemName> = z.output<(typeof systemSchemas)[Name]>;

export interface SystemsInput {
  /** Absolute. */
  readonly project: string;
  readonly env: Environment;
  readonly problems: Problems;
  readonly userEmail: string;
}

/** One section below `systems`; `node` is undefined when only the environment configures it. */
interface Section {
  readonly name: SystemName;
  readonly node: Located | undefined;
  readonly place: Place;
}

/** Variables that stand in for a key that the file leaves out, most specific first. */
export const CONVENTIONS: Readonly<Record<string, readonly string[]>> = {
  "postgres.url": ["DATABASE_URL"],
  "slack.token": ["SLACK_BOT_TOKEN"],
  "email.smtp": ["SMTP_URL"],
  "hubspot.token": ["HUBSPOT_TOKEN"],
  "gdrive.credentials": ["GOOGLE_APPLICATION_CREDENTIALS"],
  "s3.region": ["AWS_REGION", "AWS_DEFAULT_REGION"],
  "s3.endpoint": ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"],
  "s3.access_key_id": ["AWS_ACCESS_KEY_ID"],
  "s3.secret_access_key": ["AWS_SECRET_ACCESS_KEY"],
  "s3.session_token": ["AWS_SESSION_TOKEN"],
};

/** The key without which a system cannot be opened. */
const NEEDED: Readonly<Partial<Record<SystemName, string>>> = {
  postgres: "url",
  slack: "token",
  email: "smtp",
  hubspot: "token",
  gdrive: "credentials",
  s3: "region",
};

/** The variable that could configure this system by itself, for messages. */
export function variableOf(name: SystemName): string | undefined {
  return CONVENTIONS[`${name}.${NEEDED[name] ?? ""}`]?.[0];
}

/** The line that configures this system, for messages. */
export function exampleOf(name: SystemName): string {
  const variable = variableOf(name);
  const key = NEEDED[name];
  if (variable === undefined || key === undefined) return name === "git" ? "git: { repo: . }" : "filesystem: { root: . }";
  return `${name}: { ${key}: "\${${variable}}" }`;
}

/** True when the environment gives all that this system needs. */
export function environmentConfigures(name: SystemName, env: Environment): boolean {
  const key = NEEDED[name];
  return key !== undefined && conventional(name, key, env) !== undefined;
}

/** Parses one section and opens nothing. Undefined when something is wrong with it; that is then in `problems`. */
export function readSystem<Name extends SystemName>(section: Section & { name: Name }, input: SystemsInput): Systems[Name] | undefined {
  const schema = systemSchemas[section.name];
  const node = section.node ?? { kind: "map", place: section.place, entries: [] };
  const options = {
    label: `systems.${section.name}`,
    place: section.place,
    problems: input.problems,
    isSecret: (path: readonly PropertyKey[]) => isSecretPath(["systems", section.name, ...path]),
  };
  const written = check<z.ZodType>(schema, node, options) as Written<Name> | undefined;
  if (written === undefined) return undefined;
  const filled = fillIn(section.name, written, input.env);
  const needed = NEEDED[section.name];
  if (needed !== undefined && filled[needed] === undefined) {
    const variable = variableOf(section.name) ?? "";
    input.problems.add(section.place, `systems.${section.name}.${needed} is missing. Write ${needed}: "\${${variable}}", or set ${variable} where the server is started.`);
    return undefined;
  }
  // What came from the environment has to fit as well as what was written.
  const complete = schema.safeParse(filled);
  if (!complete.success) {
    reportConvention(section, complete.error.issues, input);
    return undefined;
  }
  return BUILDERS[section.name](complete.data as never, section, input);
}

function fillIn(name: SystemName, written: object, env: Environment): Record<string, unknown> {
  const filled: Record<string, unknown> = { ...written };
  for (const key of Object.keys(systemSchemas[name].shape)) filled[key] ??= conventional(name, key, env);
  return filled;
}

function conventional(name: SystemName, key: string, env: Environment): string | undefined {
  const variables = CONVENTIONS[`${name}.${key}`] ?? [];
  return variables.map((variable) => env[variable]).find((value) => value !== undefined && value.trim() !== "");
}

function reportConvention(section: Section, issues: readonly z.core.$ZodIssue[], input: SystemsInput): void {
  for (const issue of issues) {
    const key = String(issue.path[0]);
    const variable = CONVENTIONS[`${section.name}.${key}`]?.find((name) => input.env[name] !== undefined);
    input.problems.add(section.place, `systems.${section.name}.${key}, taken from ${variable ?? "the environment"}, ${issue.message}.`);
  }
}

type Builders = {
  readonly [Name in SystemName]: (written: Written<Name>, section: Section, input: SystemsInput) => Systems[Name] | undefined;
};

const BUILDERS: Builders = {
  git: ({ repo, remotes }, section, input) => {
    const path = folder(repo, "repo", section, input);
    return path === undefined ? undefined : { repo: path, remotes };
  },
  postgres: (written) => ({
    url: written.url ?? "",
    statementTimeoutMs: written.statement_timeout_ms,
    maxRows: written.max_rows,
    maxBytes: written.max_bytes,
    functions: written.functions,
  }),
  filesystem: (written, section, input) => {
    const root = folder(written.root, "root", section, input);
    return root === undefined ? undefined : { root, maxReadBytes: written.max_read_bytes, maxEntries: written.max_entries };
  },
  slack: ({ token = "", api_url: apiUrl }) => ({ token, ...optional({ apiUrl }) }),
  email: (written, _section, input) => ({
    smtp: written.smtp ?? "",
    from: written.from ?? input.userEmail,
    allowPlaintext: written.allow_plaintext,
  }),
  s3: (written, section, input) => s3(written, section, input),
  gdrive: ({ credentials = "", root_url: rootUrl }, _section, input) => ({
    credentials: resolve(input.project, credentials),
    ...optional({ rootUrl }),
  }),
  hubspot: ({ token = "", base_url: baseUrl }) => ({ token, ...optional({ baseUrl }) }),
};

function s3(written: Written<"s3">, section: Section, input: SystemsInput): Systems["s3"] {
  const { region = "", endpoint, max_objects: maxObjects } = written;
  const { access_key_id: accessKeyId, secret_access_key: secretAccessKey, session_token: sessionToken } = written;
  if ((accessKeyId === undefined) !== (secretAccessKey === undefined)) {
    const missing = accessKeyId === undefined ? "access_key_id" : "secret_access_key";
    input.problems.add(section.place, `systems.s3.${missing} is missing: the two keys belong together.`);
  }
  const keysAreGiven = accessKeyId !== undefined && secretAccessKey !== undefined;
  const credentials = keysAreGiven ? { accessKeyId, secretAccessKey, ...optional({ sessionToken }) } : undefined;
  const forcePathStyle = written.force_path_style ?? endpoint !== undefined;
  return { region, forcePathStyle, maxObjects, ...optional({ endpoint, credentials }) };
}

function folder(written: string, key: string, section: Section, input: SystemsInput): string | undefined {
  const path = resolve(input.project, written);
  const kind = kindOfFile(path);
  if (kind === "folder") return path;
  const place = entryOf(section.node, key)?.value.place ?? section.place;
  const what = kind === "nothing" ? "does not exist" : "is not a folder that can be opened";
  input.problems.add(place, `systems.${section.name}.${key}: ${shownPath(path)} ${what}. Paths are relative to the project, ${input.project}.`);
  return undefined;
}

type Present<Values> = { [Key in keyof Values]?: Exclude<Values[Key], undefined> };

function optional<Values extends object>(values: Values): Present<Values> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Present<Values>;
}

/** Sentences about secrets that stand in the file itself, which is usually committed. */
export function literalSecrets(systemsNode: Located | undefined): string[] {
  const suspects = systemsNode?.kind === "map" ? systemsNode.entries : [];
  return suspects.flatMap(({ key: system, value: section }) => {
    const entries = section.kind === "map" ? section.entries : [];
    return entries.flatMap(({ key, keyPlace, value }) => {
      if (value.kind !== "scalar" || typeof value.value !== "string" || value.variables.length > 0) return [];
      const holdsSecret = /^(?:token|secret_access_key|session_token)$/u.test(key) || secretsOfUrl(value.value).length > 0;
      if (!holdsSecret) return [];
      const variable = CONVENTIONS[`${system}.${key}`]?.[0] ?? "NAME";
      return [`line ${keyPlace.line}: systems.${system}.${key} holds a secret, and this file is usually committed. Write "\${${variable}}" and set that variable instead.`];
    });
  });
}

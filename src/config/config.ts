import { lstatSync, readdirSync, realpathSync } from "node:fs";
import { join } from "node:path";

import type { PolicyDefinition } from "../policies/policy.js";
import type { ToolInfo } from "../tools/tool.js";
import { check, entryOf } from "./check.js";
import { checkCoverage, checkWorkflowNames, idlePolicies, readNames, ROLLBACK } from "./coverage.js";
import { digestOf } from "./digest.js";
import { readDocument } from "./document.js";
import type { Located, LocatedMap } from "./document.js";
import { fallbackFor } from "./fallback.js";
import { kindOfFile, readConfigFile } from "./file.js";
import { functionPolicies } from "./inline.js";
import type { Inline } from "./inline.js";
import { nearest } from "./nearest.js";
import { readPolicies } from "./policies.js";
import type { ReadPolicy } from "./policies.js";
import { configError, Problems } from "./problem.js";
import { fileSchema, isSecretPath, SYSTEM_NAMES } from "./schema.js";
import type { SystemName } from "./schema.js";
import { secretsOf, secretVariables } from "./secrets.js";
import { environmentConfigures, exampleOf, literalSecrets, readSystem, variableOf } from "./systems.js";
import type { Config, Environment, Systems } from "./types.js";

export type { Config, NamedPolicy, Receipts, Systems } from "./types.js";

export interface LoadInput {
  /** Absolute path of the project's folder. */
  readonly project: string;
  /** Absolute path of the file that was asked for; without it `enact.yaml` of the project, or the embedded default. */
  readonly file?: string;
  readonly env: Environment;
  readonly tools: readonly ToolInfo[];
  readonly policies: readonly PolicyDefinition[];
  /** Folder of this package, in which custom policies find `enact-guard`. */
  readonly packageRoot: string;
  /** Read instead of any file. */
  readonly inline?: Inline;
}

interface Source {
  /** Null for the embedded default. */
  readonly file: string | null;
  /** What messages call it. */
  readonly shown: string;
  readonly text: string;
  readonly notices: readonly string[];
}

/**
 * Reads and checks a configuration. Opens no system, runs no program, writes nothing.
 *
 * @throws EnactError CONFIG_INVALID with `file:line:column` for everything that is wrong, and no secret in it
 */
export async function loadConfig(input: LoadInput): Promise<Config> {
  if (kindOfFile(input.project) !== "folder") throw configError(`the project ${input.project} is not a folder that can be opened.`);
  const source = findSource(input);
  const problems = new Problems(secretVariables(input.env));
  const document = readDocument(source.text, input.env, problems);
  if (document === undefined) problems.throwIfAny(source.shown);
  const read = await readFile(withSections(document ?? emptyMap()), source, input, problems);
  problems.throwIfAny(source.shown);
  if (read === undefined) throw configError(`${source.shown} cannot be used.`);
  return Object.freeze(finish(read, source, input, problems));
}

function findSource({ project, file, env, inline }: LoadInput): Source {
  if (inline !== undefined) return { file: null, shown: "createGuard", text: inline.text, notices: [] };
  const usual = join(project, "enact.yaml");
  if (file !== undefined || isNamed(usual)) {
    const path = file ?? usual;
    return { file: path, shown: path, text: readConfigFile(path), notices: [] };
  }
  // Falling back to the default here would drop the rules of somebody who thinks they are on.
  const misnamed = readdirSync(project).find((name) => /^\.?enact\.(?:ya?ml|json|toml)(?:\.txt)?$/iu.test(name));
  if (misnamed !== undefined) throw configError(`${join(project, misnamed)} is not read: the file must be called enact.yaml. Rename it, or name it with --config.`);
  const { text, notices } = fallbackFor(project, usual, env);
  return { file: null, shown: "embedded default", text, notices };
}

/** A link that leads nowhere counts: somebody meant a configuration to be there. */
function isNamed(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

function emptyMap(): LocatedMap {
  return { kind: "map", place: { line: 1, column: 1 }, entries: [] };
}

function nullAsMap(node: Located): Located {
  return node.kind === "scalar" && node.value === null ? { ...emptyMap(), place: node.place } : node;
}

/** `systems: { git: }` is YAML's null and means the system with its defaults. */
function withSections(document: Located): Located {
  if (document.kind !== "map") return nullAsMap(document);
  const entries = document.entries.map((entry) => {
    if (entry.key !== "systems") return entry;
    const systems = nullAsMap(entry.value);
    if (systems.kind !== "map") return entry;
    const sections = systems.entries.map((section) => ({ ...section, value: nullAsMap(section.value) }));
    return { ...entry, value: { ...systems, entries: sections } };
  });
  return { ...document, entries };
}

interface ReadFile extends Pick<Config, "identity" | "tools" | "unguarded" | "receipts" | "undo" | "approvals"> {
  readonly systems: Systems;
  readonly policies: readonly ReadPolicy[];
  readonly notices: readonly string[];
}

/** Reads all parts, even when some are wrong, so that everything is reported at once. */
async function readFile(document: Located, source: Source, input: LoadInput, problems: Problems): Promise<ReadFile | undefined> {
  const file = check(fileSchema, document, { label: "", place: document.place, problems, isSecret: isSecretPath });
  const lists = { tools: entryOf(document, "tools")?.value, unguarded: entryOf(document, "unguarded")?.value };
  const tools = readNames(lists.tools, input.tools.map(({ name }) => name), problems);
  const unguarded = readNames(lists.unguarded, input.tools.map(({ name }) => name), problems);
  const systems = readSystems(document, input, problems, file?.identity.user_email ?? "");
  const configFile = source.file ?? join(input.project, "enact.yaml");
  const { project, packageRoot, policies: definitions } = input;
  const named = await readPolicies(entryOf(document, "policies")?.value, { definitions, problems, project, file: configFile, packageRoot });
  const policies = [...named, ...functionPolicies(input.inline?.functions ?? [])];
  checkWorkflowNames(named, [...input.tools.map(({ name }) => name), ROLLBACK], problems);
  // Whether a tool is judged cannot be said while a policy is misspelt.
  if (problems.none) checkCoverage({ tools, unguarded, policies, definitions, problems });
  if (file === undefined) return undefined;
  const notices = [...literalSecrets(entryOf(document, "systems")?.value), ...idlePolicies(tools, policies)];
  const { identity, receipts, undo, approvals } = file;
  if (approvals.mail !== undefined && systems.email === undefined) {
    problems.add(entryOf(document, "approvals")?.keyPlace ?? document.place, "approvals.mail needs a mail server. Write email below 'systems'.");
  }
  return { identity, receipts, undo, approvals, systems, policies, notices, tools: tools.map(({ name }) => name), unguarded: unguarded.map(({ name }) => name) };
}

/** The systems that the file configures, and those that its tools need and the environment configures. */
function readSystems(document: Located, input: LoadInput, problems: Problems, userEmail: string): Systems {
  const section = entryOf(document, "systems");
  const systemsInput = { project: input.project, env: input.env, problems, userEmail };
  const read = new Map<SystemName, unknown>();
  const keys = section?.value.kind === "map" ? section.value.entries.map(({ key }) => key) : [];
  // Reported already, with the name that was meant.
  const misspelt = keys.filter((key) => !SYSTEM_NAMES.includes(key as SystemName)).map((key) => nearest(key, SYSTEM_NAMES));
  for (const name of SYSTEM_NAMES) {
    const entry = entryOf(section?.value, name);
    if (entry !== undefined) read.set(name, readSystem({ name, node: entry.value, place: entry.keyPlace }, systemsInput));
  }
  for (const tool of readNames(entryOf(document, "tools")?.value, [], new Problems())) {
    const name = input.tools.find((info) => info.name === tool.name)?.system as SystemName | undefined;
    if (name === undefined || !SYSTEM_NAMES.includes(name) || read.has(name)) continue;
    const keyIsMisspelt = misspelt.includes(name);
    if (keyIsMisspelt) continue;
    if (environmentConfigures(name, input.env)) {
      read.set(name, readSystem({ name, node: undefined, place: tool.place }, systemsInput));
    } else {
      const variable = variableOf(name);
      const orVariable = variable === undefined ? "" : `, or set ${variable} where the server is started`;
      problems.add(tool.place, `${tool.name} needs the system ${name}, which is not configured. Write ${exampleOf(name)} below 'systems'${orVariable}.`);
    }
  }
  return Object.fromEntries([...read].filter(([, value]) => value !== undefined));
}

function finish(read: ReadFile, source: Source, input: LoadInput, problems: Problems): Config {
  const { identity, systems, tools, unguarded, receipts, undo, approvals } = read;
  const meaning = { project: input.project, identity, systems, tools, unguarded, receipts, undo, approvals, policies: read.policies.map((policy) => policy.meaning) };
  return {
    project: input.project,
    file: source.file,
    identity: deepFreeze(identity),
    systems: deepFreeze(systems),
    tools: Object.freeze(tools),
    policies: Object.freeze(read.policies.map(({ name, policy }) => Object.freeze({ name, policy }))),
    unguarded: Object.freeze(unguarded),
    receipts: Object.freeze(receipts),
    undo: Object.freeze(undo),
    approvals: deepFreeze(approvals),
    digest: digestOf(meaning),
    sources: Object.freeze(sourceFiles(read, source, input)),
    secrets: Object.freeze(secretsOf(systems, problems.expansions, input.env)),
    notices: Object.freeze([...source.notices, ...read.notices.map((notice) => `${source.shown}: ${notice}`)]),
  };
}

/** The project's enact.yaml is among them even when there is none: making one would change the next start. */
function sourceFiles(read: ReadFile, source: Source, input: LoadInput): string[] {
  const files = [source.file, read.systems.gdrive?.credentials].filter((path) => typeof path === "string");
  const named = [join(input.project, "enact.yaml"), ...files, ...read.policies.flatMap(({ sources }) => sources)];
  return [...new Set(named.flatMap((path) => (kindOfFile(path) === "file" ? [path, realpathSync(path)] : [path])))];
}

function deepFreeze<Value>(value: Value): Value {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  for (const child of Object.values(value)) deepFreeze(child);
  return Object.freeze(value);
}

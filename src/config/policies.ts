import { dirname, relative, resolve, sep } from "node:path";
import type { z } from "zod";

import { policyMeta } from "../policies/policy.js";
import type { Policy, PolicyDefinition } from "../policies/policy.js";
import { check, reportIssues } from "./check.js";
import { plain } from "./document.js";
import type { Located, LocatedMap } from "./document.js";
import { kindOfFile } from "./file.js";
import { loadModule, ModuleFailure } from "./module.js";
import type { LoadedModule } from "./module.js";
import { suggestion } from "./nearest.js";
import type { Place, Problems } from "./problem.js";
import { shownPath, shownText } from "./shown.js";
import type { NamedPolicy } from "./types.js";

/** A policy of the configuration with what the digest and the checks need to know of it. */
export interface ReadPolicy extends NamedPolicy {
  readonly place: Place;
  /** What it is, as plain JSON: part of the configuration's digest. */
  readonly meaning: Readonly<Record<string, unknown>>;
  /** Files that it is made of, or would be if they were made. */
  readonly sources: readonly string[];
}

export interface PoliciesInput {
  readonly definitions: readonly PolicyDefinition[];
  readonly problems: Problems;
  readonly project: string;
  /** The configuration file; paths of custom policies are relative to its folder. */
  readonly file: string;
  readonly packageRoot: string;
}

/** One entry of the list: a name or path, with the options that stand behind it. */
interface Entry {
  readonly name: string;
  readonly place: Place;
  readonly options: Located | undefined;
}

/** Reads the list `policies`, in its order. What is wrong goes into `problems`. */
export async function readPolicies(list: Located | undefined, input: PoliciesInput): Promise<ReadPolicy[]> {
  const read: ReadPolicy[] = [];
  for (const item of list?.kind === "list" ? list.items : []) {
    const entry = readEntry(item, input.problems);
    if (entry !== undefined) read.push(...(isPath(entry.name) ? await readCustom(entry, input) : readBuiltIn(entry, input)));
  }
  return read;
}

function readEntry(item: Located, problems: Problems): Entry | undefined {
  if (item.kind === "scalar" && typeof item.value === "string" && item.value !== "") {
    return { name: item.value, place: item.place, options: undefined };
  }
  const only = item.kind === "map" ? item.entries[0] : undefined;
  if (item.kind === "map" && only !== undefined && item.entries.length === 1) {
    const hasOptions = only.value.kind !== "scalar" || only.value.value !== null;
    return { name: only.key, place: only.keyPlace, options: hasOptions ? only.value : undefined };
  }
  problems.add(item.place, entryMessage(item));
  return undefined;
}

function entryMessage(item: Located): string {
  if (item.kind !== "map" || item.entries.length === 0) {
    return "an entry is the name of a policy, or a path such as ./policies/mine.ts, or one of them with options: name: { option: value }.";
  }
  const names = item.entries.map(({ key }) => shownText(key)).join(", ");
  return `one entry holds several keys (${names}). Each policy is an entry of its own ('- '); options stand in braces behind the name, or are indented further than it.`;
}

function isPath(name: string): boolean {
  return /^\.{0,2}\//u.test(name) || /\.[cm]?[jt]s$/u.test(name);
}

function readBuiltIn(entry: Entry, input: PoliciesInput): ReadPolicy[] {
  const definition = input.definitions.find(({ id }) => id === entry.name);
  if (definition === undefined) {
    const near = suggestion(entry.name, input.definitions.map(({ id }) => id), "policies");
    input.problems.add(entry.place, `unknown policy ${shownText(entry.name)}.${near}`);
    return [];
  }
  const policy = create(definition, entry, input.problems);
  if (policy === undefined) return [];
  const meaning = { policy: definition.id, options: meaningOf(policyMeta(policy)?.options ?? {}, entry) };
  return [{ name: definition.id, policy, place: entry.place, meaning, sources: [] }];
}

/** The options with every default, so that leaving one out means the same as writing it; as written if they are no JSON. */
function meaningOf(options: unknown, entry: Entry): unknown {
  const written = entry.options === undefined ? {} : plain(entry.options);
  return isPlainJson(options) ? options : written;
}

function isPlainJson(value: unknown): boolean {
  if (value === null || typeof value === "string" || typeof value === "boolean") return true;
  if (typeof value === "number") return Number.isFinite(value);
  if (Array.isArray(value)) return value.every(isPlainJson);
  if (typeof value !== "object") return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return (prototype === Object.prototype || prototype === null) && Object.values(value).every((child) => child === undefined || isPlainJson(child));
}

/** Makes the policy with the options of the entry. Options of the wrong kind are reported where they stand. */
function create(definition: PolicyDefinition, entry: Entry, problems: Problems): Policy | undefined {
  const node: LocatedMap | Located = entry.options ?? { kind: "map", place: entry.place, entries: [] };
  const options = { label: definition.id, place: entry.place, problems };
  if (check(definition.options, node, options) === undefined) return undefined;
  try {
    return definition.create(plain(node));
  } catch (error) {
    const issues = zodIssues(error);
    if (issues === undefined) throw error;
    reportIssues(definition.options, issues, node, options);
    return undefined;
  }
}

function zodIssues(error: unknown): readonly z.core.$ZodIssue[] | undefined {
  const issues = error instanceof Error ? (error as { issues?: unknown }).issues : undefined;
  return Array.isArray(issues) ? (issues as z.core.$ZodIssue[]) : undefined;
}

async function readCustom(entry: Entry, input: PoliciesInput): Promise<ReadPolicy[]> {
  const path = resolve(dirname(input.file), entry.name);
  const unusable = whyUnusable(entry.name, path);
  if (unusable !== undefined) {
    input.problems.add(entry.place, unusable);
    return [];
  }
  try {
    const read = policiesOf(await loadModule(path, input.packageRoot), entry, input);
    // The path as written as well: it may be a link.
    return read.map((policy) => ({ ...policy, sources: [path, ...policy.sources] }));
  } catch (error) {
    if (!(error instanceof ModuleFailure)) throw error;
    input.problems.add(entry.place, `${entry.name} ${error.message}`);
    return [];
  }
}

function whyUnusable(name: string, path: string): string | undefined {
  if (!/\.[cm]?[jt]s$/u.test(path)) return `${shownText(name)} is no module of policies: its name must end in .ts, .mts, .js or .mjs.`;
  const kind = kindOfFile(path);
  if (kind === "nothing") return `${shownText(name)} does not exist (looked for ${shownPath(path)}). Paths of policies are relative to this file.`;
  return kind === "file" ? undefined : `${shownText(name)} is not a file that can be read.`;
}

function policiesOf(loaded: LoadedModule, entry: Entry, input: PoliciesInput): ReadPolicy[] {
  const { problems } = input;
  const definitions = loaded.exports.filter(([, value]) => isDefinition(value));
  if (loaded.exports.length === 0) problems.add(entry.place, `${entry.name} exports nothing. A policy is a named export: export const myPolicy = (context) => …`);
  if (entry.options !== undefined && definitions.length !== 1) {
    problems.add(entry.place, `${entry.name} takes no options: options go to a module that exports exactly one definePolicy(…) result; this one exports ${definitions.length}.`);
    return [];
  }
  const hashes = loaded.sources.map(({ path, sha256 }) => ({ path: portable(input.project, path), sha256 }));
  const sources = [...loaded.sources.map(({ path }) => path), ...loaded.shadows];
  return loaded.exports.flatMap(([name, value]) => {
    const policy = policyOf(name, value, entry, problems);
    if (policy === undefined) return [];
    const meaning = { policy: name, options: entry.options === undefined ? {} : plain(entry.options), sources: hashes };
    return [{ name: policyMeta(policy)?.id ?? name, policy, place: entry.place, meaning, sources }];
  });
}

function policyOf(name: string, value: unknown, entry: Entry, problems: Problems): Policy | undefined {
  if (name !== "default" && isDefinition(value)) return create(value, entry, problems);
  const wrong = whyNoPolicy(name, value);
  if (wrong === undefined) return value as Policy;
  problems.addAnother(entry.place, `${entry.name} ${wrong}`);
  return undefined;
}

function whyNoPolicy(name: string, value: unknown): string | undefined {
  if (name === "default") return "has a default export. A policy is a named export, so that receipts can name it: export const myPolicy = (context) => …";
  if (typeof value !== "function") {
    return `exports '${name}', which is no policy. Every export must be a function or a definePolicy(…) result; keep the rest unexported, or in a file of its own.`;
  }
  const kind = Object.prototype.toString.call(value);
  if (kind === "[object AsyncFunction]") return `exports '${name}', which is asynchronous. A policy judges facts that are already there: remove async and await.`;
  if (kind !== "[object Function]") return `exports '${name}', which is a generator and no policy.`;
  // A class cannot be called without new, so it would block every call.
  if (/^class\b/u.test(Function.prototype.toString.call(value))) return `exports '${name}', which is a class and no policy.`;
  return undefined;
}

/** By shape, because a custom policy may have been defined with another copy of this package. */
function isDefinition(value: unknown): value is PolicyDefinition {
  if (typeof value !== "object" || value === null) return false;
  const { id, create: make, options } = value as Partial<PolicyDefinition>;
  return typeof id === "string" && typeof make === "function" && typeof options === "object";
}

/** The path as it would be on another machine, for the digest. */
function portable(project: string, path: string): string {
  return relative(project, path).split(sep).join("/");
}

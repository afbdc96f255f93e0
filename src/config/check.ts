import type { z } from "zod";

import { plain } from "./document.js";
import type { Located, LocatedEntry } from "./document.js";
import { nearest, suggestion } from "./nearest.js";
import type { Place, Problems } from "./problem.js";
import { schemaAt } from "./schema-walk.js";
import { looksSecret, shownText, shownValue } from "./shown.js";

type Issue = z.core.$ZodIssue;
type Path = readonly PropertyKey[];

export interface CheckOptions {
  /** What the value is called in messages: "systems.git", "max_files_per_commit". Empty for the whole file. */
  readonly label: string;
  /** Where to point when something is missing. */
  readonly place: Place;
  readonly problems: Problems;
  /** True where a value must not be shown. */
  readonly isSecret?: (path: Path) => boolean;
}

/** Parses a located value with a schema. Undefined when it does not fit; what is wrong is then in `problems`. */
export function check<Schema extends z.ZodType>(schema: Schema, node: Located, options: CheckOptions): z.output<Schema> | undefined {
  const parsed = schema.safeParse(plain(node));
  if (parsed.success) return parsed.data;
  reportIssues(schema, parsed.error.issues, node, options);
  return undefined;
}

/** Puts what zod found into `problems`, in words and with places. */
export function reportIssues(schema: z.ZodType, issues: readonly Issue[], node: Located, options: CheckOptions): void {
  const flat = issues.flatMap((issue) => bestBranch(issue, node));
  const meant = flat.flatMap((issue) => (issue.code === "unrecognized_keys" ? keysMeant(schema, issue) : []));
  for (const issue of flat) {
    if (issue.code === "unrecognized_keys") reportKeys(schema, issue, node, options);
    // The misspelt key is named already, with the name that is missing.
    else if (!meant.includes(issue.path.join("."))) reportIssue(schema, issue, node, options);
  }
}

function keysMeant(schema: z.ZodType, issue: Issue & { code: "unrecognized_keys" }): string[] {
  const known = knownKeys(schema, issue.path);
  return issue.keys.map((key) => [...issue.path, nearest(key, known)].join("."));
}

function knownKeys(schema: z.ZodType, path: Path): string[] {
  return [...new Set(schemaAt(schema, path).flatMap(({ properties }) => Object.keys(properties ?? {})))];
}

function reportKeys(schema: z.ZodType, issue: Issue & { code: "unrecognized_keys" }, node: Located, options: CheckOptions): void {
  const known = knownKeys(schema, issue.path);
  const parent = find(node, issue.path).node;
  for (const key of issue.keys) {
    const place = entryOf(parent, key)?.keyPlace ?? options.place;
    const where = label(options, issue.path);
    const inside = where === "" ? "" : ` in ${where}`;
    options.problems.add(place, `unknown key ${shownText(key)}${inside}.${suggestion(key, known, "keys")}`);
  }
}

function reportIssue(schema: z.ZodType, issue: Issue, node: Located, options: CheckOptions): void {
  const found = find(node, issue.path);
  const name = label(options, issue.path);
  if (found.node === undefined) {
    const description = schemaAt(schema, issue.path).find((part) => part.description !== undefined)?.description;
    const what = description === undefined ? "" : ` (${description})`;
    options.problems.addAnother(found.place ?? options.place, `${name === "" ? "the file" : name} is missing${what}.`);
    return;
  }
  const secret = options.isSecret?.(issue.path) === true || (found.node.kind === "scalar" && looksSecret(found.node.source));
  options.problems.add(found.node.place, `${name === "" ? "the file" : name} ${demand(issue)}${findings(issue, found.node, secret)}`);
}

/** Of a union's branches the one that the value comes closest to, so that its problems are the ones told. */
function bestBranch(issue: Issue, node: Located): Issue[] {
  if (issue.code !== "invalid_union" || issue.errors.length === 0) return [issue];
  const shapeFits = (branch: readonly Issue[]) => !branch.some((inner) => inner.code === "invalid_type" && inner.path.length === 0);
  const branches = issue.errors.filter(shapeFits);
  if (branches.length === 0) return [{ ...issue, message: unionDemand(issue.errors) }];
  const [best = []] = branches.toSorted((a, b) => misfit(a) - misfit(b));
  const moved = best.map((inner) => ({ ...inner, path: [...issue.path, ...inner.path] }));
  return moved.flatMap((inner) => bestBranch(inner, node));
}

/** A key that the branch does not know counts more than one that it misses: the writer put it there on purpose. */
function misfit(branch: readonly Issue[]): number {
  return branch.reduce((sum, issue) => sum + (issue.code === "unrecognized_keys" ? 3 * issue.keys.length : 2), 0);
}

function unionDemand(branches: readonly (readonly Issue[])[]): string {
  const kinds = branches.flatMap((branch) => branch.flatMap((inner) => (inner.code === "invalid_type" ? [kindName(inner.expected)] : [])));
  return kinds.length === 0 ? "" : `must be ${[...new Set(kinds)].join(" or ")}`;
}

function demand(issue: Issue): string {
  if (isOwnWords(issue)) return ownWords(issue.message);
  if (issue.code === "invalid_type") return `must be ${kindName(issue.expected)}`;
  if (issue.code === "invalid_value") {
    const [only] = issue.values;
    return issue.values.length === 1 ? `must be ${String(only)}` : `must be one of ${issue.values.map(String).join(", ")}`;
  }
  if (issue.code === "too_small" || issue.code === "too_big") return sizeDemand(issue);
  return `does not fit (${issue.message})`;
}

/** The message was written by the schema's author and not by zod. */
function isOwnWords(issue: Issue): boolean {
  return !/^(?:Invalid|Too small|Too big|Unrecognized)/u.test(issue.message);
}

/** It may begin as the second half of a sentence ("must be a URL such as …") or stand by itself. */
function ownWords(message: string): string {
  const end = message.replace(/\.$/u, "");
  return /^(?:must|is|are|has|have|needs|may|cannot|does|do)\b/u.test(end) ? end : `is wrong: ${end}`;
}

function sizeDemand(issue: Issue & { code: "too_small" | "too_big" }): string {
  const least = issue.code === "too_small";
  const bound = String(least ? issue.minimum : issue.maximum);
  if (issue.origin === "string" && bound === "1" && least) return "must not be empty";
  if ((issue.origin === "array" || issue.origin === "set") && bound === "1" && least) return "must name at least one";
  const word = issue.inclusive === false ? (least ? "more than" : "less than") : least ? "at least" : "at most";
  const unit = issue.origin === "string" ? " characters long" : issue.origin === "array" ? " entries long" : "";
  return `must be ${word} ${bound}${unit}`;
}

function kindName(expected: string): string {
  const names: Readonly<Record<string, string>> = {
    string: "text",
    number: "a number",
    int: "a whole number",
    boolean: "true or false",
    array: "a list",
    object: "keys and values",
    record: "keys and values",
    null: "empty",
  };
  return names[expected] ?? `of the kind ${expected}`;
}

/** The second half of the message: what was found, and the way out when it is plain. */
function findings(issue: Issue, node: Located, secret: boolean): string {
  if (issue.code === "custom" && node.kind !== "scalar") return ".";
  const found = `; found ${shownValue(node, secret)}.`;
  if (node.kind !== "scalar") return found;
  if (issue.code === "invalid_value" && typeof node.value === "string" && !secret) {
    const names = issue.values.map(String);
    const meant = nearest(node.value, names);
    return meant === undefined ? found : `${found} Did you mean '${meant}'?`;
  }
  return issue.code === "invalid_type" ? found + wayOut(issue.expected, node, secret) : found;
}

function wayOut(expected: string, node: Located & { kind: "scalar" }, secret: boolean): string {
  if (expected === "string" && node.value !== null) return secret ? " Put it in quotes." : ` Put it in quotes: '${node.source}'.`;
  if (expected === "array" && node.value !== null && !secret) return ` Put it in brackets: [${node.source}].`;
  if (typeof node.value !== "string") return "";
  if (expected === "boolean" && /^(?:yes|no|on|off|y|n)$/iu.test(node.value)) return " In YAML 1.2 that is text.";
  const isNumeric = expected === "number" || expected === "int";
  if (isNumeric && node.variables.length > 0) return " A reference always gives text: write the number here.";
  return isNumeric && /^['"][\d.]+['"]$/u.test(node.source) ? " Remove the quotes." : "";
}

/** The node at a path, and the place of its key (of the nearest ancestor's key when there is no such node). */
function find(node: Located, path: Path): { node: Located | undefined; place: Place | undefined } {
  let current: Located | undefined = node;
  let place: Place | undefined;
  for (const step of path) {
    const entry = entryOf(current, step);
    place = entry?.keyPlace ?? place;
    current = current?.kind === "list" ? current.items[Number(step)] : entry?.value;
  }
  return { node: current, place };
}

export function entryOf(node: Located | undefined, key: PropertyKey): LocatedEntry | undefined {
  return node?.kind === "map" ? node.entries.find((entry) => entry.key === key) : undefined;
}

function label(options: CheckOptions, path: Path): string {
  return path.reduce<string>((text, step) => {
    if (typeof step === "number") return `${text}[${step}]`;
    return text === "" ? String(step) : `${text}.${String(step)}`;
  }, options.label);
}

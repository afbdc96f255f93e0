import { ALWAYS_PROTECTED, readsAs } from "../../facts/git-names.js";

type Facts = Readonly<Record<string, unknown>>;

/** Why a branch is protected, as a clause; null when it is not. Undefined when the facts do not say. */
export function protection(facts: Facts, branch: unknown, patterns: readonly string[]): string | null | undefined {
  const names = facts["protected_branches"];
  if (typeof branch !== "string" || branch === "" || !isTexts(names)) return undefined;
  const remote = typeof facts["remote"] === "string" ? facts["remote"] : "the remote";
  const read = readsAs(branch);
  const isDefault = facts["remote_default_branch"] === branch;
  if (isDefault) return `'${branch}' is the default branch of ${remote}`;
  const alike = [...ALWAYS_PROTECTED, ...names].filter((name) => readsAs(name) === read);
  const other = alike.find((name) => name !== branch);
  if (other !== undefined) return `'${branch}' reads as '${other}'`;
  if (alike.length > 0) return `'${branch}' is a protected branch`;
  const pattern = patterns.find((each) => matches(each, branch));
  return pattern === undefined ? null : `it matches '${pattern}'`;
}

/**
 * True when a branch fits a pattern: `*` stands for anything within one part of the name, `**` for anything at all, and
 * a `*` as the last part for everything below. Case does not count: where the remote's file system folds it, nor does it.
 */
export function matches(pattern: string, branch: string): boolean {
  const text = readsAs(pattern.replace(/^refs\/heads\//, ""));
  const source = text.replaceAll(/\*\*|\/\*$|\*|\?|[^*?]+?(?=\*|\?|\/\*$|$)/gs, (piece) => {
    if (piece === "**") return ".*";
    if (piece === "/*") return "/.+";
    if (piece === "*") return "[^/]*";
    return piece === "?" ? "[^/]" : piece.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
  });
  return new RegExp(`^${source}$`, "su").test(readsAs(branch));
}

/** A name for a branch of the agent's own: the source's, or made from what the newest commit is about. */
export function ownBranch(facts: Facts, prefix = "agent/"): string {
  const source = facts["source"];
  const names = facts["protected_branches"];
  if (typeof source === "string" && source.startsWith(prefix) && isTexts(names) && !names.includes(source)) return source;
  const [newest] = Array.isArray(facts["commits"]) ? (facts["commits"] as readonly { subject?: unknown }[]) : [];
  const subject = typeof newest?.subject === "string" ? newest.subject : "";
  const words = subject.normalize("NFKD").toLowerCase().match(/[a-z0-9]+/g) ?? [];
  return `${prefix}${words.slice(0, 5).join("-").slice(0, 40) || "my-change"}`;
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((each) => typeof each === "string");
}

/** What a verdict says when a fact is not there: a policy that knows nothing lets nothing pass. */
export function notKnown(fact: string): { passed: false; reason: string } {
  return { passed: false, reason: `It is not known what this is about: the fact '${fact}' is missing or malformed` };
}

import type { z } from "zod";

import type { Approval, History } from "../facts/context.js";

/** What a policy reads. Frozen all the way down; a fact that is unknown throws when it is touched. */
export interface WorkflowContext<Payload = Record<string, unknown>> {
  /** The tool's name, such as "git_push". */
  readonly workflow: string;
  readonly user_email: string;
  readonly actor_role: string;
  readonly user_attributes: Readonly<Record<string, unknown>>;
  /** Facts that the guard found in the real system. */
  readonly payload: Payload;
  readonly now: Date;
  readonly history: History;
  readonly approval: Approval | null;
}

export interface PolicyResult {
  readonly policy: string;
  readonly passed: boolean;
  /** What was found, in the user's words. */
  readonly reason: string;
  /** What to do instead; only when it did not pass. */
  readonly hint?: string;
}

/** A policy is a plain, synchronous function: no I/O, no clock, no randomness. */
export type Policy = (context: WorkflowContext) => PolicyResult;

/** The nine categories of Enact. */
export const CATEGORIES = ["git", "db", "filesystem", "access", "crm", "time", "slack", "email", "cloud_storage"] as const;
export type Category = (typeof CATEGORIES)[number];

/** What `judge` of a built-in returns; the name is added by definePolicy. */
export interface Verdict {
  readonly passed: boolean;
  readonly reason: string;
  /** Overrides the policy's general hint with one about this very call. */
  readonly hint?: string;
  /**
   * The hint as data: facts that this call would have had, had the hint been followed. The guard judges the call with
   * these again and shows the hint only if every policy would then pass, so that no advice leads into the next block.
   */
  readonly instead?: Readonly<Record<string, unknown>>;
}

/** An example that runs as a test and is printed into the docs. */
export interface Example<Options> {
  /** A sentence: "a push to a feature branch". */
  readonly title: string;
  readonly passes: boolean;
  readonly options?: Options;
  readonly workflow: string;
  /** Only the facts that matter here; complete for what the policy reads. */
  readonly payload: Readonly<Record<string, unknown>>;
  readonly now?: string;
  readonly actor_role?: string;
  readonly user_attributes?: Readonly<Record<string, unknown>>;
  /** Allowed runs that the ledger already holds: how long ago, of which tool, under which subject. */
  readonly history?: readonly { workflow: string; seconds_ago: number; subject?: string }[];
  readonly approved?: boolean;
}

export interface PolicySpec<Options> {
  /** snake_case; Enact's name where it has one. */
  readonly id: string;
  readonly category: Category;
  /** The tools it judges, or "all"; a function when that depends on the options. */
  readonly workflows: readonly string[] | "all" | ((options: Options) => readonly string[] | "all");
  /**
   * Tools among them of whose calls it judges only a part that may be missing, such as a mail's attachments. For the rest
   * of such a call it has no opinion, so that it does not count as a policy that judges the tool.
   */
  readonly judgesPartOf?: readonly string[];
  /** Payload keys it cannot judge without, whatever the options. A missing or unknown one blocks before `judge` runs. */
  readonly reads: readonly string[];
  /**
   * A person's verified approval of exactly this call makes it pass: a call that only such policies block becomes a
   * request to people. An option `min_approvals` says how many must approve.
   */
  readonly mayBeApproved?: boolean;
  /** Strict object of the options, every default written in it. */
  readonly options: z.ZodType<Options>;
  /** One sentence, for the docs: blocks when … */
  readonly description: string;
  /** The general "what to do instead", one sentence. */
  readonly hint: string;
  /** At least one that passes and one that does not. */
  readonly examples: readonly Example<Options>[];
  /**
   * A call that the policy must block under these very options; the guard judges it at start and refuses to serve if it
   * passes. Needed when the first blocking example does not block under all options.
   */
  readonly knownBad?: (options: Options) => Omit<Example<Options>, "title" | "passes" | "options">;
  readonly judge: (context: WorkflowContext, options: Options) => Verdict;
}

/** The metadata that a built-in policy carries. */
export interface PolicyMeta {
  readonly id: string;
  readonly category: Category;
  readonly workflows: readonly string[] | "all";
  /** Tools that would go unjudged with this policy alone. */
  readonly judgesPartOf: readonly string[];
  readonly mayBeApproved: boolean;
  readonly reads: readonly string[];
  readonly description: string;
  readonly hint: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly knownBad: Omit<Example<unknown>, "title" | "passes" | "options">;
}

/** Marks a defined policy; a registered symbol, so that a second copy of this package is recognised too. */
const META = Symbol.for("enact-guard.policy");

export type DefinedPolicy = Policy & { readonly [META]: PolicyMeta };

/** A kind of policy: what the lists hold, what the configuration names and what the docs print. */
export interface PolicyDefinition {
  readonly id: string;
  readonly category: Category;
  readonly description: string;
  readonly hint: string;
  readonly reads: readonly string[];
  readonly judgesPartOf: readonly string[];
  /** Schema of the options, for the configuration and the docs. */
  readonly options: z.ZodType;
  readonly examples: readonly Example<unknown>[];
  /**
   * Makes a policy with these options.
   * @throws z.ZodError when they do not fit
   */
  create(options: unknown): DefinedPolicy;
}

/**
 * Defines a kind of policy. The category's index exports from it a policy (`dontDeleteRow = dontDeleteRowPolicy.create({})`)
 * or a factory (`requireBranchPrefix = (prefix: string) => requireBranchPrefixPolicy.create({ prefix })`).
 */
export function definePolicy<Options extends object>(spec: PolicySpec<Options>): PolicyDefinition {
  const { id, category, description, hint, reads, judgesPartOf = [], options, examples } = spec;
  const create = (given: unknown) => createPolicy(spec, given);
  return Object.freeze({ id, category, description, hint, reads, judgesPartOf, options, examples, create });
}

/** The metadata of a policy made by definePolicy; undefined for a plain function. */
export function policyMeta(policy: unknown): PolicyMeta | undefined {
  return typeof policy === "function" ? (policy as Partial<DefinedPolicy>)[META] : undefined;
}

function createPolicy<Options extends object>(spec: PolicySpec<Options>, given: unknown): DefinedPolicy {
  const options = deepFreezeOptions(spec.options.parse(given ?? {}));
  const named = {
    [spec.id](context: WorkflowContext): PolicyResult {
      const verdict = spec.judge(context, options);
      if (verdict.passed) return { policy: spec.id, passed: true, reason: verdict.reason };
      return failing(spec, verdict);
    },
  };
  const policy = named[spec.id] as Policy;
  Object.defineProperty(policy, META, { value: Object.freeze(metaOf(spec, options)) });
  return Object.freeze(policy) as DefinedPolicy;
}

function failing<Options>(spec: PolicySpec<Options>, verdict: Verdict): PolicyResult {
  const result = { policy: spec.id, passed: verdict.passed, reason: verdict.reason, hint: verdict.hint ?? spec.hint };
  return verdict.instead === undefined ? result : withInstead(result, verdict.instead);
}

const INSTEAD = Symbol.for("enact-guard.instead");

/** The same result with its hint as data. Not enumerable: `instead` steers the hints and is no part of the receipt. */
export function withInstead(result: PolicyResult, instead: Readonly<Record<string, unknown>>): PolicyResult {
  return Object.defineProperty({ ...result }, INSTEAD, { value: instead });
}

/** The hint of a failing result as data, if its policy gave one. */
export function insteadOf(result: PolicyResult): Readonly<Record<string, unknown>> | undefined {
  return (result as { [INSTEAD]?: Readonly<Record<string, unknown>> })[INSTEAD];
}

function metaOf<Options extends object>(spec: PolicySpec<Options>, options: Options): PolicyMeta {
  const blocking = spec.examples.find((example) => !example.passes);
  const knownBad = spec.knownBad?.(options) ?? blocking;
  if (knownBad === undefined) throw new TypeError(`${spec.id}: a policy needs an example that it blocks`);
  return {
    id: spec.id,
    category: spec.category,
    workflows: typeof spec.workflows === "function" ? spec.workflows(options) : spec.workflows,
    judgesPartOf: spec.judgesPartOf ?? [],
    mayBeApproved: spec.mayBeApproved ?? false,
    reads: spec.reads,
    description: spec.description,
    hint: spec.hint,
    options: options as Readonly<Record<string, unknown>>,
    knownBad,
  };
}

function deepFreezeOptions<Value>(value: Value): Value {
  if (typeof value !== "object" || value === null) return value;
  for (const child of Object.values(value)) deepFreezeOptions(child);
  return Object.freeze(value);
}

import type { Approval } from "../facts/context.js";
import type { JsonObject } from "../facts/json.js";
import { canonicalJson } from "../receipts/canonical.js";
import { HistoryIndex } from "../receipts/history.js";
import type { Entry, RecordedPolicyResult } from "../receipts/receipt.js";
import type { PolicyResult } from "../policies/policy.js";
import type { ConfiguredPolicy } from "./guard.js";
import { GUARD, judge } from "./judge.js";
import { recordedApproval } from "./recorded-approval.js";
import { WAS_REDACTED, withoutRedacted } from "./redacted.js";
import { ROLLBACK } from "./undoing.js";

/** The configuration by which is judged again. */
export interface RejudgeOptions {
  readonly policies: readonly ConfiguredPolicy[];
  readonly unguarded: readonly string[];
  /** The tools that are enabled. */
  readonly tools: readonly string[];
  readonly configDigest: string;
}

/** cannot_tell: a policy asks for what the receipt does not hold, and no other one blocks. */
export type Verdict = "PASS" | "BLOCK" | "cannot_tell";
type Stand = "passed" | "failed" | "absent" | "cannot_tell";

/** One policy, then and now. */
export interface PolicyChange {
  readonly policy: string;
  readonly was: Stand;
  readonly now: Stand;
  /** What it says now; what it said then, if it is no longer asked. */
  readonly reason: string;
}

/** One judgement of the ledger, made again. */
export interface Rejudged {
  readonly run_id: string;
  readonly sequence: number;
  readonly workflow: string;
  readonly timestamp: string;
  /** measured: what was judged were the effects, after the call had run and before they stayed. */
  readonly of: "plan" | "measured";
  readonly was: "PASS" | "BLOCK";
  readonly now: Verdict;
  /** Where the two differ, and where nobody can tell. */
  readonly policies: readonly PolicyChange[];
  /** What the new judgement takes for granted. */
  readonly assumes: readonly string[];
  /** The configuration is the one under which it was decided: a difference is then a contradiction. */
  readonly sameConfiguration: boolean;
}

/**
 * Judges each decision of a ledger again: from the facts in its receipt, at its time, for its person, and on the history as the
 * ledger itself had it at that place; by the policies of a configuration that may be another one now.
 *
 * It says only what follows from the receipt. A fact that was redacted, or that nobody looked for because no policy asked for
 * it then, is unknown, and what depends on it cannot be told.
 */
export class Rejudger {
  readonly #options: RejudgeOptions;
  readonly #history = new HistoryIndex();
  /** Allowed runs without an outcome so far. */
  readonly #open = new Map<string, Entry>();
  /** Calls that were never judged: they could not be planned. */
  unplanned = 0;

  constructor(options: RejudgeOptions) {
    this.#options = options;
  }

  /** Takes the next entry, in order from the first one on. @returns null for what is no judgement of its own */
  next(entry: Entry): Rejudged | null {
    const rejudged = entry.phase === "decision" ? this.#decision(entry) : this.#outcome(entry);
    this.#history.add(entry);
    return rejudged;
  }

  #decision(entry: Entry): Rejudged | null {
    if (entry.decision === "PASS") this.#open.set(entry.run_id, entry);
    if (entry.plan_digest === null) {
      this.unplanned += 1;
      return null;
    }
    return this.#rejudged(entry, entry);
  }

  /** An outcome is judged where effects were measured: then its facts are others than those of the decision. */
  #outcome(entry: Entry): Rejudged | null {
    const decision = this.#open.get(entry.run_id);
    this.#open.delete(entry.run_id);
    const isMeasured = decision !== undefined && canonicalJson(decision.payload) !== canonicalJson(entry.payload);
    return isMeasured ? this.#rejudged(entry, decision) : null;
  }

  #rejudged(entry: Entry, decision: Entry): Rejudged {
    const { run_id, sequence, workflow, timestamp, payload } = entry;
    const of = entry === decision ? "plan" : "measured";
    const was = entry.decision === "BLOCK" ? "BLOCK" : "PASS";
    const { results, assumes } = this.#judge(entry, decision);
    const fails = (change: Stand): boolean => results.some(({ stand }) => stand === change);
    const now = fails("failed") ? "BLOCK" : fails("cannot_tell") ? "cannot_tell" : "PASS";
    const wouldBeMeasured = of === "plan" && was === "BLOCK" && now === "PASS" && payload["effects"] === "planned";
    return {
      run_id, sequence, workflow, timestamp, of, was, now,
      policies: changesOf(entry.policy_results, results),
      assumes: wouldBeMeasured ? [...assumes, "nothing of its effects, which would be measured and judged before they stay"] : assumes,
      sameConfiguration: entry.config_digest === this.#options.configDigest,
    };
  }

  #judge(entry: Entry, decision: Entry): { readonly results: readonly Judged[]; readonly assumes: readonly string[] } {
    const { workflow } = entry;
    const { policies, unguarded, tools } = this.#options;
    if (!tools.includes(workflow) && workflow !== ROLLBACK) {
      const reason = `${workflow} is not enabled by this configuration`;
      return { results: [{ policy: GUARD, passed: false, reason, stand: "failed" }], assumes: [] };
    }
    if (entry.redacted.some((pointer) => pointer.startsWith("/user_attributes"))) {
      const reason = "An attribute of the person was redacted in the receipt, and any policy may have asked for it";
      return { results: [{ policy: GUARD, passed: false, reason, stand: "cannot_tell" }], assumes: [] };
    }
    const payload = withoutRedacted(entry.payload, entry.redacted);
    const { user_email, actor_role, user_attributes } = entry;
    const history = this.#history.history(entry === decision ? null : decision.run_id);
    const subject = { workflow, identity: { user_email, actor_role, user_attributes }, payload, now: new Date(entry.timestamp), history };
    const mayBeUnjudged = unguarded.includes(workflow) || workflow === ROLLBACK;
    const judgeWith = (approval: Approval | null) => [...judge(policies, { ...subject, approval }, mayBeUnjudged).results, ...ownRules(entry)].map((result) => judged(result, entry.payload));
    const without = judgeWith(null);
    const approval = recordedApproval(decision);
    if (approval === null || without.every(({ passed }) => passed)) return { results: without, assumes: [] };
    return { results: judgeWith(approval), assumes: [`the approval of ${approval.approver} that was used then (${approval.id}); under another configuration it would have been another request`] };
  }
}

interface Judged extends PolicyResult {
  readonly stand: "passed" | "failed" | "cannot_tell";
}

/** What judging a ledger again has come to. */
export interface RejudgeReport {
  /** How many judgements were made again. */
  readonly judged: number;
  /** How many came to the same verdict. */
  readonly same: number;
  /** Those that would come to another one. */
  readonly changed: readonly Rejudged[];
  /** Those of which nobody can tell. */
  readonly unclear: readonly Rejudged[];
  /** Calls that were never judged: they could not be planned. */
  readonly unplanned: number;
}

/** Judges all entries again; they are genuine, and in order from the first one on. */
export function rejudgeAll(entries: Iterable<Entry>, options: RejudgeOptions): RejudgeReport {
  const rejudger = new Rejudger(options);
  const changed: Rejudged[] = [];
  const unclear: Rejudged[] = [];
  let count = 0;
  for (const entry of entries) {
    const rejudged = rejudger.next(entry);
    if (rejudged === null) continue;
    count += 1;
    if (rejudged.now === "cannot_tell") unclear.push(rejudged);
    else if (rejudged.now !== rejudged.was) changed.push(rejudged);
  }
  return { judged: count, same: count - changed.length - unclear.length, changed, unclear, unplanned: rejudger.unplanned };
}

/**
 * A verdict that differs under the very configuration by which it was made: the decision does not follow from its facts, or
 * the policies themselves have changed with the version of the guard.
 */
export function contradictions({ changed }: RejudgeReport): readonly Rejudged[] {
  return changed.filter(({ sameConfiguration }) => sameConfiguration);
}

/**
 * The guard's own rules do not depend on the configuration: what may be done once only was judged on what others were doing
 * at that moment, and stays as it was.
 */
function ownRules({ policy_results }: Entry): readonly PolicyResult[] {
  return policy_results.filter(({ policy, passed, reason }) => policy === GUARD && !passed && !reason.startsWith("No policy judges "));
}

/**
 * What a policy could not judge is a verdict only where it could not judge it then either: a fact that nobody could find out.
 * A fact that is not in the receipt says nothing of the world.
 */
function judged(result: PolicyResult, recorded: JsonObject): Judged {
  if (result.passed) return { ...result, stand: "passed" };
  if (!result.reason.startsWith("Cannot be judged: ")) return { ...result, stand: "failed" };
  const unknown = / is unknown: (?<why>.*)$/su.exec(result.reason)?.groups?.["why"];
  const wasUnknownThen = unknown !== undefined && unknown !== WAS_REDACTED && JSON.stringify(recorded).includes("\"$unknown\":");
  return { ...result, stand: wasUnknownThen ? "failed" : "cannot_tell" };
}

/** Policies by their names; of two with the same name the first goes with the first. */
function changesOf(then: readonly RecordedPolicyResult[], now: readonly Judged[]): readonly PolicyChange[] {
  const [thenNames, nowNames] = [numbered(then), numbered(now)];
  const changes = now.flatMap((result, index): PolicyChange[] => {
    const before = then[thenNames.indexOf(nowNames[index] ?? "")];
    const was = before === undefined ? "absent" : before.passed ? "passed" : "failed";
    return was === result.stand ? [] : [{ policy: result.policy, was, now: result.stand, reason: result.reason }];
  });
  const gone = then.flatMap((result, index): PolicyChange[] => {
    if (nowNames.includes(thenNames[index] ?? "")) return [];
    return [{ policy: result.policy, was: result.passed ? "passed" : "failed", now: "absent", reason: result.reason }];
  });
  return [...changes, ...gone];
}

function numbered(results: readonly { readonly policy: string }[]): readonly string[] {
  const seen = new Map<string, number>();
  return results.map(({ policy }) => {
    const number = (seen.get(policy) ?? 0) + 1;
    seen.set(policy, number);
    return `${policy}\n${String(number)}`;
  });
}

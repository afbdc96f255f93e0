import type { HistoryQuery, PastRun } from "../facts/context.js";
import type { Json, JsonObject } from "../facts/json.js";
import { plainJson } from "../facts/json.js";
import { unknown } from "../facts/unknown.js";
import { policyMeta } from "../policies/policy.js";
import type { ConfiguredPolicy, GuardOptions, SelfTest } from "./guard.js";
import type { Case } from "./judge.js";
import { judge, policiesFor } from "./judge.js";

type Options = Pick<GuardOptions, "tools" | "policies" | "unguarded" | "identity">;

/**
 * Proves that the configured policies block: each built-in gets the known-bad call that it declares for its very options,
 * and each tool a plan of which nothing is known. A policy that lets its known-bad call pass is broken, or its options
 * protect nothing.
 */
export function selfTest(options: Options): SelfTest {
  const failures: string[] = [];
  const notes: string[] = [];
  for (const policy of options.policies) {
    const finding = policyFinding(policy, options);
    if (finding !== undefined) failures.push(finding);
    if (policyMeta(policy.policy) === undefined) {
      notes.push(`${policy.name} is a plain function: it has no known-bad call, so nothing was proved of it`);
    }
  }
  for (const tool of options.tools) failures.push(...toolFindings(tool.name, options));
  return { ok: failures.length === 0, failures, notes };
}

function policyFinding(configured: ConfiguredPolicy, options: Options): string | undefined {
  const bad = policyMeta(configured.policy)?.knownBad;
  if (bad === undefined) return undefined;
  const { passed } = judge([configured], knownBadCase(bad, options));
  if (!passed) return undefined;
  return `${configured.name} lets a call pass that it must block. With these options it protects nothing: correct or remove it.`;
}

function toolFindings(tool: string, options: Options): string[] {
  if (options.unguarded.includes(tool)) return [];
  const applying = policiesFor(tool, options.policies);
  const policies = applying.filter(({ policy }) => policyMeta(policy)?.judgesPartOf.includes(tool) !== true);
  if (policies.length === 0) return [`${tool} is enabled and no policy judges it${applying.length > 0 ? " as a whole" : ""}.`];
  const defined = policies.filter(({ policy }) => policyMeta(policy) !== undefined);
  if (defined.length === 0) return [];
  const blocks = defined.some((policy) => blocksSomething(policy, tool, options));
  return blocks ? [] : [`No policy of ${tool} blocks a known-bad plan. Add one that judges what ${tool} does.`];
}

function blocksSomething(configured: ConfiguredPolicy, tool: string, options: Options): boolean {
  const meta = policyMeta(configured.policy);
  if (meta === undefined) return false;
  const nothingKnown = Object.fromEntries(meta.reads.map((fact) => [fact, unknown("self-test")])) as unknown as JsonObject;
  const blind = judge([configured], { ...emptyCase(options), workflow: tool, payload: nothingKnown });
  const bad = judge([configured], { ...knownBadCase(meta.knownBad, options), workflow: tool });
  return !blind.passed || !bad.passed;
}

type KnownBad = NonNullable<ReturnType<typeof policyMeta>>["knownBad"];

function knownBadCase(bad: KnownBad, options: Options): Case {
  const { user_email, actor_role, user_attributes } = options.identity;
  const now = bad.now === undefined ? new Date(0) : new Date(bad.now);
  return {
    workflow: bad.workflow,
    identity: {
      user_email,
      actor_role: bad.actor_role ?? actor_role,
      user_attributes: bad.user_attributes ?? user_attributes,
    },
    payload: { ...CALM, ...(plainJson(bad.payload, "payload") as JsonObject) },
    now,
    history: madeUpHistory(bad.history ?? [], now),
    approval: null,
  };
}

/** Facts about the environment under which nothing is frozen, so that only the policy's own reason can block. */
const CALM: Readonly<Record<string, Json>> = { environment: { freeze_env: null, freeze_file: null } };

function emptyCase(options: Options): Case {
  const history = madeUpHistory([], new Date(0));
  return { workflow: "", identity: options.identity, payload: {}, now: new Date(0), history, approval: null };
}

function madeUpHistory(runs: NonNullable<KnownBad["history"]>, now: Date) {
  const past = runs.map((run) => ({ ...run, timestamp: new Date(now.getTime() - run.seconds_ago * 1000) }));
  const matching = (query: HistoryQuery): PastRun[] =>
    past
      .filter((run) => run.timestamp >= query.since)
      .filter((run) => query.subject === undefined || run.subject === query.subject)
      .filter((run) => query.workflows === undefined || query.workflows.includes(run.workflow))
      .map(({ workflow, timestamp }) => ({ run_id: "self-test", workflow, user_email: "", timestamp, state: "done" }));
  return { runs: matching, count: (query: HistoryQuery) => matching(query).length };
}

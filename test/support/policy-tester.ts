import type { History, HistoryQuery, PastRun } from "../../src/facts/context.js";
import { deepFreeze, plainJson, type JsonObject } from "../../src/facts/json.js";
import { judge, policiesFor, type Case } from "../../src/guard/judge.js";
import { policyMeta, type Example, type Policy, type PolicyResult } from "../../src/policies/policy.js";

/** A call to be judged: an example without its title and verdict, such as a `knownBad`. */
export type TestedCall = Omit<Example<unknown>, "title" | "passes" | "options">;

/** Facts that the guard lays under every payload, with no freeze on. */
export const CALM = { environment: { freeze_env: null, freeze_file: null } };

const NOW = "2026-11-22T12:00:00.000Z";

/** Whether the guard asks this policy about this tool at all. */
export function judges(policy: Policy, workflow: string): boolean {
  return policiesFor(workflow, [{ name: "tested", policy }]).length > 0;
}

/**
 * Judges a call with one policy exactly as the guard does: frozen facts, unknown ones throw, a throw blocks. A tool that
 * the policy does not judge passes.
 */
export function judgeCall(policy: Policy, call: TestedCall): PolicyResult {
  const name = policyMeta(policy)?.id ?? "tested";
  if (!judges(policy, call.workflow)) return { policy: name, passed: true, reason: `does not judge ${call.workflow}` };
  const { results } = judge([{ name, policy }], caseOf(call));
  const [result] = results;
  if (result === undefined) throw new Error("the policy gave no result");
  return result;
}

/** The judged case, frozen all the way down, so that a policy that writes to it throws. */
export function caseOf(call: TestedCall): Case {
  const now = new Date(call.now ?? NOW);
  return {
    workflow: call.workflow,
    identity: deepFreeze({
      user_email: "agent@company.com",
      actor_role: call.actor_role ?? "engineer",
      user_attributes: structuredClone(call.user_attributes ?? {}),
    }),
    payload: plainJson({ ...CALM, ...call.payload }, "payload") as JsonObject,
    now,
    history: pastRuns(call.history ?? [], now),
    approval: call.approved === true ? APPROVAL : null,
  };
}

const APPROVAL = Object.freeze({
  id: "approval-1",
  approver: "bob@company.com",
  approvers: ["bob@company.com"],
  method: "key",
  plan_digest: `sha256:${"0".repeat(64)}`,
  approved_at: NOW,
});

/** A past run as the examples write it; done unless it says otherwise. */
export type Past = NonNullable<TestedCall["history"]>[number] & { readonly state?: PastRun["state"]; readonly user_email?: string };

/** The ledger's history made of runs so long ago, with the semantics that the ledger's contract states. */
export function pastRuns(past: readonly Past[], now: Date): History {
  const all = past
    .map((run, index) => ({
      subject: run.subject,
      run: {
        run_id: `run-${index}`,
        workflow: run.workflow,
        user_email: run.user_email ?? "agent@company.com",
        timestamp: new Date(now.getTime() - run.seconds_ago * 1000),
        state: run.state ?? "done",
      },
    }))
    .toSorted((a, b) => a.run.timestamp.getTime() - b.run.timestamp.getTime());
  const runs = ({ workflows, subject, since }: HistoryQuery) =>
    all
      .filter((entry) => entry.run.timestamp >= since)
      .filter((entry) => workflows === undefined || workflows.includes(entry.run.workflow))
      .filter((entry) => subject === undefined || entry.subject === subject)
      .map((entry) => entry.run);
  return { runs, count: (query) => runs(query).length };
}

import type { Plan, PlanCall, ToolDefinition, ExecuteControl, Execution } from "../../src/tools/tool.js";
import { deepFreeze, plainJson } from "../../src/facts/json.js";
import type { JsonObject } from "../../src/facts/json.js";
import { judge } from "../../src/guard/judge.js";
import type { Policy } from "../../src/policies/policy.js";
import type { Approval, History } from "../../src/facts/context.js";
import { nothingKept } from "./undo.js";

/** A history in which nothing ever happened. */
const EMPTY_HISTORY: History = { runs: () => [], count: () => 0 };

/** Plans as the guard does: input parsed by the tool's own schema, payload by its schema, all of it plain JSON. */
export async function planned<Input, Payload, Step, Reader, Writer>(
  tool: ToolDefinition<Input, Payload, Step, Reader, Writer>,
  input: unknown,
  reader: Reader,
  call: Partial<PlanCall> = {},
): Promise<Plan<Payload, Step>> {
  const parsed = tool.input.parse(input) as Input;
  const plan = await tool.plan(parsed, reader, { signal: new AbortController().signal, now: new Date(), undoBytes: 0, ...call });
  tool.payload.parse(plan.payload);
  plainJson(plan.payload, "payload");
  plainJson(plan.step, "step");
  return deepFreeze(plan);
}

export async function executed<Input, Payload, Step, Reader, Writer>(
  tool: ToolDefinition<Input, Payload, Step, Reader, Writer>,
  step: Step,
  writer: Writer,
  control: Partial<ExecuteControl> = {},
): Promise<Execution> {
  const execution = await tool.execute(step, writer, {
    signal: new AbortController().signal,
    judge: async () => true,
    undo: nothingKept,
    ...control,
  });
  plainJson(execution, "execution");
  return execution;
}

/** What the guard would say of this payload under these policies: null when it passes, else the reasons. */
export function blockedBy(
  workflow: string,
  payload: unknown,
  policies: readonly Policy[],
  more: { history?: History; now?: Date; approval?: Approval | null } = {},
): string | null {
  const { passed, results } = judge(
    policies.map((policy) => ({ name: policy.name, policy })),
    {
      workflow,
      identity: { user_email: "ann@example.com", actor_role: "engineer", user_attributes: {} },
      payload: payload as JsonObject,
      now: more.now ?? new Date(),
      history: more.history ?? EMPTY_HISTORY,
      approval: more.approval ?? null,
    },
  );
  return passed ? null : results.filter((result) => !result.passed).map(({ reason }) => reason).join("; ");
}

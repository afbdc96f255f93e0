import type { JsonObject } from "../../src/facts/json.js";
import type { InterruptedRun, Settlement, ToolDefinition } from "../../src/tools/tool.js";

const never = new AbortController().signal;

/** An interrupted run of this plan, decided so many milliseconds ago. */
export function interrupted(workflow: string, payload: unknown, changes: Partial<InterruptedRun> & { readonly age?: number } = {}): InterruptedRun {
  const { age = 10 * 60 * 1000, ...rest } = changes;
  return {
    run_id: "00000000-0000-4000-8000-0123456789ab",
    workflow,
    payload: JSON.parse(JSON.stringify(payload)) as JsonObject,
    decided_at: new Date(Date.now() - age),
    processName: "0123456789ab",
    sameConfiguration: true,
    ...rest,
  };
}

/** Looks as the guard does, ten minutes after the decision unless told otherwise. */
export async function settled<Input, Payload, Step, Reader, Writer>(
  tool: ToolDefinition<Input, Payload, Step, Reader, Writer>,
  payload: unknown,
  reader: Reader,
  changes: Parameters<typeof interrupted>[2] = {},
): Promise<Settlement> {
  if (tool.settle === undefined) throw new Error(`${tool.name} cannot be asked`);
  return tool.settle(interrupted(tool.name, payload, changes), reader, { signal: never, now: new Date() });
}

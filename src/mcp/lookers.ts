import { z } from "zod";

import { isEnactError } from "../errors.js";
import type { Json } from "../facts/json.js";
import type { Guard } from "../guard/guard.js";
import { parseInput } from "../guard/input.js";
import { invalidReport } from "../guard/outcome.js";
import { plainText } from "../guard/text.js";
import { ROLLBACK } from "../guard/undoing.js";
import { suggestion } from "../config/nearest.js";
import type { Answer, DoorTool } from "./door-tool.js";
import { failure } from "./door-tool.js";

/** The tools that only look; offered whatever the configuration lists. */
export function lookers(guard: Guard): readonly DoorTool[] {
  return [checkTool(guard), receiptsTool(guard)];
}

/** Names that a configuration may list without effect, because they are always there. */
export const LOOKER_NAMES = ["enact_check", "enact_receipts"] as const;

const looks = { readOnlyHint: true, destructiveHint: false, idempotentHint: true } as const;

const checkInput = z.strictObject({
  tool: z.string().min(1).max(100).describe("Name of a guarded tool of this server."),
  arguments: z.record(z.string(), z.unknown()).describe("The arguments that you would call it with."),
});

function checkTool(guard: Guard): DoorTool {
  const info = {
    name: "enact_check",
    title: "Would this call be allowed?",
    description:
      "Tells whether a call of a guarded tool would run or be blocked, and why, without doing it: it looks at the real " +
      "system and judges what it finds. Changes nothing, records nothing. A later call is judged anew.",
    annotations: { ...looks, openWorldHint: true },
    input: checkInput,
  };
  return {
    info,
    call: withInput(info, async ({ tool, arguments: args }, signal) => {
      const names = guard.tools.map(({ name }) => name);
      if (!names.includes(tool)) {
        return failure(`There is no guarded tool '${plainText(tool, 100)}' here.${suggestion(tool, names, "tools")}`);
      }
      const report = await guard.check(tool, args, { signal });
      const { receipt, text } = report;
      if (receipt === null) return report;
      const wouldRun = report.status === "done";
      const { decision, policy_results, payload } = receipt;
      const { reversal = null, changes, not_undone } = payload;
      const undoing = tool === ROLLBACK ? { changes, not_undone } : {};
      const result = { tool, would_run: wouldRun, decision, policy_results, reversal, ...undoing } as unknown as Json;
      // A check that finds a block has done its work: it is no error.
      return { receipt, result, text, isError: false, untrusted: false };
    }),
  };
}

const receiptsInput = z.strictObject({
  run_id: z.string().max(100).optional().describe("All entries of this run."),
  decision: z.enum(["PASS", "BLOCK", "PARTIAL", "ROLLED_BACK"]).optional(),
  workflow: z.string().max(100).optional().describe("Only calls of this tool."),
  limit: z.int().min(1).max(200).default(20).describe("How many entries at most, newest first."),
});

function receiptsTool(guard: Guard): DoorTool {
  const info = {
    name: "enact_receipts",
    title: "What was decided and done",
    description:
      "Reads the signed receipts of earlier calls of this project, newest first. They are what really happened: use them " +
      "before you tell a person that something was done.",
    annotations: { ...looks, openWorldHint: false },
    input: receiptsInput,
  };
  return {
    info,
    call: withInput(info, async ({ run_id, decision, workflow, limit }) => {
      const filter = { run_id, decision, workflow, limit, newest: true };
      const entries = await guard.receipts(Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== undefined)));
      if (entries.length === 0 && run_id !== undefined) return failure(`There is no receipt of a run '${plainText(run_id, 100)}'.`);
      const result = { receipts: entries } as unknown as Json;
      return { receipt: null, result, text: entriesText(entries), isError: false, untrusted: true };
    }),
  };
}

function entriesText(entries: Awaited<ReturnType<Guard["receipts"]>>): string {
  if (entries.length === 0) return "No receipt matches.";
  const lines = entries.map(({ sequence, timestamp, decision, phase, workflow, run_id }) =>
    `${sequence}  ${timestamp}  ${decision.padEnd(7)}  ${phase.padEnd(8)}  ${plainText(workflow, 100)}  ${run_id}`,
  );
  return [`${entries.length} ${entries.length === 1 ? "entry" : "entries"}, newest first:`, ...lines].join("\n");
}

/** Wrong input and a ledger that cannot be read become answers, in the guard's own words. */
function withInput<Schema extends z.ZodObject>(
  info: DoorTool["info"] & { readonly input: Schema },
  run: (input: z.infer<Schema>, signal: AbortSignal) => Promise<Answer>,
): DoorTool["call"] {
  return async (args, signal) => {
    try {
      return await run(parseInput(info, args) as z.infer<Schema>, signal);
    } catch (error) {
      if (!isEnactError(error)) throw error;
      if (error.code === "INVALID_INPUT") return invalidReport(info.name, error.message);
      return failure([`${info.name} failed: ${error.message}`, ...(error.hint === undefined ? [] : [error.hint])].join("\n"));
    }
  };
}

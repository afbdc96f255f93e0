import { z } from "zod";

import type { CallOptions, CallReport, Guard } from "../../src/guard/guard.js";
import { parseInput } from "../../src/guard/input.js";
import { blockedReport, checkReport, invalidReport, ranReport } from "../../src/guard/outcome.js";
import type { EntryQuery } from "../../src/receipts/ledger.js";
import type { Entry } from "../../src/receipts/receipt.js";
import type { ToolInfo } from "../../src/tools/tool.js";

/** A guard over one tool without a system: for tests of what stands in front of the guard. */
export interface SmallGuard extends Guard {
  readonly entries: Entry[];
  readonly seen: { readonly tool: string; readonly input: unknown; readonly signal: AbortSignal | undefined }[];
  closed: boolean;
  /** Runs before a call is answered. */
  onCall: (input: { readonly text: string }) => Promise<void> | void;
  selfTestFailures: string[];
}

const speak: ToolInfo = {
  name: "speak",
  title: "Speak",
  description: "Says a text.",
  system: "voice",
  annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: false, openWorldHint: true },
  input: z.strictObject({ text: z.string().max(1_000_000), loud: z.boolean().default(false), times: z.int().min(1).default(1) }),
  payload: z.unknown(),
  reversible: false,
};

/** `text: "no"` is blocked; everything else is said. */
export function smallGuard(): SmallGuard {
  const guard: SmallGuard = {
    tools: [speak],
    identity: { user_email: "agent@company.com", actor_role: "engineer", user_attributes: {} },
    configDigest: "sha256:0",
    entries: [],
    seen: [],
    closed: false,
    selfTestFailures: [],
    onCall: () => undefined,
    call: async (tool, input, options) => answer(guard, tool, input, options),
    check: async (tool, input) => {
      const parsed = wellFormed(input);
      if (typeof parsed === "string") return invalidReport(tool, parsed);
      return checkReport(tool, parsed.text, entryOf(guard, parsed.text === "no"), []);
    },
    receipts: async (query: EntryQuery) => {
      const found = guard.entries
        .filter((entry) => query.run_id === undefined || entry.run_id === query.run_id)
        .filter((entry) => query.decision === undefined || entry.decision === query.decision)
        .filter((entry) => query.workflow === undefined || entry.workflow === query.workflow);
      return (query.newest === true ? found.toReversed() : found).slice(0, query.limit ?? 100);
    },
    selfTest: () => ({ ok: guard.selfTestFailures.length === 0, failures: guard.selfTestFailures, notes: [] }),
    close: async () => {
      guard.closed = true;
    },
  };
  return guard;
}

async function answer(guard: SmallGuard, tool: string, input: unknown, options: CallOptions = {}): Promise<CallReport> {
  const parsed = wellFormed(input);
  if (typeof parsed === "string") return invalidReport(tool, parsed);
  guard.seen.push({ tool, input: parsed, signal: options.signal });
  await guard.onCall(parsed);
  const blocked = parsed.text === "no";
  const receipt = entryOf(guard, blocked);
  guard.entries.push(receipt);
  if (blocked) return blockedReport(tool, parsed.text, receipt, ["Say something else."]);
  return ranReport({ tool, target: "", receipt, result: { said: parsed.text }, untrusted: true, hints: [] });
}

function wellFormed(input: unknown): { readonly text: string } | string {
  try {
    return parseInput(speak, input) as { text: string };
  } catch (error) {
    return (error as Error).message;
  }
}

function entryOf(guard: SmallGuard, blocked: boolean): Entry {
  const sequence = guard.entries.length + 1;
  return {
    run_id: `00000000-0000-4000-8000-${String(sequence).padStart(12, "0")}`,
    sequence,
    phase: blocked ? "decision" : "outcome",
    workflow: "speak",
    ...guard.identity,
    user_attributes: {},
    payload: {},
    plan_digest: "sha256:1",
    config_digest: guard.configDigest,
    policy_results: [{ policy: "be_polite", passed: !blocked, reason: blocked ? "That is rude" : "Polite" }],
    decision: blocked ? "BLOCK" : "PASS",
    actions_taken: [],
    approval: null,
    subjects: [],
    redacted: [],
    timestamp: "2026-11-22T12:00:00.000Z",
    previous: "sha256:0",
    key_id: "k",
    signature: "s",
  };
}

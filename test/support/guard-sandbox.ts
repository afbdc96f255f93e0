import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { z } from "zod";

import { EnactError } from "../../src/errors.js";
import type { Guard, GuardOptions } from "../../src/guard/guard.js";
import { createGuardFrom } from "../../src/guard/pipeline.js";
import type { Policy } from "../../src/policies/policy.js";
import { openKeys } from "../../src/receipts/keys.js";
import type { Ledger } from "../../src/receipts/ledger.js";
import { openSqliteLedger } from "../../src/stores/sqlite.js";
import type { ExecuteControl, Execution, GuardedTool } from "../../src/tools/tool.js";
import { bindTool, defineTool } from "../../src/tools/tool.js";

/** A world of one file, a real ledger, and a tool that writes the file only if it still holds what was seen. */
export interface GuardSandbox {
  readonly folder: string;
  readonly file: string;
  readonly ledger: Ledger;
  /** What the file holds: the oracle of what was really done. */
  content(): string | null;
  guard(options?: Partial<GuardOptions> & { policy?: Policy }): Guard;
  remove(): Promise<void>;
}

export const passing: Policy = () => ({ policy: "passing", passed: true, reason: "fine" });

interface Step {
  readonly text: string;
  readonly seen: string | null;
}

export interface ToolBehaviour {
  readonly planned?: () => Promise<void> | void;
  readonly execute?: (act: () => Execution, control: ExecuteControl) => Promise<Execution> | Execution;
  readonly facts?: Readonly<Record<string, unknown>>;
  readonly step?: Readonly<Record<string, unknown>>;
}

export function noteTool(file: string, behaviour: ToolBehaviour = {}): GuardedTool {
  const read = () => (existsSync(file) ? readFileSync(file, "utf8") : null);
  const definition = defineTool({
    name: "note_write",
    title: "Write a note",
    description: "Writes the one note of the sandbox.",
    system: "note",
    annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: false },
    input: z.strictObject({ text: z.string() }),
    payload: z.looseObject({ text: z.string() }),
    reversible: false,
    async plan({ text }: { text: string }) {
      await behaviour.planned?.();
      const step: Step = { text, seen: read() };
      return { payload: { text, ...behaviour.facts }, step: { ...step, ...behaviour.step }, target: `note ${text}`, subjects: [`note:${text}`] };
    },
    async execute(step: Step, writer: { write(text: string): void }, control: ExecuteControl): Promise<Execution> {
      const act = (): Execution => {
        if (read() !== step.seen) throw new EnactError("STALE_PLAN", "The note has changed since it was seen: look again");
        writer.write(step.text);
        return { actions: [{ system: "note", action: "write", success: true, output: { bytes: step.text.length } }], result: { written: step.text } };
      };
      return behaviour.execute === undefined ? act() : behaviour.execute(act, control);
    },
  });
  return bindTool(definition, { reader: {}, writer: { write: (text: string) => writeFileSync(file, text) } });
}

export function guardSandbox(): GuardSandbox {
  const folder = mkdtempSync(join(tmpdir(), "enact-guard-test-"));
  const [project, enactHome, file] = [join(folder, "project"), join(folder, "home"), join(folder, "note.txt")];
  const keys = openKeys({ enactHome, project, signing: "hmac", secret: "s".repeat(40) });
  const ledger = openSqliteLedger({ project, enactHome, keys, busyTimeoutMs: 300 });
  return {
    folder,
    file,
    ledger,
    content: () => (existsSync(file) ? readFileSync(file, "utf8") : null),
    guard: ({ policy, ...options } = {}) =>
      createGuardFrom({
        tools: [noteTool(file)],
        policies: policy === undefined ? [{ name: "passing", policy: passing }] : [{ name: "custom", policy }],
        unguarded: [],
        identity: { user_email: "agent@company.example", actor_role: "engineer", user_attributes: {} },
        configDigest: `sha256:${"0".repeat(64)}`,
        ledger,
        clock: () => new Date(),
        ambient: () => ({ freeze_env: null, freeze_file: null }),
        secrets: [],
        ...options,
      }),
    async remove() {
      await ledger.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

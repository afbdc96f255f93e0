import { homedir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

import type { GuardSettings } from "./config/inline.js";
import { EnactError } from "./errors.js";
import type { Guard } from "./guard/guard.js";
import type { GuardedTool } from "./tools/tool.js";

export { EnactError, isEnactError } from "./errors.js";
export type { ErrorCode } from "./errors.js";
export type { Approval, History, HistoryQuery, Identity, PastRun } from "./facts/context.js";
export type { Json, JsonObject } from "./facts/json.js";
export { isUnknown, unknown } from "./facts/unknown.js";
export type { CallOptions, CallReport, Guard, SelfTest } from "./guard/guard.js";
export { definePolicy } from "./policies/policy.js";
export type { Category, Example, Policy, PolicyDefinition, PolicyResult, PolicySpec, Verdict, WorkflowContext } from "./policies/policy.js";
export type { Entry, EntryDraft } from "./receipts/receipt.js";
export { bindTool, defineTool } from "./tools/tool.js";
export type {
  ActionTaken, ExecuteControl, Execution, GuardedTool, KeptUndo, Plan, PlanCall, Reversal, ToolDefinition, ToolInfo, UndoableRun, UndoDefinition, UndoKeeper,
} from "./tools/tool.js";

export interface GuardInput extends Omit<GuardSettings, "tools"> {
  /** Names of built-in tools, and tools of your own (see defineTool and bindTool). */
  readonly tools: readonly (string | GuardedTool)[];
  /** Signs receipts with HMAC-SHA256: at least 32 characters. Without it a key of the user's is used, or made. */
  readonly secret?: string;
  /** The project's folder, where the ledger lies in `.enact/`; the working directory when left out. */
  readonly project?: string;
  /** Where keys and the known heads of ledgers are kept; the user's config folder when left out. */
  readonly enactHome?: string;
  /** The environment that git and the systems see; this process's own when left out. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/**
 * The guard as a library: the same configuration, the same way of a call and the same receipts as the server.
 *
 * ```ts
 * const guard = await createGuard({
 *   identity: { user_email: "agent@company.com", actor_role: "engineer" },
 *   systems: { git: { repo: "." } },
 *   tools: ["git_push"],
 *   policies: [dontPushToMain, requireBranchPrefix("agent/")],
 *   secret: process.env.ENACT_SECRET,
 * });
 * const report = await guard.call("git_push", { branch: "agent/fix-149" });
 * // report.status: "done", "blocked", "failed" or "invalid"; report.receipt: signed; report.text: for the chat
 * await guard.close();
 * ```
 *
 * Looks at nothing and writes nothing until the first call.
 *
 * @throws EnactError CONFIG_INVALID for settings that are wrong, SELF_TEST_FAILED when a policy lets its known-bad call
 *   pass. Nothing was started.
 */
export async function createGuard(input: GuardInput): Promise<Guard> {
  const [{ loadConfig }, { inlineOf }, { policies }, { tools }, { compose, enactHomeOf }] = await Promise.all([
    import("./config/config.js"),
    import("./config/inline.js"),
    import("./policies/index.js"),
    import("./tools/index.js"),
    import("./compose.js"),
  ]);
  const { secret, project: folder = ".", enactHome, env: given = process.env, tools: wanted, ...settings } = input;
  const env = secret === undefined ? given : { ...given, ENACT_SECRET: secret };
  const own = wanted.filter((tool) => typeof tool !== "string");
  const names = wanted.map((tool) => (typeof tool === "string" ? tool : tool.name));
  const receipts = { ...(secret === undefined ? {} : { signing: "hmac" as const }), ...settings.receipts };
  const inline = inlineOf({ ...settings, receipts, tools: names });
  const project = resolve(folder);
  const packageRoot = join(dirname(fileURLToPath(import.meta.url)), "..");
  const config = await loadConfig({ project, env, inline, tools: [...tools, ...own], policies, packageRoot });
  const around = { env, enactHome: enactHome ?? enactHomeOf(env, homedir()), home: homedir(), program: join(packageRoot, "dist"), clock: () => new Date(), tools: own };
  const { guard, close } = compose(config, around);
  const { ok, failures } = guard.selfTest();
  if (!ok) {
    await close();
    throw new EnactError("SELF_TEST_FAILED", `The policies do not block what they must: ${failures.join(" ")}`, { done: "Nothing was started." });
  }
  return { ...guard, close };
}

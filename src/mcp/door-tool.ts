import type { CallToolResult } from "@modelcontextprotocol/server";

import type { CallReport } from "../guard/guard.js";
import type { Json } from "../facts/json.js";
import type { ToolInfo } from "../tools/tool.js";
import { fenced } from "./fence.js";

/** A tool as the door offers it: a guarded one, or one that only looks. */
export interface DoorTool {
  readonly info: Pick<ToolInfo, "name" | "title" | "description" | "annotations" | "input">;
  call(args: unknown, signal: AbortSignal): Promise<Answer>;
}

/** What a client gets for a call; {@link CallReport} fits it. */
export type Answer = Pick<CallReport, "receipt" | "result" | "text" | "isError" | "untrusted">;

/**
 * The answer in MCP's form. The text comes first, because it is what the chat shows; hosts that do not look at
 * structured content find the result in a block of its own.
 */
export function toolResult(answer: Answer): CallToolResult {
  const content: CallToolResult["content"] = [{ type: "text", text: answer.text }];
  if (answer.result !== null) content.push({ type: "text", text: resultText(answer.result, answer.untrusted) });
  return { content, structuredContent: { receipt: answer.receipt, result: answer.result }, isError: answer.isError };
}

function resultText(result: Json, untrusted: boolean): string {
  const json = JSON.stringify(result);
  return untrusted ? fenced(json) : json;
}

/** An answer for what went wrong before there was a receipt. */
export function failure(text: string): Answer {
  return { receipt: null, result: null, text, isError: true, untrusted: false };
}

import type { CallToolResult, jsonSchemaValidator, ListToolsResult, ServerContext } from "@modelcontextprotocol/server";
import { ProtocolError, ProtocolErrorCode, Server } from "@modelcontextprotocol/server";

import { suggestion } from "../config/nearest.js";
import type { Guard } from "../guard/guard.js";
import { plainText } from "../guard/text.js";
import { ROLLBACK } from "../guard/undoing.js";
import type { ToolInfo } from "../tools/tool.js";
import type { DoorTool } from "./door-tool.js";
import { failure, toolResult } from "./door-tool.js";
import { PagePointer } from "./elicit.js";
import { LOOKER_NAMES, lookers } from "./lookers.js";
import { listReceipts, readReceipt, RECEIPT_TEMPLATES } from "./resources.js";
import { inputSchema, OUTPUT_SCHEMA } from "./schema.js";

export interface DoorOptions {
  readonly guard: Guard;
  readonly instructions: string;
  readonly version: string;
  /** Where people approve: "http://localhost:4663"; left out where there is no page. */
  readonly approvals?: string | null;
  /** Told of defects; standard output belongs to the protocol. */
  readonly log: (line: string) => void;
  /** Told that a call is over; see Housekeeping. */
  readonly answered?: () => void;
}

/**
 * The door: guarded tools as MCP tools, receipts as resources. One server a connection; nothing is opened or written by
 * making one. The low-level server is used because the guard validates arguments itself.
 */
export function createMcpServer(options: DoorOptions): Server {
  const { guard, instructions, version, log } = options;
  const server = new Server(
    { name: "enact-guard", title: "Enact Guard", version },
    { capabilities: { tools: {}, resources: {} }, instructions, jsonSchemaValidator: NO_ELICITATION },
  );
  const tools = doorTools(guard);
  const pointer = new PagePointer(server, options.approvals ?? null);
  server.setRequestHandler("tools/list", () => listTools(tools));
  server.setRequestHandler("tools/call", ({ params }, { mcpReq }) => {
    const tool = tools.get(params.name);
    if (tool === undefined) throw unknownTool(params.name, [...tools.keys()]);
    return callTool(tool, params.arguments ?? {}, { mcpReq, pointer, log }).finally(() => options.answered?.());
  });
  server.setRequestHandler("resources/list", () => listReceipts(guard));
  server.setRequestHandler("resources/templates/list", () => RECEIPT_TEMPLATES);
  server.setRequestHandler("resources/read", ({ params }) => readReceipt(guard, params.uri));
  return server;
}

function doorTools(guard: Guard): ReadonlyMap<string, DoorTool> {
  const guarded = guard.tools
    .filter(({ name }) => !LOOKER_NAMES.some((looker) => looker === name))
    .map((info: ToolInfo): DoorTool => ({ info, call: (args, signal) => guard.call(info.name, args, { signal }) }));
  // What acts on the project's systems first, then what is about the guard itself.
  const inOrder = [...guarded.filter((tool) => !isRollback(tool)), ...lookers(guard), ...guarded.filter(isRollback)];
  return new Map(inOrder.map((tool) => [tool.info.name, tool]));
}

function isRollback({ info: { name } }: DoorTool): boolean {
  return name === ROLLBACK;
}

function listTools(tools: ReadonlyMap<string, DoorTool>): ListToolsResult {
  const list = [...tools.values()].map(({ info: { name, title, description, annotations, input } }) => ({
    name,
    title,
    description,
    inputSchema: inputSchema(input),
    outputSchema: OUTPUT_SCHEMA,
    annotations: { title, ...annotations },
  }));
  return { tools: list };
}

interface CallParts extends Pick<DoorOptions, "log"> {
  readonly mcpReq: ServerContext["mcpReq"];
  readonly pointer: PagePointer;
}

async function callTool(tool: DoorTool, args: unknown, { mcpReq, pointer, log }: CallParts): Promise<CallToolResult> {
  try {
    const answer = await tool.call(args, mcpReq.signal);
    pointer.point(answer, mcpReq);
    return toolResult(answer);
  } catch (error) {
    // A defect of ours, and its message may hold anything: neither the model nor the log gets it.
    log(`defect in ${tool.info.name}: ${error instanceof Error ? framesOf(error) : typeof error}`);
    const done = tool.info.annotations.readOnlyHint ? "Nothing was done." : "Whether something was done, the receipts say.";
    return toolResult(failure(`FAILED  ${tool.info.name}\n  The guard failed. ${done} Tell the person.`));
  }
}

function framesOf(error: Error): string {
  const frames = (error.stack ?? "").split("\n").filter((line) => /^\s+at /u.test(line));
  return [error.name, ...frames.slice(0, 8)].join("\n");
}

function unknownTool(name: string, names: readonly string[]): ProtocolError {
  const message = `There is no tool '${plainText(name, 100)}' here.${suggestion(name, names, "tools")} Nothing was done.`;
  return new ProtocolError(ProtocolErrorCode.InvalidParams, message);
}

/** Validates answers to elicitations, which this server never looks at; without it the SDK makes an Ajv at start. */
const NO_ELICITATION: jsonSchemaValidator = {
  getValidator: () => () => ({ valid: false, data: undefined, errorMessage: "this server takes no answers" }),
};

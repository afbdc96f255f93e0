import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";

import { EnactError } from "../errors.js";
import { plainText } from "../guard/text.js";

/** How to start a server as a child process. */
export interface ServerCommand {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

/** What came back over the wire for one call. */
export interface WireAnswer {
  readonly text: string;
  readonly isError: boolean;
  readonly receipt: unknown;
  readonly result: unknown;
}

/** An agent's side of MCP, for the demo: a real client that talks to the real server over stdio. */
export async function connectAgent(server: ServerCommand) {
  const client = new Client({ name: "enact-guard-demo", version: "1.0.0" });
  const transport = new StdioClientTransport({ ...server, args: [...server.args], env: { ...server.env }, stderr: "pipe" });
  let said = "";
  transport.stderr?.on("data", (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(-2000);
  });
  await client.connect(transport).catch((cause: unknown) => {
    throw new EnactError("SYSTEM_UNAVAILABLE", `The server did not start. It said: ${plainText(said.trim(), 2000)}`, { cause });
  });
  return {
    async call(tool: string, args: Readonly<Record<string, unknown>>): Promise<WireAnswer> {
      const answer = await client.callTool({ name: tool, arguments: { ...args } });
      const [first] = answer.content;
      const { receipt = null, result = null } = (answer.structuredContent ?? {}) as { receipt?: unknown; result?: unknown };
      return { text: first?.type === "text" ? first.text : "", isError: answer.isError === true, receipt, result };
    },
    close: () => client.close(),
  };
}

// The unguarded twin: the same transport and the same client library, and nothing in between. What the guard costs is
// the difference to this.
import { Server } from "@modelcontextprotocol/server";
import { serveStdio } from "@modelcontextprotocol/server/stdio";
import { Client } from "pg";

const client = new Client({ connectionString: process.env.DATABASE_URL });
await client.connect();
const tool = (name) => ({ name, inputSchema: { type: "object" } });

function create() {
  const server = new Server({ name: "twin", version: "1" }, { capabilities: { tools: {} } });
  server.setRequestHandler("tools/list", () => ({ tools: [tool("sql_query"), tool("nothing")] }));
  server.setRequestHandler("tools/call", async ({ params }) => {
    if (params.name === "nothing") return { content: [{ type: "text", text: "nothing" }] };
    const { rows } = await client.query(params.arguments.sql, params.arguments.params ?? []);
    return { content: [{ type: "text", text: JSON.stringify(rows) }] };
  });
  return server;
}

serveStdio(create);
process.stdin.on("end", () => process.exit());

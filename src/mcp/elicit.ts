import type { Server, ServerContext } from "@modelcontextprotocol/server";

import type { Answer } from "./door-tool.js";

const LEAST_MS = 1000;
/** No host keeps a question open for longer. */
const MOST_MS = 24 * 60 * 60 * 1000;

/**
 * Points the person to the page on which a request waits for them, where the host can do so.
 *
 * Nothing waits for it, and nothing looks at what comes back: a host may answer without a person, and its yes says only
 * that somebody has read the message. The person decides on the page, with a passkey, and the agent calls again.
 *
 * The stateless revision (2026-07-28) has no way to ask but to hold the call open until the person has answered, and hosts
 * cut calls off after a minute: there, the text of the answer says where the page is, as everywhere.
 */
export class PagePointer {
  readonly #server: Server;
  readonly #origin: string | null;
  /** Each request is pointed to once a connection, however often the agent calls. */
  readonly #pointed = new Set<string>();

  /** @param origin of the page, such as "http://localhost:4663"; null when there is none */
  constructor(server: Server, origin: string | null) {
    this.#server = server;
    this.#origin = origin;
  }

  point({ receipt }: Pick<Answer, "receipt">, { elicitInput, envelope }: ServerContext["mcpReq"]): void {
    const asked = receipt?.approval ?? null;
    const id = asked?.["id"];
    const isWaiting = asked?.["state"] === "requested" || asked?.["state"] === "pending";
    // A draft is of a check: nobody was asked.
    const isRecorded = receipt !== null && "signature" in receipt;
    if (this.#origin === null || typeof id !== "string" || !isWaiting || !isRecorded || envelope !== undefined || this.#pointed.has(id)) return;
    this.#pointed.add(id);
    const question = this.#question(receipt.workflow, id, this.#origin);
    if (question !== undefined) void elicitInput(question, { timeout: timeLeft(asked?.["expires_at"]) }).catch(() => undefined);
  }

  /** In the way that this host offers; undefined when it offers none. */
  #question(tool: string, id: string, origin: string): Parameters<ServerContext["mcpReq"]["elicitInput"]>[0] | undefined {
    const offered = this.#server.getClientCapabilities()?.elicitation;
    if (offered === undefined) return undefined;
    const url = `${origin}/approvals/${id}`;
    const message = `An agent asks for your approval of ${tool}. Look at it and decide on the page; answering here approves nothing.`;
    if (offered.url !== undefined) return { mode: "url", message, url, elicitationId: id };
    return { mode: "form", message: `${message}\n${url}`, requestedSchema: { type: "object", properties: {} } };
  }
}

function timeLeft(expiresAt: unknown): number {
  const left = typeof expiresAt === "string" ? Date.parse(expiresAt) - Date.now() : Number.NaN;
  return Number.isFinite(left) ? Math.min(MOST_MS, Math.max(LEAST_MS, left)) : LEAST_MS;
}

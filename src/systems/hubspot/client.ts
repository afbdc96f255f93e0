import type { Client } from "@hubspot/api-client";
import * as http from "node:http";
import * as https from "node:https";
import { Socket } from "node:net";

import { EnactError } from "../../errors.js";

export interface HubspotConnection {
  readonly token: string;
  /** Without a trailing slash. */
  readonly baseUrl: string;
  readonly timeoutMs: number;
}

/** Options of one call, for the last argument of the client's methods. Each of its parts has types of its own for them. */
export type How = never;

/** An answer that is no success. */
interface Refused {
  readonly code: number;
  /** What the JSON in it says; undefined when it is none. */
  readonly body: unknown;
}

/** Loads the client on first use and bounds every request in time. */
export class HubspotLoader {
  readonly #connection: HubspotConnection;
  readonly #agent: http.Agent;
  readonly #how: How;
  #client: Promise<Client> | undefined;

  constructor(connection: HubspotConnection) {
    this.#connection = connection;
    this.#agent = agentFor(connection);
    // The client has a configuration for the agent and for middleware, which its version 13.5 ignores: so in every call.
    const pre = async (request: { setAgent(agent: http.Agent): void }) => {
      request.setAgent(this.#agent);
      return request;
    };
    this.#how = { middleware: [{ pre, post: refusedOrItself }], middlewareMergeStrategy: "replace" } as never;
  }

  /**
   * One request through the client, tried once.
   * @throws whatever the client throws; a number as `code` for what HubSpot refused; an error named TimeoutError when there
   *   is no answer in time
   */
  async request<Answer>(send: (client: Client, how: How) => Promise<Answer>): Promise<Answer> {
    this.#client ??= this.#open().catch((error: unknown) => {
      this.#client = undefined;
      throw error;
    });
    return withinTime(send(await this.#client, this.#how), this.#connection.timeoutMs);
  }

  close(): void {
    this.#agent.destroy();
  }

  async #open(): Promise<Client> {
    const { Client: HubspotClient } = await import("@hubspot/api-client").catch(() => {
      throw new EnactError("NOT_INSTALLED", "The package @hubspot/api-client is not installed", {
        hint: "Run: npm install @hubspot/api-client",
      });
    });
    const { token, baseUrl } = this.#connection;
    // With retries the client would repeat what failed with a 5xx, which may have happened.
    return new HubspotClient({ accessToken: token, basePath: baseUrl, numberOfApiCallRetries: 0 });
  }
}

/**
 * An agent that connects to the configured server only: the client follows redirects, and would repeat a request, token
 * included, wherever one points to. No connection is used twice: one that the server has just closed would leave open
 * whether it got the request.
 */
function agentFor({ baseUrl, timeoutMs }: HubspotConnection): http.Agent {
  const { protocol, hostname, port } = new URL(baseUrl);
  const wanted = { host: hostname.replace(/^\[|\]$/g, ""), port: Number(port === "" ? (protocol === "https:" ? 443 : 80) : port) };
  const agent = protocol === "https:" ? new https.Agent({ keepAlive: false }) : new http.Agent({ keepAlive: false });
  const connect = agent.createConnection.bind(agent);
  agent.createConnection = (options, callback) => {
    const isWanted = options.host === wanted.host && Number(options.port) === wanted.port;
    if (!isWanted) throw new EnactError("REFUSED", "The server redirects to another server");
    const socket = connect(options, callback);
    // The client cannot be stopped; what nobody waits for any more ends here.
    if (socket instanceof Socket) socket.setTimeout(timeoutMs, () => socket.destroy());
    return socket;
  };
  return agent;
}

interface RawAnswer {
  readonly httpStatusCode: number;
  readonly body: { text(): Promise<string> };
}

/** The client's own error repeats headers and body in its message, and loses the status of what is no JSON. */
async function refusedOrItself(answer: RawAnswer): Promise<RawAnswer> {
  if (answer.httpStatusCode < 300) return answer;
  const text = await answer.body.text();
  const refused: Refused = { code: answer.httpStatusCode, body: jsonOf(text) };
  throw Object.assign(new Error("HubSpot refused"), refused);
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

async function withinTime<Answer>(answer: Promise<Answer>, timeoutMs: number): Promise<Answer> {
  answer.catch(() => undefined);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    const error = Object.assign(new Error("no answer in time"), { name: "TimeoutError" });
    timer = setTimeout(() => reject(error), timeoutMs);
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}

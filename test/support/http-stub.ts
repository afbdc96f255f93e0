import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** A request as the server received it. */
export interface Received {
  readonly method: string;
  /** Path with query, percent-encoded as it came. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

export type Answer =
  | { readonly status?: number; readonly headers?: Readonly<Record<string, string>>; readonly body?: unknown }
  /** Takes the request and never answers. */
  | "hang"
  /** Takes the request and resets the connection. */
  | "reset"
  /** Answers half of a JSON text and cuts the connection. */
  | "half";

export interface HttpStub {
  readonly url: string;
  readonly port: number;
  readonly received: Received[];
  close(): Promise<void>;
}

/** A server on a free loopback port that records what it gets and answers what it is told to. */
export async function startHttpStub(answer: (request: Received) => Answer | Promise<Answer>): Promise<HttpStub> {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    void (async () => {
      const taken = { ...(await read(request)) };
      received.push(taken);
      give(await answer(taken), request, response);
    })();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, port, received, close: () => stop(server) };
}

async function read(request: IncomingMessage): Promise<Received> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks).toString("utf8");
  return { method: request.method ?? "", path: request.url ?? "", headers: request.headers, body };
}

function give(answer: Answer, request: IncomingMessage, response: ServerResponse): void {
  if (answer === "hang") return;
  if (answer === "reset") {
    request.socket.resetAndDestroy();
    return;
  }
  if (answer === "half") {
    response.writeHead(200, { "content-type": "application/json", "content-length": "1000" });
    response.write('{"ok":tr', () => request.socket.destroy());
    return;
  }
  const text = typeof answer.body === "string" ? answer.body : JSON.stringify(answer.body ?? {});
  response.writeHead(answer.status ?? 200, { "content-type": "application/json", ...answer.headers });
  response.end(request.method === "HEAD" ? undefined : text);
}

async function stop(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise<void>((resolve) => server.close(() => resolve()));
}

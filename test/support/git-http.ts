import { spawn } from "node:child_process";
import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** What the server does with a request for git-receive-pack, which carries the push. */
export type Mishap = "none" | "drop before" | "drop after";

/** Smart HTTP on loopback: git's own http-backend behind node:http, with a password and, on demand, a broken line. */
export class GitHttp {
  mishap: Mishap = "none";
  readonly requests: string[] = [];
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(root: string, env: Record<string, string>, credentials: string): Promise<GitHttp> {
    const server = createServer();
    const git = new GitHttp(server);
    server.on("request", (request, response) => git.#serve(request, response, { root, env, credentials }));
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    return git;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  stop(): Promise<void> {
    this.#server.closeAllConnections();
    return new Promise((done) => this.#server.close(() => done()));
  }

  #serve(request: IncomingMessage, response: ServerResponse, place: { root: string; env: Record<string, string>; credentials: string }): void {
    this.requests.push(`${request.method} ${request.url}`);
    const expected = `Basic ${Buffer.from(place.credentials).toString("base64")}`;
    if (request.headers.authorization !== expected) {
      response.writeHead(401, { "www-authenticate": 'Basic realm="git"' }).end();
      return;
    }
    const isPush = request.method === "POST" && (request.url ?? "").endsWith("/git-receive-pack");
    if (isPush && this.mishap === "drop before") {
      request.resume().on("end", () => request.socket.destroy());
      return;
    }
    this.#cgi(request, response, place, isPush && this.mishap === "drop after");
  }

  #cgi(request: IncomingMessage, response: ServerResponse, place: { root: string; env: Record<string, string> }, drop: boolean): void {
    const [path = "", query = ""] = (request.url ?? "").split("?");
    const cgi = spawn("git", ["http-backend"], {
      env: {
        ...place.env,
        GIT_PROJECT_ROOT: place.root,
        GIT_HTTP_EXPORT_ALL: "1",
        PATH_INFO: path,
        QUERY_STRING: query,
        REQUEST_METHOD: request.method ?? "GET",
        CONTENT_TYPE: request.headers["content-type"] ?? "",
        ...(request.headers["content-encoding"] === undefined ? {} : { HTTP_CONTENT_ENCODING: request.headers["content-encoding"] }),
        GIT_PROTOCOL: (request.headers["git-protocol"] as string | undefined) ?? "",
        REMOTE_USER: "tester",
        REMOTE_ADDR: "127.0.0.1",
      },
    });
    request.pipe(cgi.stdin);
    const chunks: Buffer[] = [];
    cgi.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
    cgi.on("close", () => {
      if (drop) {
        request.socket.destroy();
        return;
      }
      const output = Buffer.concat(chunks);
      const end = output.indexOf("\r\n\r\n");
      const headers = output.subarray(0, end).toString("latin1").split("\r\n").map((line) => line.split(": "));
      const status = headers.find(([name]) => name === "Status")?.[1] ?? "200";
      for (const [name = "", value = ""] of headers) if (name !== "Status") response.setHeader(name, value);
      response.writeHead(Number(status.slice(0, 3))).end(output.subarray(end + 4));
    });
  }
}

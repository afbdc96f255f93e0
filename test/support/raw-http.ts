import { request } from "node:http";

export interface RawAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface RawQuestion {
  readonly port: number;
  readonly path: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** What curl can do and fetch cannot: any Host, any Origin, any path as it stands. */
export function rawHttp({ port, path, method = "GET", headers = {}, body }: RawQuestion): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const length = body === undefined ? {} : { "Content-Length": String(Buffer.byteLength(body)) };
    const asked = request({ host: "127.0.0.1", port, path, method, agent: false, setHost: false, headers: { Host: `localhost:${String(port)}`, ...length, ...headers } }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, headers: response.headers as Record<string, string>, body: text }));
    });
    asked.on("error", reject);
    asked.end(body);
  });
}

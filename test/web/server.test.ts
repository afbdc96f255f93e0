import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { IncomingHttpHeaders } from "node:http";
import { createServer, request } from "node:http";
import type { AddressInfo, Server } from "node:net";
import { connect, createServer as createTcpServer } from "node:net";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";

import { EnactError } from "../../src/errors.js";
import type { WebModule, WebServer } from "../../src/web/server.js";
import { ASSET_TYPES, startWebServer } from "../../src/web/server.js";

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

interface Ask {
  readonly method?: string;
  readonly host?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

let assets: string;
let server: WebServer;
const changes: string[] = [];

const inside: WebModule = {
  base: "/api",
  access: "session",
  assets: [
    { path: "/", file: "index.html", type: ASSET_TYPES.html },
    { path: "/app.js", file: "app.js", type: ASSET_TYPES.js },
  ],
  routes(app) {
    app.get("/secret", (c) => c.json({ fact: "payroll" }));
    app.post("/change", async (c) => {
      changes.push(await c.req.text());
      return c.json({ done: true });
    });
    app.get("/broken", () => {
      throw new Error("postgres://admin:hunter2@db/ is down");
    });
    app.get("/refused", () => {
      throw new EnactError("NOT_FOUND", "There is no such receipt", { hint: "Look at the list." });
    });
  },
};
const own: WebModule = {
  base: "/approvals",
  access: "own",
  routes(app) {
    app.get("/:id", (c) => c.html(`<!doctype html><p>${c.req.param("id").replaceAll(/\W/gu, "")}`));
    app.post("/:id", async (c) => {
      changes.push(`${c.req.param("id")}:${await c.req.text()}`);
      return c.text("answered");
    });
  },
};

beforeAll(() => {
  assets = mkdtempSync(join(tmpdir(), "enact-web-"));
  writeFileSync(join(assets, "index.html"), "<!doctype html><title>receipts</title>");
  writeFileSync(join(assets, "app.js"), "// code");
  writeFileSync(join(assets, "private.txt"), "not on the list");
});
afterAll(() => rmSync(assets, { recursive: true, force: true }));
beforeEach(async () => {
  changes.length = 0;
  server = await startWebServer({ port: 0, assets, modules: [inside, own] });
});
afterEach(() => server.close());

function ask(path: string, { method = "GET", host, headers = {}, body }: Ask = {}, address = "127.0.0.1"): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const all = { host: host ?? `localhost:${server.port}`, ...headers };
    const sent = request({ host: address, port: server.port, path, method, headers: all }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      response.on("end", () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }));
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

/** Bytes as they are, for what a client library would not send. */
function raw(text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(server.port, "127.0.0.1", () => socket.end(text));
    let found = "";
    socket.setEncoding("utf8").on("data", (chunk: string) => (found += chunk));
    socket.on("close", () => resolve(found));
    socket.on("error", reject);
  });
}

/** What a browser has after it followed the link of the terminal. */
async function letIn(): Promise<Record<string, string>> {
  const { headers } = await ask(new URL(server.newLink()).pathname + new URL(server.newLink()).search);
  const cookie = headers["set-cookie"]?.[0]?.split(";")[0] ?? "";
  return { cookie, "x-enact-key": new URLSearchParams(headers.location?.split("#")[1]).get("key") ?? "" };
}

describe("who is let in", () => {
  test("nobody without the link", async () => {
    const { status, body } = await ask("/api/secret");
    expect(status).toBe(401);
    expect(JSON.parse(body)).toMatchObject({ error: { code: "REFUSED", hint: expect.stringContaining("terminal") as string } });
    expect(body).not.toContain("payroll");
  });

  test("the browser that follows it, by cookie and key, and its link says no more where it goes", async () => {
    const link = new URL(server.newLink());
    expect(link.origin).toBe(`http://localhost:${server.port}`);
    const first = await ask(link.pathname + link.search);
    expect(first.status).toBe(303);
    expect(first.headers.location).toMatch(/^\/#key=[\w-]{43}$/u);
    expect(first.headers["set-cookie"]).toHaveLength(1);
    expect(first.headers["set-cookie"]?.[0]).toMatch(new RegExp(`^enact_${server.port}=[\\w-]{43}; Path=/; HttpOnly; SameSite=Strict$`, "u"));
    const allowed = await ask("/api/secret", { headers: await letIn() });
    expect([allowed.status, allowed.body]).toEqual([200, '{"fact":"payroll"}']);
  });

  test("once: the second who has the link gets nothing", async () => {
    const link = new URL(server.newLink());
    await ask(link.pathname + link.search);
    const second = await ask(link.pathname + link.search);
    expect([second.status, second.headers.location, second.headers["set-cookie"]]).toEqual([303, "/#used", undefined]);
  });

  test("of twenty at once, one", async () => {
    const link = new URL(server.newLink());
    const all = await Promise.all(Array.from({ length: 20 }, () => ask(link.pathname + link.search)));
    expect(all.filter(({ headers }) => headers["set-cookie"] !== undefined)).toHaveLength(1);
  });

  test("not with the cookie alone, which every server on localhost is sent, nor with the key alone, nor with a mix of two browsers", async () => {
    const [one, two] = [await letIn(), await letIn()];
    const tries = [
      { cookie: one["cookie"] ?? "" },
      { "x-enact-key": one["x-enact-key"] ?? "" },
      { cookie: one["cookie"] ?? "", "x-enact-key": two["x-enact-key"] ?? "" },
      { cookie: one["cookie"]?.replace(/=.*/u, "=") ?? "", "x-enact-key": "" },
      { cookie: one["cookie"]?.slice(0, -1) ?? "", "x-enact-key": one["x-enact-key"] ?? "" },
    ];
    for (const headers of tries) expect((await ask("/api/secret", { headers })).status).toBe(401);
  });

  test("not with a pass of another run of the server, nor with another server's cookie", async () => {
    const pass = await letIn();
    const other = await startWebServer({ port: 0, assets, modules: [inside] });
    const here = server;
    server = other;
    const { status } = await ask("/api/secret", { headers: pass });
    await other.close();
    server = here;
    expect(status).toBe(401);
    expect((await ask("/api/secret", { headers: pass })).status).toBe(200);
  });

  test("to a module with rules of its own, without the session", async () => {
    expect(await ask("/approvals/a1")).toMatchObject({ status: 200, body: "<!doctype html><p>a1" });
  });
});

describe("DNS rebinding", () => {
  const hosts = ["evil.example", "evil.example:PORT", "localhost.evil.example:PORT", "localhost:1", "localhost", "127.0.0.2:PORT", "0.0.0.0:PORT", "[::]:PORT", "[::ffff:127.0.0.1]:PORT", "localhost:PORT@evil.example", "2130706433:PORT", "127.1:PORT", "localhost.:PORT"];
  test.each(hosts)("the host '%s' is not ours", async (host) => {
    const pass = await letIn();
    for (const path of ["/", "/app.js", "/api/secret", "/approvals/a1"]) {
      const { status, body } = await ask(path, { host: host.replace("PORT", String(server.port)), headers: pass });
      expect([path, [400, 421].includes(status), body.includes("payroll")]).toEqual([path, true, false]);
    }
  });

  test.each(["localhost:PORT", "LOCALHOST:PORT", "127.0.0.1:PORT", "[::1]:PORT"])("the host '%s' is", async (host) => {
    expect((await ask("/", { host: host.replace("PORT", String(server.port)) })).status).toBe(200);
  });

  test("a request line with a host of its own, two hosts, or none is refused", async () => {
    const host = `localhost:${server.port}`;
    const lines = [
      `GET http://evil.example/api/secret HTTP/1.1\r\nHost: ${host}\r\n`,
      `GET //evil.example/app.js HTTP/1.1\r\nHost: ${host}\r\n`,
      `GET /app.js HTTP/1.1\r\nHost: evil.example\r\nHost: ${host}\r\n`,
      "GET /app.js HTTP/1.1\r\n",
      "GET /app.js HTTP/1.1\r\nHost:\r\n",
      `GET \\\\evil.example\\app.js HTTP/1.1\r\nHost: ${host}\r\n`,
    ];
    for (const line of lines) expect(await raw(`${line}Connection: close\r\n\r\n`)).toMatch(/^HTTP\/1\.1 4(?:00|21) /u);
  });
});

describe("requests that other sites have a browser send", () => {
  const host = () => `localhost:${server.port}`;
  const foreign: readonly Readonly<Record<string, string>>[] = [
    {},
    { origin: "null" },
    { origin: "http://evil.example" },
    { origin: "http://localhost:1" },
    { origin: "http://localhost" },
    { origin: "http://127.0.0.1:PORT" },
    { origin: "https://localhost:PORT" },
    { origin: "http://localhost:PORT", "sec-fetch-site": "cross-site" },
    { origin: "http://localhost:PORT", "sec-fetch-site": "same-site" },
    { origin: "null", "sec-fetch-site": "cross-site" },
    { "sec-fetch-site": "none" },
    { "sec-fetch-site": "same-site" },
  ];
  test.each(foreign)("change nothing: %o", async (given) => {
    const headers = { ...(await letIn()), ...Object.fromEntries(Object.entries(given).map(([name, value]) => [name, value.replace("PORT", String(server.port))])) };
    for (const path of ["/api/change", "/approvals/a1"]) {
      expect((await ask(path, { method: "POST", headers, body: "x" })).status).toBe(403);
    }
    expect(changes).toEqual([]);
  });

  test.each([
    [{ origin: "http://localhost:PORT" }],
    [{ origin: "http://localhost:PORT", "sec-fetch-site": "same-origin" }],
    // A form, under Referrer-Policy: no-referrer.
    [{ origin: "null", "sec-fetch-site": "same-origin" }],
  ])("our own page may: %o", async (given: Record<string, string>) => {
    const headers = { ...(await letIn()), ...Object.fromEntries(Object.entries(given).map(([name, value]) => [name, value.replace("PORT", String(server.port))])) };
    expect((await ask("/api/change", { method: "POST", headers, body: "x" })).status).toBe(200);
    expect((await ask("/approvals/a1", { method: "POST", headers, body: "y" })).status).toBe(200);
    expect(changes).toEqual(["x", "a1:y"]);
  });

  test("see nothing, not even code, apart from a link that a person follows", async () => {
    const pass = await letIn();
    for (const site of ["cross-site", "same-site"]) {
      for (const [mode, dest] of [["cors", "empty"], ["no-cors", "script"], ["no-cors", "image"], ["navigate", "iframe"], ["navigate", "object"], ["websocket", "empty"]] as const) {
        const headers = { ...pass, "sec-fetch-site": site, "sec-fetch-mode": mode, "sec-fetch-dest": dest };
        for (const path of ["/", "/app.js", "/api/secret", "/approvals/a1"]) expect((await ask(path, { headers })).status).toBe(403);
      }
      const followed = { "sec-fetch-site": site, "sec-fetch-mode": "navigate", "sec-fetch-dest": "document" };
      expect((await ask("/approvals/a1", { headers: followed })).status).toBe(200);
      expect((await ask("/approvals/a1", { method: "POST", headers: followed })).status).toBe(403);
    }
  });

  test("a preflight is answered with nothing that allows anything", async () => {
    const { status, headers } = await ask("/api/secret", { method: "OPTIONS", headers: { origin: "http://evil.example", "access-control-request-method": "GET", "access-control-request-headers": "x-enact-key" } });
    expect(status).toBe(405);
    expect(Object.keys(headers).filter((name) => name.startsWith("access-control"))).toEqual([]);
    expect(host()).toBe(`localhost:${server.port}`);
  });

  test.each(["PUT", "DELETE", "PATCH", "TRACE", "PROPFIND"])("%s means nothing", async (method) => {
    expect((await ask("/api/change", { method, headers: { ...(await letIn()), origin: server.origin } })).status).toBe(405);
  });
});

describe("every response", () => {
  test("has the strict headers: pages, code, data, refusals, errors, redirects", async () => {
    const pass = await letIn();
    const answers = [
      await ask("/"), await ask("/app.js"), await ask("/api/secret", { headers: pass }), await ask("/api/secret"),
      await ask("/api/broken", { headers: pass }), await ask("/nothing"), await ask("/", { host: "evil.example" }),
      await ask("/?token=wrong"), await ask("/", { method: "PUT" }), await ask("/approvals/a1"), await ask("/approvals/a1", { method: "POST" }),
    ];
    for (const { headers } of answers) {
      const csp = String(headers["content-security-policy"]);
      for (const directive of ["default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"]) expect(csp).toContain(directive);
      expect(csp).not.toMatch(/unsafe|\*|https?:/u);
      expect(headers).toMatchObject({
        "x-content-type-options": "nosniff", "x-frame-options": "DENY", "referrer-policy": "no-referrer",
        "cross-origin-opener-policy": "same-origin", "cross-origin-resource-policy": "same-origin", "cache-control": "no-store",
      });
      expect(Object.keys(headers).filter((name) => name.startsWith("access-control"))).toEqual([]);
    }
  });

  test("says nothing of what broke inside, and all of what a person can act on", async () => {
    const pass = await letIn();
    const broken = await ask("/api/broken", { headers: pass });
    expect(broken.status).toBe(500);
    expect(broken.body).not.toMatch(/hunter2|postgres/u);
    const refused = await ask("/api/refused", { headers: pass });
    expect([refused.status, JSON.parse(refused.body)]).toEqual([404, { error: { code: "NOT_FOUND", message: "There is no such receipt", hint: "Look at the list." } }]);
  });
});

describe("files", () => {
  const paths = [
    "/private.txt", "/../private.txt", "/%2e%2e/private.txt", "/..%2fprivate.txt", "/app.js/../private.txt", "/app.js%00", "/app.js/", "//app.js/../private.txt",
    "/%2fetc%2fpasswd", "/..\\private.txt", "/..%5cprivate.txt", "/.%252e/private.txt", "/APP.JS", "/index.html", "/app.js;x", "/assets/../app.js/..%2f..%2fetc/passwd",
  ];
  test.each(paths)("%s is not on the list", async (path) => {
    const { status, body } = await ask(path);
    expect([400, 404]).toContain(status);
    expect(body).not.toMatch(/not on the list|root:/u);
  });

  test("on the list are served with their type, to HEAD too", async () => {
    const code = await ask("/app.js?v=2");
    expect([code.status, code.headers["content-type"], code.body]).toEqual([200, "text/javascript; charset=utf-8", "// code"]);
    const head = await ask("/", { method: "HEAD" });
    expect([head.status, head.headers["content-type"], head.body]).toEqual([200, "text/html; charset=utf-8", ""]);
  });

  test("that were not built are named at the start", async () => {
    const module: WebModule = { base: "/x", access: "own", assets: [{ path: "/gone.js", file: "gone.js", type: ASSET_TYPES.js }], routes() {} };
    await expect(startWebServer({ port: 0, assets, modules: [module] })).rejects.toMatchObject({ code: "NOT_INSTALLED", message: expect.stringContaining("gone.js") as string });
  });
});

describe("large and odd requests", () => {
  test("a body over the limit is refused, whether it says so or not", async () => {
    const headers = { ...(await letIn()), origin: server.origin };
    const big = Buffer.alloc(65 * 1024, "x");
    expect((await ask("/api/change", { method: "POST", headers: { ...headers, "content-length": String(big.length) }, body: big })).status).toBe(413);
    expect((await ask("/api/change", { method: "POST", headers: { ...headers, "transfer-encoding": "chunked" }, body: big })).status).toBe(411);
    expect(changes).toEqual([]);
  });

  test("no request takes the server down", async () => {
    const host = `Host: localhost:${server.port}\r\n`;
    for (const text of ["\r\n\r\n", "GET\r\n\r\n", `GET /%zz HTTP/1.1\r\n${host}\r\n`, `GET /api/%ff HTTP/1.1\r\n${host}\r\n`, `GET /${"a".repeat(20_000)} HTTP/1.1\r\n${host}\r\n`, `POST /api/change HTTP/1.1\r\n${host}Content-Length: -1\r\n\r\n`, `GET / HTTP/1.1\r\n${host}Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n`, "\u0000\u0001\u0002"]) await raw(text);
    expect((await ask("/")).status).toBe(200);
  });
});

describe("where it listens", () => {
  const ownAddresses = Object.values(networkInterfaces()).flat().filter((address) => address !== undefined);
  const outside = ownAddresses.find(({ family, internal }) => family === "IPv4" && !internal)?.address;
  const hasIpv6 = ownAddresses.some(({ address }) => address === "::1");
  test.skipIf(outside === undefined)("not on the addresses of the network", async () => {
    await expect(ask("/", {}, outside)).rejects.toMatchObject({ code: "ECONNREFUSED" });
  });

  test.skipIf(!hasIpv6)("on ::1 as well, because localhost may mean that", async () => {
    expect((await ask("/", {}, "::1")).status).toBe(200);
  });

  const listenOn = (host: string) =>
    new Promise<Server>((resolve) => {
      const taken = createTcpServer().listen({ host, port: 0 }, () => resolve(taken));
    });

  test.each(hasIpv6 ? ["127.0.0.1", "::1"] : ["127.0.0.1"])("a port that is taken on %s is named, and the link goes to nobody else", async (host) => {
    const taken = await listenOn(host);
    const { port } = taken.address() as AddressInfo;
    await expect(startWebServer({ port, assets, modules: [] })).rejects.toMatchObject({ code: "USAGE", message: `Port ${port} is taken by another program`, hint: expect.stringContaining("--port") as string });
    // Nothing of ours is left listening on the other address.
    const free = createServer();
    await new Promise<void>((resolve, reject) => {
      free.once("error", reject).listen({ host: host === "::1" ? "127.0.0.1" : "::1", port }, resolve);
    }).catch((error: unknown) => {
      if (hasIpv6) throw error;
    });
    free.close();
    taken.close();
  });

  test("without a port of one's own choice, a taken one is no obstacle", async () => {
    const [one, two] = [await startWebServer({ port: null, assets, modules: [] }), await startWebServer({ port: null, assets, modules: [] })];
    expect(one.port).not.toBe(two.port);
    await Promise.all([one.close(), two.close()]);
  });

  test("two modules cannot lie on one path: one could take away the other's check", async () => {
    const twice = startWebServer({ port: 0, assets, modules: [inside, { base: "/api/open", access: "own", routes() {} }] });
    await expect(twice).rejects.toMatchObject({ code: "INTERNAL" });
  });
});

test("closing ends in time, even with a client that holds on, and closes the modules", async () => {
  let closed = 0;
  const slow: WebModule = { base: "/slow", access: "own", routes: (app) => void app.get("/", () => new Promise<Response>(() => undefined)), close: () => void (closed += 1) };
  const other = await startWebServer({ port: 0, assets, modules: [slow] });
  const hanging = new Promise<string>((resolve) => {
    request({ host: "127.0.0.1", port: other.port, path: "/slow", headers: { host: `localhost:${other.port}` } }).on("error", () => resolve("cut")).end();
  });
  await new Promise((resolve) => setTimeout(resolve, 50));
  const start = performance.now();
  await other.close();
  expect(await hanging).toBe("cut");
  expect(performance.now() - start).toBeLessThan(5000);
  expect(closed).toBe(1);
});

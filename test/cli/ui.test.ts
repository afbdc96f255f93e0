import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

import { afterEach, beforeEach, describe, expect, test } from "vitest";

import type { UiDeps } from "../../src/cli/ui.js";
import { uiCommand } from "../../src/cli/ui.js";
import { EnactError } from "../../src/errors.js";
import { openBrowser } from "../../src/web/open-browser.js";
import { capturedIo } from "../support/cli-io.js";
import { draftsOf, receiptStory, writeLedger } from "../support/receipt-story.js";
import { WebWorld } from "../support/web-world.js";

/** A server that does nothing, and a person who stops it when `stop` is called. */
function madeUp(changes: Partial<UiDeps> = {}) {
  const calls: string[] = [];
  let stop: (value?: unknown) => void = () => undefined;
  let opened: () => void = () => undefined;
  let links = 0;
  const deps: UiDeps = {
    start: (port, onOpened) => {
      calls.push(`start ${String(port)}`);
      opened = onOpened;
      return Promise.resolve({ origin: "http://localhost:7", newLink: () => `http://localhost:7/?token=${String((links += 1))}`, close: () => Promise.resolve(void calls.push("close")) });
    },
    openBrowser: (link) => {
      calls.push(`open ${link}`);
      return Promise.resolve({ opened: true, tidy: () => Promise.resolve(void calls.push("tidy")) });
    },
    stopped: new Promise((resolve) => (stop = resolve)),
    ...changes,
  };
  return { deps, calls, stop: () => stop(), opened: () => opened() };
}

const turn = () => new Promise((resolve) => setTimeout(resolve, 5));

describe("enact-guard ui", () => {
  test("shows a link, another one when it was used, and closes when it is stopped", async () => {
    const { deps, calls, stop, opened } = madeUp();
    const io = capturedIo();
    const running = uiCommand({ open: false, json: false }, io, deps);
    await turn();
    expect(io.out()).toContain("  http://localhost:7/?token=1\n");
    expect(io.out()).toContain("The link works once.");
    opened();
    expect(io.out()).toContain("Opened. For another browser: http://localhost:7/?token=2\n");
    stop();
    expect([await running, calls, io.err()]).toEqual([0, ["start null", "close"], ""]);
  });

  test("with --json prints one line for scripts, whatever happens later", async () => {
    const { deps, stop, opened } = madeUp();
    const io = capturedIo();
    const running = uiCommand({ open: false, json: true, port: 8080 }, io, deps);
    await turn();
    opened();
    stop();
    await running;
    expect(io.out()).toBe('{"url":"http://localhost:7/?token=1"}\n');
  });

  test("with --open opens a browser with a link of its own, and removes what that needed once it was used", async () => {
    const { deps, calls, stop, opened } = madeUp();
    const running = uiCommand({ open: true, json: false }, capturedIo(), deps);
    await turn();
    opened();
    await turn();
    expect(calls).toEqual(["start null", "open http://localhost:7/?token=2", "tidy"]);
    stop();
    await running;
    expect(calls.at(-1)).toBe("close");
  });

  test("says when no browser can be opened, and goes on", async () => {
    const { deps, stop } = madeUp({ openBrowser: () => Promise.resolve({ opened: false, tidy: () => Promise.resolve() }) });
    const io = capturedIo();
    const running = uiCommand({ open: true, json: false }, io, deps);
    await turn();
    expect(io.err()).toContain("open the link yourself");
    stop();
    expect(await running).toBe(0);
  });

  test("a port that is taken ends it before anything is shown", async () => {
    const { deps } = madeUp({ start: () => Promise.reject(new EnactError("USAGE", "Port 80 is taken by another program")) });
    const io = capturedIo();
    await expect(uiCommand({ open: false, json: false, port: 80 }, io, deps)).rejects.toMatchObject({ code: "USAGE" });
    expect(io.out()).toBe("");
  });
});

describe.skipIf(process.platform === "win32")("opening a browser", () => {
  let bin: string;
  beforeEach(() => {
    bin = mkdtempSync(join(tmpdir(), "enact-bin-"));
  });
  afterEach(() => rmSync(bin, { recursive: true, force: true }));

  /** Stands for the desktop's opener, and notes what any user of the machine could see of its start. */
  function opener(script: string): void {
    const name = process.platform === "darwin" ? "open" : "xdg-open";
    writeFileSync(join(bin, name), `#!/bin/sh\necho "$@" > ${bin}/seen\n${script}\n`, { mode: 0o755 });
  }

  async function run(link: string) {
    const before = process.env["PATH"];
    process.env["PATH"] = `${bin}${delimiter}${before ?? ""}`;
    try {
      return await openBrowser(link);
    } finally {
      process.env["PATH"] = before;
    }
  }

  test("the link stands in a file of this user alone, and not on the command line, which everybody can read", async () => {
    opener("exit 0");
    const { opened, tidy } = await run("http://localhost:7/?token=secret");
    const seen = readFileSync(join(bin, "seen"), "utf8").trim();
    expect([opened, seen.startsWith("file://"), seen.includes("secret")]).toEqual([true, true, false]);
    const file = fileURLToPath(seen);
    expect(readFileSync(file, "utf8")).toContain("url=http://localhost:7/?token=secret");
    expect([statSync(file).mode & 0o077, statSync(join(file, "..")).mode & 0o077]).toEqual([0, 0]);
    await tidy();
    expect(existsSync(join(file, ".."))).toBe(false);
  });

  test("an opener that fails, or is not there, is known", async () => {
    opener("exit 3");
    expect((await run("http://localhost:7/")).opened).toBe(false);
    rmSync(bin, { recursive: true });
    const before = process.env["PATH"];
    process.env["PATH"] = "/nonexistent";
    const { opened, tidy } = await openBrowser("http://localhost:7/").finally(() => (process.env["PATH"] = before));
    expect(opened).toBe(false);
    await tidy();
  });
});

const MAIN = fileURLToPath(new URL("../../dist/main.js", import.meta.url));

describe("the built program", () => {
  let world: WebWorld;
  beforeEach(() => {
    world = new WebWorld();
  });
  afterEach(() => world.cleanUp());

  const env = () => ({ ...process.env, ENACT_HOME: world.enactHome });

  function started(args: readonly string[] = []) {
    const child = spawn(process.execPath, [MAIN, "ui", "--json", "--port", "0", ...args], { cwd: world.project, env: env(), stdio: ["ignore", "pipe", "pipe"] });
    let errors = "";
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => (errors += chunk));
    const url = new Promise<string>((resolve, reject) => {
      child.stdout.setEncoding("utf8").once("data", (line: string) => resolve((JSON.parse(line) as { url: string }).url));
      child.once("exit", (code) => reject(new Error(`ended with ${String(code)}: ${errors}`)));
    });
    const ended = new Promise<number | string>((resolve) => child.once("exit", (code, signal) => resolve(code ?? signal ?? "")));
    return { child, url, ended };
  }

  interface Answer {
    readonly status: number;
    readonly body: string;
    readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  }
  const get = (url: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> =>
    new Promise((resolve, reject) => {
      request(url, { headers }, (response) => {
        let body = "";
        response.setEncoding("utf8").on("data", (chunk: string) => (body += chunk));
        response.on("end", () => resolve({ status: response.statusCode ?? 0, body, headers: response.headers }));
      }).on("error", reject).end();
    });

  async function letIn(url: string): Promise<Readonly<Record<string, string>>> {
    const { headers } = await get(url);
    return { cookie: String(headers["set-cookie"]).split(";")[0] ?? "", "x-enact-key": new URLSearchParams(String(headers["location"]).split("#")[1]).get("key") ?? "" };
  }

  test.each(["SIGINT", "SIGTERM"] as const)("serves the receipts to who has the link, and ends in order on %s", async (signal) => {
    await writeLedger(world, world.keys.signer(), draftsOf(receiptStory({ runs: 20 })));
    const { child, url, ended } = started();
    const link = await url;
    const { origin } = new URL(link);
    const page = await get(`${origin}/`);
    expect([page.status, page.body.includes("company.com")]).toEqual([200, false]);
    expect((await get(`${origin}/receipts.js`)).headers["content-type"]).toContain("text/javascript");
    const data = await get(`${origin}/api/changes`, await letIn(link));
    expect(JSON.parse(data.body)).toMatchObject({ total: 20, status: { project: "shop", exists: true } });
    const refused = await get(`${origin}/api/changes`);
    expect([refused.status, refused.body.includes("shop")]).toEqual([401, false]);
    child.kill(signal);
    expect(await ended).toBe(0);
  });

  test("needs no configuration, and writes nothing into the project", async () => {
    const { child, url, ended } = started();
    const { origin } = new URL(await url);
    expect((await get(`${origin}/`)).status).toBe(200);
    child.kill("SIGTERM");
    expect([await ended, readdirSync(world.project)]).toEqual([0, []]);
  });

  test("shows the receipts of a project whose configuration is broken: that is when one looks", async () => {
    writeFileSync(join(world.project, "enact.yaml"), "policies: [no_such_policy]\n");
    await writeLedger(world, world.keys.signer(), draftsOf(receiptStory({ runs: 3 })));
    const { child, url, ended } = started();
    const link = await url;
    const data = await get(`${new URL(link).origin}/api/changes`, await letIn(link));
    expect(JSON.parse(data.body)).toMatchObject({ total: 3 });
    child.kill("SIGTERM");
    expect(await ended).toBe(0);
  });

  test("says which port is taken", async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
    const { port } = taken.address() as AddressInfo;
    mkdirSync(world.enactHome, { recursive: true });
    let said = "";
    try {
      execFileSync(process.execPath, [MAIN, "ui", "--port", String(port)], { cwd: world.project, env: env(), stdio: "pipe", timeout: 20_000 });
    } catch (error) {
      const { status, stderr } = error as { status: number; stderr: Buffer };
      said = `${String(status)} ${stderr.toString()}`;
    }
    taken.close();
    expect(said).toMatch(/^2 /u);
    expect(said).toContain(`enact-guard: Port ${String(port)} is taken by another program\nChoose another one with --port`);
  });
});

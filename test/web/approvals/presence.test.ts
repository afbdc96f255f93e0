import { createServer, type Server } from "node:http";
import { afterEach, describe, expect, test } from "vitest";

import { KeptPage } from "../../../src/web/approvals/keep.js";
import { isOurPage } from "../../../src/web/approvals/presence.js";
import { serveApprovals } from "../../../src/web/approvals/start.js";
import { PageWorld, freePort } from "../../support/approval-pages.js";

describe("one port, many processes", () => {
  const open: { close(): unknown }[] = [];
  const worlds: PageWorld[] = [];

  afterEach(async () => {
    for (const one of open.splice(0)) await one.close();
    await Promise.all(worlds.splice(0).map((world) => world.cleanUp()));
  });

  async function newWorld(): Promise<PageWorld> {
    const world = await new PageWorld().start();
    worlds.push(world);
    return world;
  }

  function listen(server: Server, port: number): Promise<void> {
    open.push({ close: () => new Promise((resolve) => server.close(resolve)) });
    return new Promise((resolve) => server.listen(port, "127.0.0.1", resolve));
  }

  test("the page of another process of this user is used: its inbox is the same", async () => {
    const world = await newWorld();
    const second = await serveApprovals(world.options);
    expect(second).toMatchObject({ isOurs: false, origin: world.origin });
    await second.close();
    expect(await isOurPage(world.origin, world.sealing)).toBe(true);
  });

  test("another user's page is not: it could show people something else", async () => {
    const [mine, theirs] = [await newWorld(), await newWorld()];
    expect(await isOurPage(theirs.origin, mine.sealing)).toBe(false);
    await expect(serveApprovals({ ...mine.options, port: theirs.port })).rejects.toMatchObject({ code: "USAGE", message: expect.stringContaining("held by another program") as string });
  });

  test.each<[string, (nonce: string) => string]>([
    ["says that it is one", () => JSON.stringify({ program: "enact-guard", page: "approvals", proof: "AAAA" })],
    ["gives the question back", (nonce) => JSON.stringify({ proof: nonce })],
    ["says nothing that can be read", () => "<html>"],
  ])("nor is a program that %s", async (_what, answer) => {
    const world = await newWorld();
    const port = await freePort();
    await listen(createServer((request, response) => response.end(answer(new URL(request.url ?? "", "http://x").searchParams.get("nonce") ?? ""))), port);
    expect(await isOurPage(`http://localhost:${String(port)}`, world.sealing)).toBe(false);
    await expect(serveApprovals({ ...world.options, port })).rejects.toMatchObject({ code: "USAGE" });
  });

  test("when the process that serves the page ends, one that is left goes on with it", async () => {
    const world = await newWorld();
    const port = await freePort();
    const [first, second] = [new KeptPage({ ...world.options, port }, 50), new KeptPage({ ...world.options, port }, 50)];
    open.push(second);
    expect(await first.serve()).toMatchObject({ isOurs: true });
    expect(await second.serve()).toMatchObject({ isOurs: false });
    await first.close();
    for (let tries = 0; tries < 100 && !(await isOurPage(`http://localhost:${String(port)}`, world.sealing)); tries += 1) await new Promise((resolve) => setTimeout(resolve, 50));
    expect(await isOurPage(`http://localhost:${String(port)}`, world.sealing)).toBe(true);
    expect(await second.serve()).toMatchObject({ isOurs: true });
  });

  test("a port that another program holds is said, and tried again the next time", async () => {
    const world = await newWorld();
    const port = await freePort();
    const other = createServer((_request, response) => response.end("another program"));
    await new Promise<void>((resolve) => other.listen(port, "127.0.0.1", resolve));
    const kept = new KeptPage({ ...world.options, port });
    open.push(kept);
    await expect(kept.serve()).rejects.toMatchObject({ code: "USAGE" });
    await new Promise((resolve) => other.close(resolve));
    expect(await kept.serve()).toMatchObject({ isOurs: true });
  });
});

import { execFileSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import {
  chmodSync, copyFileSync, existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, symlinkSync, truncateSync, utimesSync, writeFileSync,
} from "node:fs";
import { join } from "node:path";

import { describe, expect, test } from "vitest";

import type { UndoStore } from "../../src/receipts/undo-store.js";
import { undoWorld } from "../support/undo-world.js";

const DAY_MS = 86_400_000;

function storeWorld() {
  const world = undoWorld();
  const folder = join(world.project, ".enact/undo");
  return { ...world, folder, piece: (run: string, name = "a") => join(folder, run, `${name}.sealed`) };
}

async function content(store: UndoStore, run: string, name = "a"): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const part of store.read(run, name)) parts.push(part);
  return Buffer.concat(parts).toString();
}

async function* pieces(...parts: readonly string[]): AsyncIterable<Uint8Array> {
  for (const part of parts) yield Buffer.from(part);
}

const failing = (code: string) => expect.objectContaining({ code }) as Error;
const bytes = (text: string) => Buffer.from(text);

describe("what is kept", () => {
  test("comes back, whole or from a stream, also to another process of the user", async () => {
    const world = storeWorld();
    const run = randomUUID();
    const store = world.store();
    expect(await store.put(run, "a", bytes("one"))).toEqual({ name: "a", bytes: 3 });
    expect(await store.put(run, "b", pieces("two ", "", "three"))).toEqual({ name: "b", bytes: 9 });
    expect(await store.put(run, "c", pieces())).toEqual({ name: "c", bytes: 0 });
    const other = world.store();
    expect(await other.pieces(run)).toEqual([{ name: "a", bytes: 3 }, { name: "b", bytes: 9 }, { name: "c", bytes: 0 }]);
    expect([await content(other, run), await content(other, run, "b"), await content(other, run, "c")]).toEqual(["one", "two three", ""]);
  });

  test("is on disk for its owner only, encrypted, with the key outside of the project", async () => {
    const world = storeWorld();
    const run = randomUUID();
    await world.store().put(run, "a", bytes("the secret content"));
    for (const path of [join(world.project, ".enact"), world.folder, join(world.folder, run)]) expect(statSync(path).mode & 0o777).toBe(0o700);
    expect(statSync(world.piece(run)).mode & 0o777).toBe(0o600);
    expect(readFileSync(world.piece(run)).includes("secret")).toBe(false);
    expect(readFileSync(join(world.project, ".enact/.gitignore"), "utf8")).toBe("*\n");
    expect(existsSync(join(world.enactHome, "keys/private.key"))).toBe(true);
  });

  test("is whole or not there: a source that fails half-way leaves nothing", async () => {
    const world = storeWorld();
    const run = randomUUID();
    async function* failingSource(): AsyncIterable<Uint8Array> {
      yield Buffer.alloc(200_000, 1);
      throw new Error("the file went away");
    }
    await expect(world.store().put(run, "a", failingSource())).rejects.toThrow();
    expect(readdirSync(join(world.folder, run))).toEqual([]);
    expect(await world.store().pieces(run)).toEqual([]);
  });

  test("is kept once under a name, and names are no paths", async () => {
    const store = storeWorld().store();
    const run = randomUUID();
    await store.put(run, "a", bytes("one"));
    await expect(store.put(run, "a", bytes("two"))).rejects.toThrow();
    for (const name of ["", "../a", "a/b", "A", ".", "a.b", "\0"]) await expect(store.put(run, name, bytes("x"))).rejects.toThrow();
    for (const id of ["", "..", "../../x", "a", `${run}/x`, run.toUpperCase()]) await expect(store.put(id, "a", bytes("x"))).rejects.toThrow();
    expect(await content(store, run)).toBe("one");
  });

  test("is forgotten on demand, and what is not there is no error", async () => {
    const world = storeWorld();
    const [run, other] = [randomUUID(), randomUUID()];
    const store = world.store();
    await store.put(run, "a", bytes("one"));
    await store.put(other, "a", bytes("two"));
    await store.forget(run);
    await store.forget(run);
    expect(await store.pieces(run)).toEqual([]);
    await expect(content(store, run)).rejects.toThrow(failing("NOT_FOUND"));
    expect(await content(store, other)).toBe("two");
  });

  test("costs nothing until something is kept: looking makes no folder and no key", async () => {
    const world = storeWorld();
    const store = world.store();
    expect(await store.pieces(randomUUID())).toEqual([]);
    await expect(content(store, randomUUID())).rejects.toThrow(failing("NOT_FOUND"));
    await store.prune(new Date());
    await store.forget(randomUUID());
    await store.close();
    expect([existsSync(join(world.project, ".enact")), existsSync(world.enactHome)]).toEqual([false, false]);
  });
});

describe("limits", () => {
  test("what is larger than a run may keep is refused, and nothing of it is left", async () => {
    const world = storeWorld();
    const store = world.store({ maxRunBytes: 100 });
    const run = randomUUID();
    await store.put(run, "a", Buffer.alloc(60));
    await expect(store.put(run, "b", Buffer.alloc(41))).rejects.toThrow(failing("UNDO_UNAVAILABLE"));
    await expect(store.put(run, "c", pieces("x".repeat(30), "x".repeat(30)))).rejects.toThrow(failing("UNDO_UNAVAILABLE"));
    expect(await store.put(run, "d", Buffer.alloc(40))).toEqual({ name: "d", bytes: 40 });
    expect(readdirSync(join(world.folder, run)).toSorted()).toEqual(["a.sealed", "d.sealed"]);
  });

  test("the oldest runs make room for new ones, never the run that is being kept", async () => {
    const world = storeWorld();
    const store = world.store({ maxTotalBytes: 10_000 });
    const runs = Array.from({ length: 12 }, () => randomUUID());
    for (const [index, run] of runs.entries()) {
      await store.put(run, "a", Buffer.alloc(2000));
      utimesSync(join(world.folder, run), Date.now() / 1000 - 1000 + index, Date.now() / 1000 - 1000 + index);
    }
    const left = runs.filter((run) => existsSync(world.piece(run)));
    expect(left).toEqual(runs.slice(-4));
    const large = randomUUID();
    await store.put(large, "a", Buffer.alloc(9000));
    await store.put(large, "b", Buffer.alloc(9000));
    expect(readdirSync(world.folder)).toEqual([large]);
  });

  test("what others wrote counts as well", async () => {
    const world = storeWorld();
    const [one, two] = [world.store({ maxTotalBytes: 10_000 }), world.store({ maxTotalBytes: 10_000 })];
    const [a, b, c] = [randomUUID(), randomUUID(), randomUUID()];
    await one.put(a, "a", Buffer.alloc(4000));
    utimesSync(join(world.folder, a), 1000, 1000);
    await two.put(b, "a", Buffer.alloc(4000));
    utimesSync(join(world.folder, b), 2000, 2000);
    await two.put(c, "a", Buffer.alloc(4000));
    expect(readdirSync(world.folder).toSorted()).toEqual([b, c].toSorted());
  });

  test("what is over age is not given any more, and goes with the next thing that is kept", async () => {
    const world = storeWorld();
    const run = randomUUID();
    await world.store().put(run, "a", bytes("old"));
    const later = { clock: () => new Date(Date.now() + 31 * DAY_MS) };
    expect(await world.store(later).pieces(run)).toEqual([]);
    await expect(content(world.store(later), run)).rejects.toThrow(failing("NOT_FOUND"));
    expect(existsSync(world.piece(run))).toBe(true);
    await world.store(later).put(randomUUID(), "a", bytes("new"));
    expect(existsSync(join(world.folder, run))).toBe(false);
  });

  test("what is no run's is left alone", async () => {
    const world = storeWorld();
    await world.store().put(randomUUID(), "a", bytes("x"));
    writeFileSync(join(world.folder, "notes.txt"), "somebody's");
    mkdirSync(join(world.folder, "somebody"));
    writeFileSync(join(world.folder, "somebody/file"), "else's");
    await world.store({ maxTotalBytes: 1 }).prune(new Date(Date.now() + 400 * DAY_MS));
    expect(readdirSync(world.folder).toSorted()).toEqual(["notes.txt", "somebody"]);
  });
});

describe("what is not what was kept", () => {
  async function kept() {
    const world = storeWorld();
    const [run, other] = [randomUUID(), randomUUID()];
    await world.store().put(run, "a", Buffer.alloc(150_000, "one"));
    await world.store().put(run, "b", bytes("two"));
    await world.store().put(other, "a", bytes("three"));
    return { ...world, run, other };
  }

  test("is refused when it was changed, cut, or put in another's place", async () => {
    const { run, other, piece, store } = await kept();
    const original = readFileSync(piece(run));
    const tampered = failing("TAMPERED");
    const changed = Buffer.from(original);
    changed[100_000] = (changed[100_000] ?? 0) ^ 1;
    writeFileSync(piece(run), changed);
    await expect(content(store(), run)).rejects.toThrow(tampered);
    writeFileSync(piece(run), original);
    truncateSync(piece(run), 48 + 65_552);
    await expect(content(store(), run)).rejects.toThrow(tampered);
    for (const from of [piece(other), piece(run, "b")]) {
      copyFileSync(from, piece(run));
      await expect(content(store(), run)).rejects.toThrow(tampered);
    }
    writeFileSync(piece(run), original);
    expect(await content(store(), run)).toHaveLength(150_000);
  });

  test("is refused when it is a link, a FIFO or a folder, and a FIFO hangs nothing", async () => {
    const { run, other, piece, store } = await kept();
    rmSync(piece(run));
    symlinkSync(piece(other), piece(run));
    await expect(content(store(), run)).rejects.toThrow(failing("TAMPERED"));
    rmSync(piece(run));
    execFileSync("mkfifo", [piece(run)]);
    await expect(content(store(), run)).rejects.toThrow(failing("TAMPERED"));
    rmSync(piece(run));
    mkdirSync(piece(run));
    await expect(content(store(), run)).rejects.toThrow(failing("TAMPERED"));
  });

  test("does not open with another key, and says that the key is missing", async () => {
    const { run, enactHome, store, base } = await kept();
    const key = join(enactHome, "keys/private.key");
    renameSync(key, join(base, "key"));
    await expect(content(store(), run, "b")).rejects.toThrow(failing("KEY_UNUSABLE"));
    await store().put(randomUUID(), "a", bytes("makes another key"));
    await expect(content(store(), run, "b")).rejects.toThrow(failing("TAMPERED"));
    renameSync(join(base, "key"), key);
    expect(await content(store(), run, "b")).toBe("two");
  });
});

describe("something else in the place of the store", () => {
  test.each(["link", "file", "fifo", "open to others"])("a %s is refused, and nothing is written through it", async (kind) => {
    const world = storeWorld();
    const elsewhere = join(world.base, "elsewhere");
    mkdirSync(elsewhere);
    mkdirSync(join(world.project, ".enact"), { mode: 0o700 });
    if (kind === "link") symlinkSync(elsewhere, world.folder);
    if (kind === "file") writeFileSync(world.folder, "");
    if (kind === "fifo") execFileSync("mkfifo", [world.folder]);
    if (kind === "open to others") {
      mkdirSync(world.folder);
      chmodSync(world.folder, 0o777);
    }
    const run = randomUUID();
    await expect(world.store().put(run, "a", bytes("x"))).rejects.toThrow(failing("UNDO_UNAVAILABLE"));
    await expect(world.store().pieces(run)).rejects.toThrow(failing("UNDO_UNAVAILABLE"));
    await expect(world.store().prune(new Date())).rejects.toThrow(failing("UNDO_UNAVAILABLE"));
    expect(readdirSync(elsewhere)).toEqual([]);
  });

  test("forgetting follows no link out of the store", async () => {
    const world = storeWorld();
    const elsewhere = join(world.base, "elsewhere");
    mkdirSync(elsewhere);
    writeFileSync(join(elsewhere, "precious"), "");
    const run = randomUUID();
    await world.store().put(run, "a", bytes("x"));
    symlinkSync(elsewhere, join(world.folder, run, "link"));
    await world.store().forget(run);
    expect(existsSync(join(elsewhere, "precious"))).toBe(true);
    const other = randomUUID();
    symlinkSync(elsewhere, join(world.folder, other));
    await world.store({ maxTotalBytes: 1 }).prune(new Date(Date.now() + 400 * DAY_MS));
    await expect(world.store().forget(other)).rejects.toThrow(failing("UNDO_UNAVAILABLE"));
    expect([existsSync(join(elsewhere, "precious")), lstatSync(join(world.folder, other)).isSymbolicLink()]).toEqual([true, true]);
  });
});

import { chmodSync, linkSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import fc from "fast-check";
import { describe, expect, onTestFinished, test } from "vitest";

import { ANCHORS } from "../../support/file-world.js";
import { undoParts } from "../../support/undo-guard.js";
import { treeOf, withoutFolderTimes } from "../../support/undo-world.js";

/** A tree as data: what is made before the call that is undone. */
type Node =
  | { readonly kind: "file"; readonly content: Uint8Array; readonly mode: number }
  | { readonly kind: "link"; readonly target: string }
  | { readonly kind: "hard"; readonly of: number }
  | { readonly kind: "folder"; readonly mode: number; readonly children: readonly (readonly [Uint8Array, Node])[] };

/** Each run makes durable receipts of two calls. */
const COUNT = Number(process.env["UNDO_TREES"] ?? 20);

const FORBIDDEN = [0, 0x2f];
/** Names as bytes: ASCII, unicode, what begins like an option or a home folder, and what is no UTF-8. */
const name = fc.oneof(
  { weight: 5, arbitrary: fc.stringMatching(/^[a-z]{1,6}(?:\.[a-z]{1,3})?$/u).map((text) => Buffer.from(text)) },
  { weight: 2, arbitrary: fc.constantFrom("ä ö", "名前", "e\u0301", "-rf", "~", "a\nb", "a\\b", " ", "…", "C:", "%2e").map((text) => Buffer.from(text)) },
  { weight: 1, arbitrary: fc.uint8Array({ minLength: 1, maxLength: 12 }).map((bytes) => Buffer.from(bytes.filter((byte) => !FORBIDDEN.includes(byte)))) },
).filter((bytes) => bytes.length > 0 && !["", ".", ".."].includes(bytes.toString("latin1")) && !/git|enact|mcp|claude|cursor|vscode|codex|gemini/iu.test(bytes.toString()));

const content = fc.oneof(fc.uint8Array({ maxLength: 40 }), fc.constantFrom(0, 65_535, 65_536, 65_537, 200_000).map((size) => Buffer.alloc(size, size % 251)));
const fileMode = fc.constantFrom(0o644, 0o600, 0o400, 0o755, 0o777, 0o4755, 0o000);
const folderMode = fc.constantFrom(0o755, 0o700, 0o777, 0o1777);

const isText = (bytes: Uint8Array) => Buffer.from(Buffer.from(bytes).toString()).equals(bytes);

/** Where folders are addressed by path, as on macOS, their names are text: its file systems take no others. */
function treesOf(names: fc.Arbitrary<Buffer>) {
  const { node } = fc.letrec<{ node: Node }>((tie) => ({
    node: fc.oneof(
      { maxDepth: 4, depthIdentifier: "tree" },
      fc.record({ kind: fc.constant("file" as const), content, mode: fileMode }),
      fc.record({ kind: fc.constant("link" as const), target: fc.constantFrom("a", "../b", "/nowhere", "ä", "x".repeat(300), ".") }),
      fc.record({ kind: fc.constant("hard" as const), of: fc.nat(5) }),
      fc.record({
        kind: fc.constant("folder" as const),
        mode: folderMode,
        children: fc.uniqueArray(fc.tuple(names, tie("node")), { maxLength: 5, depthIdentifier: "tree", selector: ([bytes]) => Buffer.from(bytes).toString("hex") }),
      }),
    ),
  }));

  return fc.record({
    kind: fc.constant("folder" as const),
    mode: folderMode,
    children: fc.uniqueArray(fc.tuple(names, node), { minLength: 1, maxLength: 6, selector: ([bytes]) => Buffer.from(bytes).toString("hex") }),
  });
}

function make(path: Buffer, made: Node, files: Buffer[], times: { now: number }): void {
  times.now += 1.234;
  const other = made.kind === "hard" ? files[made.of] : undefined;
  if (made.kind === "folder") {
    mkdirSync(path);
    for (const [child, below] of made.children) make(Buffer.concat([path, Buffer.from("/"), child]), below, files, times);
    chmodSync(path, made.mode);
    utimesSync(path, times.now, times.now);
  } else if (made.kind === "link") {
    symlinkSync(made.target, path);
  } else if (other !== undefined) {
    linkSync(other, path);
  } else {
    writeFileSync(path, made.kind === "file" ? made.content : "first");
    chmodSync(path, made.kind === "file" ? made.mode : 0o644);
    utimesSync(path, times.now, times.now);
    files.push(path);
  }
}

/** One project for all runs of a property: a world of its own each time would spend its time on ledgers. */
function sharedWorld() {
  const base = realpathSync(mkdtempSync(join(tmpdir(), "enact-undo-")));
  const parts = undoParts(base);
  mkdirSync(parts.root, { recursive: true });
  onTestFinished(async () => {
    await parts.ledger.close();
    rmSync(base, { recursive: true, force: true });
  });
  return parts;
}

describe.each(ANCHORS)("with folders addressed by %s", (anchor) => {
  test("any tree that was deleted is there again, to the byte, the permission and the microsecond", async () => {
    const world = sharedWorld();
    const guard = world.guard({ files: { anchor } });
    const trees = treesOf(anchor === "descriptor" ? name : name.filter(isText));
    const property = fc.asyncProperty(trees, async (tree) => {
      rmSync(world.root, { recursive: true, force: true });
      mkdirSync(world.root);
      make(Buffer.from(join(world.root, "tree")), tree, [], { now: 1_500_000_000 });
      const before = treeOf(world.root);
      const deleted = await guard.call("file_delete", { path: "tree", recursive: true });
      expect(deleted).toMatchObject({ status: "done", receipt: { payload: { reversal: { possible: true } } } });
      expect(Object.keys(treeOf(world.root))).toEqual(["/"]);
      const undone = await guard.call("enact_rollback", { run_id: deleted.receipt?.run_id });
      expect(undone).toMatchObject({ receipt: { decision: "ROLLED_BACK" } });
      expect(treeOf(world.root)).toEqual(before);
      expect(await world.store().pieces(deleted.receipt?.run_id ?? "")).toEqual([]);
    });
    await fc.assert(property, { seed: 20_261_122, numRuns: COUNT });
  });

  test("any file that was written over is what it was, and any that was new is gone", async () => {
    const world = sharedWorld();
    const guard = world.guard({ files: { anchor } });
    const old = fc.option(fc.record({ content, mode: fc.constantFrom(0o644, 0o600, 0o755, 0o666, 0o4755) }));
    const place = fc.constantFrom("a.txt", "x/y/z.txt", "x/a.txt", "./~", "ä/名前");
    const property = fc.asyncProperty(old, place, fc.string({ unit: "grapheme" }), async (there, path, text) => {
      rmSync(world.root, { recursive: true, force: true });
      mkdirSync(join(world.root, "x"), { recursive: true });
      if (there !== null) {
        mkdirSync(join(world.root, path, ".."), { recursive: true });
        writeFileSync(join(world.root, path), there.content);
        chmodSync(join(world.root, path), there.mode);
        utimesSync(join(world.root, path), 1_600_000_000.123_456, 1_600_000_000.123_456);
      }
      const before = treeOf(world.root, true);
      const written = await guard.call("file_write", { path, content: text });
      expect(written).toMatchObject({ status: "done" });
      const undone = await guard.call("enact_rollback", { run_id: written.receipt?.run_id });
      expect(undone).toMatchObject({ receipt: { decision: "ROLLED_BACK" } });
      expect(withoutFolderTimes(treeOf(world.root, true))).toEqual(withoutFolderTimes(before));
    });
    await fc.assert(property, { seed: 20_261_122, numRuns: COUNT });
  });
});

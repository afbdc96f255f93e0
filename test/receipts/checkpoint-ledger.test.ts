import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import * as fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";

import { digestBytes } from "../../src/receipts/canonical.js";
import type { StoredLine } from "../../src/receipts/check.js";
import { openCheckpointKeys } from "../../src/receipts/checkpoint-keys.js";
import { ChainWalk, textMember } from "../../src/receipts/checkpoint-ledger.js";
import { LedgerScan } from "../../src/receipts/checkpoint-scan.js";
import { originOf } from "../../src/receipts/checkpoint.js";
import { fileLines, verifyExport } from "../../src/receipts/export-verify.js";
import type { ChainPosition } from "../../src/receipts/entry.js";
import { verifyLines } from "../../src/receipts/verify.js";
import { chainOf, exported, finderOf, newKey, someDrafts, stored } from "../support/chains.js";
import { draft, outcomeOf } from "../support/ledger-sandbox.js";

const key = newKey("hmac-sha256");
const keys = finderOf(key);
const { texts, head } = chainOf(someDrafts(3), key);
const at = (sequence: number): ChainPosition => ({ sequence, hash: digestBytes(texts[sequence - 1] ?? "") });

function walk(lines: readonly StoredLine[], vouched: ChainPosition): boolean {
  const chain = new ChainWalk(keys, vouched);
  for (const line of lines) chain.add(line);
  return chain.isWhole();
}

describe("the quick way through a ledger", () => {
  test("finds a whole one whole, wherever its known head is", () => {
    for (let sequence = 1; sequence <= texts.length; sequence += 1) expect(walk(stored(texts), at(sequence))).toBe(true);
    expect(walk([], { sequence: 0, hash: "" })).toBe(true);
  });

  test("agrees with the full verification on whatever was done to it", () => {
    const place = fc.nat(texts.length - 1);
    const change = fc.oneof(
      place.map((index) => (lines: string[]) => lines.toSpliced(index, 1)),
      fc.tuple(place, place).map(([index, other]) => (lines: string[]) => lines.with(index, lines[other] ?? "").with(other, lines[index] ?? "")),
      fc.tuple(place, place).map(([index, other]) => (lines: string[]) => lines.toSpliced(index, 0, lines[other] ?? "")),
      fc.tuple(place, place).map(([index, other]) => (lines: string[]) => lines.with(index, lines[other] ?? "")),
      fc.tuple(place, fc.nat(2000), fc.integer({ min: 1, max: 127 })).map(([index, byte, flip]) => (lines: string[]) => {
        const bytes = Buffer.from(lines[index] ?? "");
        bytes[byte % bytes.length] = (bytes[byte % bytes.length] ?? 0) ^ flip;
        return lines.with(index, bytes.toString("latin1"));
      }),
      place.map((length) => (lines: string[]) => lines.slice(0, length)),
      fc.constant((lines: string[]) => [...lines, ...chainOf([draft()], key, head).texts]),
    );
    fc.assert(
      fc.property(change, fc.integer({ min: 1, max: texts.length }), fc.boolean(), (alter, known, isStore) => {
        const lines = alter([...texts]);
        const given = isStore ? stored(lines) : exported(lines);
        const full = verifyLines(given, { keys, known: at(known) });
        expect({ known, isWhole: walk(given, at(known)) }).toEqual({ known, isWhole: full.ok });
      }),
      { seed: 42, numRuns: 600 },
    );
  });

  test("is not led astray by a receipt that holds a hash of somebody's choosing", () => {
    const forged = JSON.stringify({ forged: true });
    // What an agent can have recorded: an object with a member of that name, such as metadata of a file.
    for (const payload of [{ previous: digestBytes(forged) }, { a: { previous: digestBytes(forged) }, b: '"previous":"sha256:' }]) {
      const honest = chainOf([draft(), draft({ payload }), draft()], key);
      const known = honest.head;
      expect(walk(stored(honest.texts), known)).toBe(true);
      expect(walk(stored(honest.texts.with(0, forged)), known)).toBe(false);
      expect(verifyLines(stored(honest.texts.with(0, forged)), { keys, known }).ok).toBe(false);
    }
  });

  test("a member is the receipt's own, not one that is nested, and not a text that looks like one", () => {
    const member = (value: unknown) => textMember(Buffer.from(JSON.stringify(value)), "previous");
    expect(member({ a: 1, previous: "x" })).toBe("x");
    expect(member({ payload: { previous: "y" }, previous: "x" })).toBe("x");
    expect(member({ payload: '"previous":"y"', previous: "x" })).toBe("x");
    expect(member({ payload: { previous: 5 }, previous: "x" })).toBe("x");
    expect([member({}), member({ previous: 5 }), member(null), textMember(Buffer.from("{"), "previous")]).toEqual([null, null, null, null]);
  });

  test("does not take much longer for a receipt than its hashes do", () => {
    const lines = stored(chainOf(someDrafts(500), key).texts);
    const start = performance.now();
    const scan = new LedgerScan({ keys, vouched: { sequence: lines.length, hash: digestBytes(lines.at(-1)?.bytes ?? "") } });
    for (const line of lines) scan.add(line);
    expect(scan.isWhole()).toBe(true);
    // A million in a few seconds on an idle machine; other tests use the same one.
    expect((performance.now() - start) / lines.length).toBeLessThan(0.1);
  });
});

describe("the origin", () => {
  test("is that of the first receipt, whatever follows", () => {
    const [one, other] = [chainOf([draft(), draft()], key), chainOf([draft()], key)];
    const originFrom = (lines: readonly string[]) => {
      const scan = new LedgerScan({ keys, vouched: null });
      for (const line of exported(lines)) scan.add(line);
      return scan.origin;
    };
    expect(originFrom(one.texts)).toBe(originFrom(one.texts.slice(0, 1)));
    expect(originFrom(one.texts)).toBe(originOf(digestBytes(one.texts[0] ?? "")));
    expect(originFrom(one.texts)).not.toBe(originFrom(other.texts));
    expect(originFrom([])).toBeNull();
  });
});

describe("a part of a log", () => {
  const verify = (lines: readonly string[], from: number, known: ChainPosition | null = null) => verifyExport(() => exported(lines), { keys, from, known });

  test("verifies from any receipt on", () => {
    for (let from = 2; from <= texts.length; from += 1) {
      expect(verify(texts.slice(from - 1), from, head)).toMatchObject({ ok: true, entries: texts.length - from + 1, head });
    }
  });

  test("an outcome may belong to what came before it, but only once, and nothing may be decided after it", () => {
    const run = draft();
    const other = draft();
    const part = (entries: Parameters<typeof chainOf>[0]) => verify(chainOf(entries, key, { sequence: 4, hash: digestBytes("x") }).texts, 5);
    expect(part([outcomeOf(run), other, outcomeOf(other)])).toMatchObject({ ok: true, interrupted: [] });
    expect(part([outcomeOf(run), outcomeOf(run)]).firstProblem).toMatchObject({ kind: "forged", sequence: 6 });
    expect(part([outcomeOf(run), run]).firstProblem).toMatchObject({ kind: "forged", sequence: 6 });
    expect(part([other, outcomeOf(other), outcomeOf(other)]).firstProblem).toMatchObject({ kind: "forged", sequence: 7 });
    expect(part([other]).interrupted).toMatchObject([{ run_id: other.run_id }]);
  });

  test("that was cut, or is of another copy, does not fit what is known", () => {
    expect(verify(texts.slice(4, -1), 5, head).firstProblem).toMatchObject({ kind: "cut", sequence: texts.length });
    expect(verify([], 5, head).firstProblem).toMatchObject({ kind: "cut", sequence: 5 });
    expect(verify(texts.slice(4), 5, { ...head, hash: digestBytes("other") }).firstProblem).toMatchObject({ kind: "replaced", sequence: texts.length });
  });
});

describe("the lines of a file", () => {
  const folder = mkdtempSync(join(tmpdir(), "enact-lines-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const linesOf = (content: string | Uint8Array): string[] => {
    const path = join(folder, "lines");
    writeFileSync(path, content);
    return [...fileLines(path)].map(({ bytes }) => Buffer.from(bytes).toString("latin1"));
  };

  test("are the exact bytes between line ends, across the pieces in which a file is read", () => {
    expect(linesOf("")).toEqual([]);
    expect(linesOf("a")).toEqual(["a"]);
    expect(linesOf("a\n")).toEqual(["a"]);
    expect(linesOf("a\n\n\r\nb")).toEqual(["a", "", "\r", "b"]);
    const long = ["x".repeat(1024 * 1024 - 1), "y".repeat(1024 * 1024), "", "z".repeat(3 * 1024 * 1024), "end"];
    expect(linesOf(long.join("\n"))).toEqual(long);
    expect(linesOf(`${long.join("\n")}\n`)).toEqual(long);
  });

  test("of a file without line ends do not fill the memory", () => {
    const [line = "", ...more] = linesOf(Buffer.alloc(70 * 1024 * 1024, 0x20));
    expect([more.length, line.length < 67 * 1024 * 1024]).toEqual([0, true]);
  });
});

describe("the keys of checkpoints", () => {
  test("are made once, and the newest checkpoint of each log is kept whole", () => {
    const root = mkdtempSync(join(tmpdir(), "enact-checkpoint-keys-"));
    try {
      const place = { enactHome: join(root, "home"), project: join(root, "project") };
      const open = openCheckpointKeys(place);
      expect([open.trusted(), open.last("enact-guard/x")]).toEqual([[], null]);
      expect(existsSync(place.enactHome)).toBe(false);
      const signer = open.signer("hmac-sha256:whatever");
      expect(openCheckpointKeys(place).signer("ed25519:another").key_id).toBe(signer.key_id);
      expect(open.trusted().map(({ key_id }) => key_id)).toEqual([signer.key_id]);
      open.keep("enact-guard/x", "one\n");
      open.keep("enact-guard/x", "two\n");
      open.keep("enact-guard/../../y", "three\n");
      expect([open.last("enact-guard/x"), open.last("enact-guard/../../y")]).toEqual(["two\n", "three\n"]);
      expect(readFileSync(join(place.enactHome, "checkpoints", "enact-guard-x.txt"), "utf8")).toBe("two\n");
      expect(existsSync(join(root, "y.txt"))).toBe(false);
      const inside = openCheckpointKeys({ enactHome: join(root, "project", "home"), project: place.project });
      expect(() => inside.signer("x")).toThrow("inside the project");
    } finally {
      rmSync(root, { recursive: true, force: true });
    }
  });
});

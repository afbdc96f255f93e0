import fc from "fast-check";
import { describe, expect, test } from "vitest";

import type { StoredLine } from "../../../src/receipts/check.js";
import { digestBytes } from "../../../src/receipts/canonical.js";
import { verifyLines } from "../../../src/receipts/verify.js";
import { ChainWalk } from "../../../src/web/receipts/chain-walk.js";
import { chainOf, finderOf, newKey, someDrafts, stored } from "../../support/chains.js";

const key = newKey("hmac-sha256");
const other = newKey("hmac-sha256");
const { texts, head } = chainOf(someDrafts(3), key);
const copy = chainOf(someDrafts(3), key);
const known = { ...head, genesis: digestBytes(texts[0] ?? "") };

function walked(lines: readonly StoredLine[], head_: typeof known | null = known) {
  const walk = new ChainWalk({ keys: finderOf(key), known: head_, checks: [] });
  for (const line of lines) walk.add(line);
  return walk;
}

/** What someone does to the lines of a store. */
const attack = fc.oneof(
  fc.record({ kind: fc.constant("edit" as const), at: fc.nat(23) }),
  fc.record({ kind: fc.constant("resign" as const), at: fc.nat(23) }),
  fc.record({ kind: fc.constant("remove" as const), at: fc.nat(23) }),
  fc.record({ kind: fc.constant("swap" as const), at: fc.nat(22) }),
  fc.record({ kind: fc.constant("cut" as const), at: fc.nat(23) }),
  fc.record({ kind: fc.constant("other copy" as const), at: fc.nat(23) }),
  fc.record({ kind: fc.constant("spaces" as const), at: fc.nat(23) }),
  fc.record({ kind: fc.constant("rubbish" as const), at: fc.nat(23) }),
  fc.record({ kind: fc.constant("twice" as const), at: fc.nat(22) }),
);

function attacked(lines: readonly StoredLine[], { kind, at }: { readonly kind: string; readonly at: number }): readonly StoredLine[] {
  const line = lines[at];
  if (line === undefined) return lines;
  const text = Buffer.from(line.bytes).toString("utf8");
  const put = (changed: string): readonly StoredLine[] => lines.with(at, { ...line, bytes: Buffer.from(changed) });
  if (kind === "edit") return put(text.replace("engineer", "director"));
  if (kind === "resign") return put(chainOf(someDrafts(1), other).texts[0] ?? "");
  if (kind === "remove") return lines.toSpliced(at, 1);
  const next = lines[at + 1];
  if (kind === "cut") return lines.slice(0, at);
  if ((kind === "swap" || kind === "twice") && next === undefined) return lines;
  if (kind === "swap") return lines.with(at, { ...line, bytes: lines[at + 1]?.bytes ?? line.bytes }).with(at + 1, { ...lines[at + 1], bytes: line.bytes });
  if (kind === "other copy") return put(copy.texts[at] ?? "");
  if (kind === "spaces") return put(text.replace(":", ": "));
  if (kind === "rubbish") return put("\u0000not JSON");
  return lines.with(at + 1, { ...lines[at + 1], bytes: line.bytes });
}

test("says of every ledger what verify says, in the same words, and how far it is proved", () => {
  fc.assert(
    fc.property(fc.array(attack, { maxLength: 3 }), (attacks) => {
      const lines = attacks.reduce(attacked, stored(texts) as readonly StoredLine[]);
      const report = verifyLines(lines, { keys: finderOf(key), known });
      const walk = walked(lines);
      const said = walk.explained(() => lines);
      expect(said === null).toBe(report.ok);
      expect(said?.message).toBe(report.firstProblem?.message);
      expect(walk.provedTo).toBe(report.head.sequence);
    }),
    { seed: 11, numRuns: 300 },
  );
});

describe("behind the first wrong place", () => {
  const edited = attacked(attacked(stored(texts), { kind: "edit", at: 4 }), { kind: "edit", at: 11 });

  test("each other one is named, and what only follows it is not", () => {
    expect(walked(edited).problems.map(({ sequence, kind }) => [sequence, kind])).toEqual([[5, "edited"], [12, "edited"]]);
  });

  test("a gap is named, and what comes next is not blamed for it", () => {
    const holed = attacked(attacked(stored(texts), { kind: "remove", at: 4 }), { kind: "edit", at: 9 });
    expect(walked(holed).problems.map(({ sequence, kind }) => [sequence, kind])).toEqual([[5, "removed"], [11, "edited"]]);
  });

  test("a receipt in another's place is named", () => {
    const swapped = attacked(stored(texts), { kind: "swap", at: 6 });
    expect(walked(swapped).problems[0]).toMatchObject({ sequence: 7, kind: "reordered" });
    expect(walked(swapped).problems.map(({ sequence }) => sequence)).toContain(8);
  });

  test("the same lines have the same fingerprint, and others another", () => {
    expect(walked(edited).fingerprint).toBe(walked(edited).fingerprint);
    expect(walked(edited).fingerprint).not.toBe(walked(stored(texts)).fingerprint);
  });
});

test("an approval that does not hold is a wrong place", () => {
  const check = (at: number) => ({ sequence }: { readonly sequence: number }) => (sequence === at ? ({ kind: "approval", sequence: at, run_id: null, message: "no" } as const) : null);
  const walk = new ChainWalk({ keys: finderOf(key), known, checks: [check(6)] });
  for (const line of stored(texts)) walk.add(line);
  expect(walk.problems).toMatchObject([{ sequence: 6, kind: "approval" }]);
  expect(walk.provedTo).toBe(5);
});

test("which key signed how many", () => {
  expect(walked(stored(texts)).keys).toEqual([{ key_id: key.key_id, entries: texts.length }]);
});

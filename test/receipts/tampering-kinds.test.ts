import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

import { canonicalJson } from "../../src/receipts/canonical.js";
import type { KnownChain, ProblemKind, StoredLine } from "../../src/receipts/check.js";
import { digestBytes } from "../../src/receipts/canonical.js";
import type { Entry } from "../../src/receipts/receipt.js";
import { verifyLines } from "../../src/receipts/verify.js";
import { chainOf, exported, finderOf, newKey, someDrafts, stored } from "../support/chains.js";

const SEED = Number(process.env["ENACT_SEED"] ?? 20_261_122);
const RUNS = Number(process.env["ENACT_TAMPERINGS"] ?? 40);

const key = newKey("hmac-sha256");
const foreign = newKey("ed25519");
const keys = finderOf(key);
const drafts = someDrafts(3);
const chain = chainOf(drafts, key);
const size = chain.texts.length;
const parsed = (text: string): Entry => JSON.parse(text) as Entry;
const at = (sequence: number): string => chain.texts[sequence - 1] ?? "";
const headAt = (sequence: number) => ({ sequence, hash: sequence === size ? chain.head.hash : parsed(at(sequence + 1)).previous });

const known: KnownChain = {
  ...chain.head,
  genesis: digestBytes(at(1)),
  runs: () => chain.texts.map(parsed).filter(({ phase, decision }) => phase === "decision" && decision === "PASS"),
};

/** What somebody does to the texts, at places that the generator draws, and what verify must say of it. */
interface Tampering {
  readonly title: string;
  readonly kind: ProblemKind;
  /** The texts afterwards and the first place that is wrong. */
  readonly apply: (draw: (most: number) => number) => { readonly texts: readonly string[]; readonly sequence: number };
  /** The place can only be bounded from above. */
  readonly atLatest?: true;
}

/** An entry that verifies by itself and was written after another one than ours. */
const otherCopy = (after: number, count = 1): readonly string[] => chainOf(someDrafts(Math.ceil(count / 8)), key, after === 0 ? undefined : headAt(after)).texts.slice(0, count);
const someWhere = (draw: (most: number) => number): number => 1 + draw(size - 1);

const TAMPERINGS: readonly Tampering[] = [
  {
    title: "a fact changed",
    kind: "edited",
    apply: (draw) => {
      const n = someWhere(draw);
      const entry = parsed(at(n));
      return { texts: chain.texts.with(n - 1, canonicalJson({ ...entry, payload: { branch: "main" } })), sequence: n };
    },
  },
  {
    title: "a decision changed, and signed with a key of one's own under the name of ours",
    kind: "edited",
    apply: (draw) => {
      const n = someWhere(draw);
      const [text = ""] = chainOf([{ ...parsed(at(n)), decision: "BLOCK" }], { ...foreign, key_id: key.key_id }, n === 1 ? undefined : headAt(n - 1)).texts;
      return { texts: chain.texts.with(n - 1, text), sequence: n };
    },
  },
  {
    title: "signed with a key that is not held",
    kind: "unknown_key",
    apply: (draw) => {
      const n = someWhere(draw);
      const [text = ""] = chainOf([parsed(at(n))], foreign, n === 1 ? undefined : headAt(n - 1)).texts;
      return { texts: chain.texts.with(n - 1, text), sequence: n };
    },
  },
  {
    title: "one or several removed",
    kind: "removed",
    apply: (draw) => {
      const n = 1 + draw(size - 3);
      const count = 1 + draw(Math.min(5, size - n - 1));
      return { texts: chain.texts.toSpliced(n - 1, count), sequence: n };
    },
  },
  {
    title: "two exchanged",
    kind: "reordered",
    apply: (draw) => {
      const n = 1 + draw(size - 2);
      const m = n + 1 + draw(size - n - 1);
      return { texts: chain.texts.with(n - 1, at(m)).with(m - 1, at(n)), sequence: n };
    },
  },
  {
    title: "one moved forward",
    kind: "reordered",
    apply: (draw) => {
      const n = 1 + draw(size - 2);
      const m = n + 1 + draw(size - n - 1);
      return { texts: chain.texts.toSpliced(m - 1, 1).toSpliced(n - 1, 0, at(m)), sequence: n };
    },
  },
  {
    title: "all in the opposite order",
    kind: "reordered",
    apply: () => ({ texts: chain.texts.toReversed(), sequence: 1 }),
  },
  {
    title: "a copy put in somewhere",
    kind: "duplicated",
    apply: (draw) => {
      const source = someWhere(draw);
      const n = 1 + draw(size);
      // Before itself it stands where it belongs, and the second one is the copy.
      return { texts: chain.texts.toSpliced(n - 1, 0, at(source)), sequence: n === source ? n + 1 : n };
    },
  },
  {
    title: "one overwritten with a copy of another",
    kind: "duplicated",
    apply: (draw) => {
      const n = someWhere(draw);
      const source = 1 + ((n + draw(size - 2)) % size);
      return { texts: chain.texts.with(n - 1, at(source)), sequence: n };
    },
  },
  {
    title: "a genuine one of another copy put in",
    kind: "inserted",
    apply: (draw) => {
      const n = 2 + draw(size - 2);
      const [text = ""] = otherCopy(draw(size - 1)).slice(-1);
      return { texts: chain.texts.toSpliced(n - 1, 0, text), sequence: n };
    },
  },
  {
    title: "a made-up one put in",
    kind: "inserted",
    apply: (draw) => {
      const n = someWhere(draw);
      const text = canonicalJson({ ...parsed(at(1 + draw(size - 1))), decision: "ROLLED_BACK", sequence: n });
      return { texts: chain.texts.toSpliced(n - 1, 0, text), sequence: n };
    },
  },
  {
    title: "one signed with another key put in",
    kind: "inserted",
    apply: (draw) => {
      const n = someWhere(draw);
      const [text = ""] = chainOf(someDrafts(1), foreign, n === 1 ? undefined : headAt(n - 1)).texts;
      return { texts: chain.texts.toSpliced(n - 1, 0, text), sequence: n };
    },
  },
  {
    title: "one of another copy added behind the end",
    kind: "inserted",
    apply: (draw) => ({ texts: [...chain.texts, ...otherCopy(draw(size - 1))], sequence: size + 1 }),
  },
  {
    title: "the end cut off, or an older copy put back",
    kind: "cut",
    apply: (draw) => {
      const n = draw(size - 1);
      return { texts: chain.texts.slice(0, n), sequence: n + 1 };
    },
  },
  {
    title: "an older copy that went on by itself, for longer than ours",
    kind: "replaced",
    atLatest: true,
    apply: (draw) => {
      const n = 1 + draw(size - 2);
      return { texts: [...chain.texts.slice(0, n), ...otherCopy(n, size - n + draw(8))], sequence: n + 1 };
    },
  },
  {
    title: "from one on all of another copy",
    kind: "replaced",
    apply: (draw) => {
      const fork = 1 + draw(size - 8);
      const texts = otherCopy(fork, size - fork);
      const n = fork + 2 + draw(size - fork - 4);
      return { texts: [...chain.texts.slice(0, n - 1), ...texts.slice(n - 1 - fork)], sequence: n };
    },
  },
  {
    title: "one exchanged for the one that another copy has in the same place",
    kind: "replaced",
    apply: (draw) => {
      const n = 2 + draw(size - 3);
      const [text = ""] = otherCopy(n - 1);
      return { texts: chain.texts.with(n - 1, text), sequence: n };
    },
  },
  {
    title: "one exchanged for one from further on in another copy",
    kind: "replaced",
    apply: (draw) => {
      const n = 3 + draw(size - 4);
      const text = otherCopy(n - 2, 2)[1] ?? "";
      return { texts: chain.texts.with(n - 1, text), sequence: n };
    },
  },
  {
    title: "the whole ledger exchanged for another",
    kind: "other_ledger",
    apply: (draw) => ({ texts: otherCopy(0, 1 + draw(2 * size)), sequence: 1 }),
  },
];

const FORMS: readonly (readonly [string, (texts: readonly string[]) => StoredLine[]])[] = [["a store", stored], ["an export", exported]];

describe.each(FORMS)(`what was done to %s is named as what it was (seed ${String(SEED)})`, (_title, form) => {
  test.each(TAMPERINGS.map((tampering) => [tampering.title, tampering] as const))("%s", (_name, { kind, apply, atLatest }) => {
    fc.assert(
      fc.property(fc.infiniteStream(fc.nat(1_000_000)), (numbers) => {
        const draw = (most: number): number => (numbers.next().value as number) % (most + 1);
        const { texts, sequence } = apply(draw);
        const lines = form(texts);
        const report = verifyLines(lines, { keys, known });
        const { firstProblem, ...rest } = report;
        expect({ ok: rest.ok, kind: firstProblem?.kind, message: firstProblem?.message }).toEqual({ ok: false, kind, message: expect.any(String) as string });
        if (atLatest === true) expect(firstProblem?.sequence).toBeGreaterThanOrEqual(sequence);
        else expect(firstProblem?.sequence).toBe(sequence);
        // The message speaks of the place that is wrong, and nothing before it is called wrong.
        expect(rest.entries).toBe((firstProblem?.sequence ?? 0) - 1);
      }),
      { seed: SEED, numRuns: RUNS },
    );
  });
});

describe("a store in which places were changed", () => {
  const verify = (lines: readonly StoredLine[]) => verifyLines(lines, { keys, known }).firstProblem;

  test("a gap, and the entries of the end in it: they are not gone, they are elsewhere", () => {
    const shifted = stored(chain.texts).map((line) => ((line.sequence ?? 0) >= 5 ? { ...line, sequence: (line.sequence ?? 0) + 1 } : line));
    expect(verify(shifted)).toMatchObject({ kind: "reordered", sequence: 5 });
    const early = stored(chain.texts).map((line) => ({ ...line, sequence: (line.sequence ?? 0) - 1 }));
    expect(verify(early)).toMatchObject({ kind: "reordered", sequence: 1 });
  });

  test("a gap is a removal, also of the first, and of several", () => {
    for (const [from, to] of [[1, 1], [1, 4], [7, 7], [9, 12]] as const) {
      const lines = stored(chain.texts).filter(({ sequence = 0 }) => sequence < from || sequence > to);
      expect(verify(lines)).toMatchObject({ kind: "removed", sequence: from });
    }
  });
});

test("an older copy that went on is bounded by the runs that the guard noted: the first allowed one that differs", () => {
  // The drafts of a round are: decision, outcome, BLOCK, decision, outcome, decision, decision, outcome.
  const texts = [...chain.texts.slice(0, 9), ...otherCopy(9, size)];
  const { firstProblem } = verifyLines(stored(texts), { keys, known });
  expect(firstProblem).toMatchObject({ kind: "replaced", sequence: 10 });
  expect(firstProblem?.message).toContain("Up to receipt 9 it is the one that the guard wrote");
});

test("lines that can be read only once are still found wrong, with the kind that one reading can tell", () => {
  const once = function* (texts: readonly string[]) {
    yield* exported(texts);
  };
  const texts = chain.texts.with(4, chain.texts[9] ?? "").with(9, chain.texts[4] ?? "");
  expect(verifyLines(once(texts), { keys, known }).firstProblem).toMatchObject({ kind: "removed", sequence: 5 });
  expect(verifyLines(once(texts), { keys, known, again: () => exported(texts) }).firstProblem).toMatchObject({ kind: "reordered", sequence: 5 });
});

test("another check can refuse an entry that is genuine and in its place; it sees each once, in order", () => {
  const seen: number[] = [];
  const report = verifyLines(stored(chain.texts), {
    keys,
    known,
    checks: [
      ({ sequence }) => {
        seen.push(sequence);
        return null;
      },
      ({ sequence, run_id }) => (sequence === 12 ? { kind: "approval", sequence, run_id, message: "Receipt 12 names an approver who never was" } : null),
    ],
  });
  expect(report).toMatchObject({ ok: false, entries: 11, firstProblem: { kind: "approval", sequence: 12 } });
  expect(seen).toEqual(Array.from({ length: 12 }, (_, index) => index + 1));
});

test("every kind is explained in docs/ledger.md, and no other", () => {
  const read = (path: string): string => readFileSync(fileURLToPath(new URL(`../../${path}`, import.meta.url)), "utf8");
  const [, union = ""] = /export type ProblemKind =([^;]+);/u.exec(read("src/receipts/check.ts")) ?? [];
  const kinds = Array.from(union.matchAll(/"([a-z_]+)"/gu), ([, kind]) => kind);
  const explained = Array.from(read("docs/ledger.md").matchAll(/^\| `([a-z_]+)` \| [^|]+ \|$/gmu), ([, kind]) => kind);
  expect(kinds.length).toBeGreaterThan(10);
  expect(new Set(explained)).toEqual(new Set(kinds));
});

import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import * as fc from "fast-check";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { canonicalJson } from "../../src/receipts/canonical.js";
import type { ChainPosition } from "../../src/receipts/entry.js";
import { fileLines, verifyExport } from "../../src/receipts/export-verify.js";
import type { EntryDraft, JsonValue } from "../../src/receipts/receipt.js";
import type { SigningKey } from "../../src/receipts/signing.js";
import { ed25519Key, hmacKey, publicPemOf, signatureText } from "../../src/receipts/signing.js";
import { chainOf, finderOf, someDrafts } from "../support/chains.js";
import { draft, outcomeOf } from "../support/ledger-sandbox.js";
import type { CheckSettings, GivenFile } from "../support/verifier-page.js";
import { VerifierPage, whyNoBrowser } from "../support/verifier-page.js";

const reason = whyNoBrowser();
const SECRET = "one two three four five six seven eight";

/** A key, and what an auditor is given of it. */
interface Signing {
  readonly key: SigningKey;
  readonly files: readonly GivenFile[];
  readonly settings: CheckSettings;
}

function newSigning(algorithm: string): Signing {
  if (algorithm === "hmac-sha256") return { key: hmacKey(SECRET), files: [], settings: { secret: SECRET } };
  const pem = generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" }) as string;
  return { key: ed25519Key(pem), files: [{ name: "ed25519.pub", content: publicPemOf(pem) }], settings: {} };
}

describe.skipIf(reason !== undefined)(`the page that checks exports agrees with verify${reason === undefined ? "" : ` (skipped: ${reason})`}`, () => {
  let browser: Browser;
  let page: VerifierPage;
  const folder = mkdtempSync(join(tmpdir(), "enact-agree-"));
  beforeAll(async () => {
    browser = await VerifierPage.browser();
    page = await VerifierPage.open(browser);
  });
  afterAll(async () => {
    await browser.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Both verifiers on the same bytes. */
  async function both(content: string | Uint8Array, { key, files, settings }: Signing, known: ChainPosition | null = null) {
    const file = join(folder, "log.jsonl");
    writeFileSync(file, content);
    const report = verifyExport(() => fileLines(file), { keys: finderOf(key), from: 1, known });
    const said = await page.check([{ name: "log.jsonl", content }, ...files], { ...settings, ...(known === null ? {} : { known }) });
    const mine = { ok: report.ok, sequence: report.firstProblem?.sequence ?? null, kind: report.firstProblem?.kind ?? "", entries: report.entries };
    return { mine, page: { ok: said.mood === "good", sequence: said.sequence, kind: said.kind, entries: said.entries }, said, report };
  }
  const lines = (texts: readonly string[]): string => texts.map((text) => `${text}\n`).join("");

  describe.each(["hmac-sha256", "ed25519"])("on a log signed with %s", (algorithm) => {
    const signing = newSigning(algorithm);
    const { key } = signing;
    const drafts = someDrafts(2);
    const { texts, head } = chainOf(drafts, key);
    const other = newSigning(algorithm === "ed25519" ? "hmac-sha256" : "ed25519");
    const at = (sequence: number, change: (text: string) => string): string => lines(texts.map((text, index) => (index + 1 === sequence ? change(text) : text)));
    const resigned = (text: string, by: SigningKey, changes: object = {}): string => {
      const { signature: _old, ...rest } = { ...(JSON.parse(text) as Record<string, unknown>), ...changes };
      return canonicalJson({ ...rest, signature: signatureText(by, Buffer.from(canonicalJson(rest))) });
    };
    const text = (sequence: number): string => texts[sequence - 1] ?? "";

    test("that is whole", async () => {
      const { mine, page: found, said } = await both(lines(texts), signing);
      expect(found).toEqual(mine);
      expect(mine).toEqual({ ok: true, sequence: null, kind: "", entries: 16 });
      expect(said.headline).toBe("✓ 16 receipts verified");
      expect((await both(lines(texts), signing, head)).page.ok).toBe(true);
      expect((await both(lines(texts).trimEnd(), signing)).page).toEqual(mine);
    });

    test("whatever its receipts say: any plain JSON in them, in any script", async () => {
      const value = fc.jsonValue({ maxDepth: 3 }) as fc.Arbitrary<JsonValue>;
      const name = fc.oneof(fc.string({ unit: "grapheme", maxLength: 8 }), fc.constantFrom("__proto__", "10", "9", "constructor", "signature", "previous", "sequence", "\u2028", "é", "\ud83d\ude00", "\ufb33"));
      const number = fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.constantFrom(1e21, 1e-7, 5e-324, 1.7976931348623157e308, 0, -1, 123_456_789_012_345_680_000, 0.000001));
      const payload = fc.dictionary(name, fc.oneof(value, number, fc.string({ unit: "binary" }).map((text_) => text_.toWellFormed())), { maxKeys: 8 });
      // -0 is written as 0, as RFC 8785 wants it.
      const payloads = fc.sample(payload, { seed: 42, numRuns: 200 }).map((one) => JSON.parse(JSON.stringify(one).toWellFormed()) as Record<string, JsonValue>);
      const wellFormed = payloads.filter((one) => JSON.stringify(one).isWellFormed() && !JSON.stringify(one).includes("\\ud"));
      expect(wellFormed.length).toBeGreaterThan(150);
      const random = chainOf(wellFormed.map((one) => draft({ payload: one, decision: "BLOCK" })), key);
      const { mine, page: found, report } = await both(lines(random.texts), signing);
      expect(report.firstProblem).toBeUndefined();
      expect(found).toEqual(mine);
    });

    const SPELLINGS: readonly (readonly [string, (line: string) => string])[] = [
      ["a content that was changed", (line) => line.replace("agent/fix", "main")],
      ["a member named twice, the first as signed", (line) => line.replace(/^\{/u, '{"decision":"PASS",')],
      ["a member named twice, the last as signed", (line) => line.replace(/\}$/u, ',"actions_taken":[]}')],
      ["a member named twice within", (line) => line.replace('"remote":"origin"', '"remote":"origin","remote":"origin"')],
      ["the signature named twice", (line) => line.replace(/"signature":"[^"]+",/u, (member) => member + member)],
      ["a member added", (line) => line.replace(/\}$/u, ',"z":1}')],
      ["a member removed", (line) => line.replace('"redacted":[],', "")],
      ["a space", (line) => line.replace(":", ": ")],
      ["a space in front", (line) => ` ${line}`],
      ["a space behind", (line) => `${line} `],
      ["Windows line ends", (line) => `${line}\r`],
      ["something behind it", (line) => `${line}{}`],
      ["a NUL behind it", (line) => `${line}\0`],
      ["a byte order mark", (line) => `\ufeff${line}`],
      ["3.0 for 3", (line) => line.replace('"sequence":3', '"sequence":3.0')],
      ["3e0 for 3", (line) => line.replace('"sequence":3', '"sequence":3e0')],
      ["03 for 3", (line) => line.replace('"sequence":3', '"sequence":03')],
      ["-3 for 3", (line) => line.replace('"sequence":3', '"sequence":-3')],
      ["a number beyond all numbers", (line) => line.replace('"sequence":3', '"sequence":1e999')],
      ["a text for a number", (line) => line.replace('"sequence":3', '"sequence":"3"')],
      ["an escape for a letter", (line) => line.replace("agent", "\\u0061gent")],
      ["an escape for a slash", (line) => line.replace("agent/fix", "agent\\/fix")],
      ["a long escape for a quote", (line) => line.replace("agent/fix", "agent\\u0022fix")],
      ["an escape in upper case", (line) => line.replace("agent/fix", "agent\\u001Ffix")],
      ["a lone surrogate", (line) => line.replace("agent/fix", "agent\\ud800fix")],
      ["a tab as it is", (line) => line.replace("agent/fix", "agent\tfix")],
      ["another order", (line) => JSON.stringify(Object.fromEntries(Object.entries(JSON.parse(line) as object).toReversed()))],
      ["cut in half", (line) => line.slice(0, 300)],
      ["empty", () => ""],
      ["not JSON", () => "hunter2"],
      ["a list", () => "[]"],
      ["null", () => "null"],
      ["nested without end", () => `${'{"a":'.repeat(50_000)}1${"}".repeat(50_000)}`],
      ["a list nested without end", () => "[".repeat(50_000)],
      ["the signature of another receipt", (line) => line.replace(/"signature":"[^"]+"/u, /"signature":"[^"]+"/u.exec(text(5))?.[0] ?? "")],
      ["an empty signature", (line) => line.replace(/"signature":"[^"]+"/u, '"signature":""')],
      ["a signature with padding", (line) => line.replace(/("signature":"[^"]+)"/u, '$1="')],
      ["a signature in the other alphabet", (line) => line.replace(/"signature":"(\w[\w-]+):([^"]+)"/u, (_all, name: string, value: string) => `"signature":"${name}:${value.replaceAll("-", "+").replaceAll("_", "/")}+"`)],
      ["a signature that names another algorithm", (line) => line.replace(/"signature":"[^:]+:/u, algorithm === "ed25519" ? '"signature":"hmac-sha256:' : '"signature":"ed25519:')],
      ["a signature without an algorithm", (line) => line.replace(/"signature":"[^:]+:/u, '"signature":"')],
      ["another decision", (line) => line.replace('"decision":"BLOCK"', '"decision":"PASS"')],
      ["an unknown decision", (line) => line.replace('"decision":"BLOCK"', '"decision":"MAYBE"')],
      ["another time", (line) => line.replace(/"timestamp":"\d{4}/u, '"timestamp":"1999')],
    ];
    test.each(SPELLINGS)("with another line 3: %s", async (_title, change) => {
      const { mine, page: found } = await both(at(3, change), signing);
      expect(at(3, change)).not.toBe(lines(texts));
      expect(found).toEqual(mine);
      expect(mine).toEqual({ ok: false, sequence: 3, kind: "edited", entries: 2 });
    });

    test("with minus zero, another unicode form and broken UTF-8 in it", async () => {
      const special = chainOf([draft({ payload: { zero: 0, name: "caf\u00e9 \ufffd", deep: [1e21, 0.1] } })], key);
      const [line = ""] = special.texts;
      expect((await both(line, signing)).page.ok).toBe(true);
      const bytes = Buffer.from(line);
      const mark = bytes.indexOf("\ufffd");
      const broken = [
        line.replace('"zero":0', '"zero":-0'), line.normalize("NFD"), line.replace("1e+21", "1e21"), line.replace("0.1", "0.10"), line.replace("1e+21", "1000000000000000000000"),
        Buffer.concat([bytes.subarray(0, mark), Buffer.from([0xff]), bytes.subarray(mark + 3)]),
        Buffer.concat([bytes.subarray(0, mark), Buffer.from([0xed, 0xa0, 0x80]), bytes.subarray(mark + 3)]),
        Buffer.concat([bytes.subarray(0, mark), Buffer.from([0xc0, 0xaf]), bytes.subarray(mark + 3)]),
      ];
      for (const content of broken) {
        const { mine, page: found } = await both(content, signing);
        expect([found, mine]).toEqual([mine, { ok: false, sequence: 1, kind: "edited", entries: 0 }]);
      }
    });

    test("nested exactly as deep as a receipt may be, and one deeper, even when it is signed so", async () => {
      const deep = (levels: number): string => `${'{"a":'.repeat(levels)}1${"}".repeat(levels)}`;
      const [line = ""] = chainOf([draft({ payload: {} })], key).texts;
      // The receipt is the first level, its payload the next.
      for (const [levels, ok] of [[499, true], [500, false]] as const) {
        const unsigned = line.replace('"payload":{}', `"payload":${deep(levels)}`).replace(/"signature":"[^"]+",/u, "");
        const signature = signatureText(key, Buffer.from(unsigned));
        const signed = unsigned.replace(/,"subjects"/u, `,"signature":${JSON.stringify(signature)},"subjects"`);
        const { mine, page: found } = await both(signed, signing);
        expect([levels, found]).toEqual([levels, mine]);
        expect(mine.ok).toBe(ok);
      }
    });

    test("with any byte of it changed", async () => {
      const whole = Buffer.from(lines(texts));
      const flips = fc.sample(fc.tuple(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 })), { seed: 42, numRuns: 25 });
      for (const [place, flip] of flips) {
        const changed = Buffer.from(whole);
        changed[place] = (changed[place] ?? 0) ^ flip;
        const { mine, page: found } = await both(changed, signing);
        expect({ place, flip, ...found }).toEqual({ place, flip, ...mine });
        expect(mine.ok).toBe(false);
      }
    });

    const MOVES: readonly (readonly [string, readonly string[], { readonly kind: string; readonly sequence: number }])[] = [
      ["the first removed", texts.slice(1), { kind: "removed", sequence: 1 }],
      ["one removed", texts.filter((_text, index) => index !== 6), { kind: "removed", sequence: 7 }],
      ["several removed", texts.filter((_text, index) => index < 3 || index > 7), { kind: "removed", sequence: 4 }],
      ["the last removed", texts.slice(0, -1), { kind: "cut", sequence: 16 }],
      ["half of it cut", texts.slice(0, 8), { kind: "cut", sequence: 9 }],
      ["two exchanged", texts.map((line, index) => (index === 4 ? text(10) : index === 9 ? text(5) : line)), { kind: "reordered", sequence: 5 }],
      ["all in reverse", texts.toReversed(), { kind: "reordered", sequence: 1 }],
      ["one twice", texts.toSpliced(3, 0, text(3)), { kind: "duplicated", sequence: 4 }],
      ["one over another", texts.map((line, index) => (index === 9 ? text(4) : line)), { kind: "duplicated", sequence: 10 }],
      ["something put in", texts.toSpliced(6, 0, text(7).replace("origin", "elsewhere")), { kind: "inserted", sequence: 7 }],
      ["an empty line put in", texts.toSpliced(6, 0, ""), { kind: "inserted", sequence: 7 }],
    ];
    test.each(MOVES)("with %s", async (_title, moved, expected) => {
      const { mine, page: found } = await both(lines(moved), signing, head);
      expect(found).toEqual(mine);
      expect(mine).toMatchObject({ ok: false, ...expected });
    });

    test("that is empty although a head is known", async () => {
      const { mine, page: found } = await both("", signing, head);
      expect([found.ok, found.sequence, found.kind]).toEqual([mine.ok, mine.sequence, "cut"]);
    });

    test("of which an older copy went on by itself", async () => {
      const older = chainOf(drafts.slice(0, 6), key);
      const fork = chainOf(someDrafts(2), key, older.head);
      expect(fork.texts.length).toBe(16);
      const mixed = [...texts.slice(0, 10), ...fork.texts.slice(4)];
      for (const content of [[...older.texts, ...fork.texts], mixed]) {
        const { mine, page: found } = await both(lines(content), signing, head);
        expect([found.ok, found.sequence, found.kind]).toEqual([mine.ok, mine.sequence, mine.kind]);
        expect(mine.ok).toBe(false);
      }
    });

    test("with a receipt signed by somebody else", async () => {
      const foreign = [
        resigned(text(5), other.key, { key_id: other.key.key_id }),
        resigned(text(5), other.key),
        resigned(text(5), key, { key_id: other.key.key_id }),
        resigned(text(5), { ...other.key, algorithm: key.algorithm }),
      ];
      for (const line of foreign) {
        const { mine, page: found } = await both(lines(texts.with(4, line)), signing);
        expect(found).toEqual(mine);
        expect(mine).toMatchObject({ ok: false, sequence: 5 });
      }
      const { mine, page: found } = await both(lines(texts), other);
      expect([found, mine]).toEqual([mine, { ok: false, sequence: 1, kind: "unknown_key", entries: 0 }]);
    });

    test("written with the key, but as the guard never writes", async () => {
      const run = draft();
      const blocked = draft({ decision: "BLOCK" });
      const impossible: readonly (readonly [readonly EntryDraft[], number])[] = [
        [[outcomeOf(run)], 1],
        [[run, outcomeOf(run), outcomeOf(run)], 3],
        [[blocked, outcomeOf(blocked)], 2],
        [[run, run], 2],
        [[run, outcomeOf(run), { ...run, decision: "BLOCK" }], 3],
        [[run, outcomeOf(run, { workflow: "sql_query" })], 2],
        [[run, outcomeOf(run, { plan_digest: `sha256:${"f".repeat(64)}` })], 2],
      ];
      for (const [entries, sequence] of impossible) {
        const { mine, page: found } = await both(lines(chainOf(entries, key).texts), signing);
        expect(found).toEqual(mine);
        expect(mine).toMatchObject({ ok: false, kind: "forged", sequence });
      }
    });

    test("with shapes that no receipt has, signed with the key", async () => {
      const shapes: readonly object[] = [
        { sequence: 0 }, { sequence: 1.5 }, { phase: "later" }, { payload: [] }, { payload: null }, { user_attributes: "x" }, { plan_digest: 5 }, { approval: "yes" }, { approval: [] },
        { policy_results: {} }, { policy_results: [{}] }, { policy_results: [{ policy: "p", passed: "true", reason: "" }] }, { actions_taken: [{ system: "s", action: "a", success: "yes" }] },
        { redacted: [1] }, { subjects: [null] }, { timestamp: "2026-11-22" }, { timestamp: "2026-13-22T00:00:00.000Z" }, { run_id: 5 }, { key_id: null },
      ];
      const [line = ""] = chainOf([draft()], key).texts;
      for (const changes of shapes) {
        const { mine, page: found } = await both(resigned(line, key, changes), signing);
        expect({ changes, ...found }).toEqual({ changes, ...mine });
        expect(mine).toMatchObject({ ok: false, kind: "edited", sequence: 1 });
      }
    });
  });

  test("keys of both kinds may follow each other in one log", async () => {
    const [hmac, ed25519] = [newSigning("hmac-sha256"), newSigning("ed25519")];
    const first = chainOf([draft(), draft()], hmac.key);
    const second = chainOf([draft()], ed25519.key, first.head);
    const said = await page.check([{ name: "log.jsonl", content: lines([...first.texts, ...second.texts]) }, ...ed25519.files], hmac.settings);
    expect(said).toMatchObject({ mood: "good", entries: 3 });
  });

  test("nothing went wrong in the page meanwhile, and it asked for nothing", () => {
    expect([page.errors, page.requests]).toEqual([[], []]);
  });
});

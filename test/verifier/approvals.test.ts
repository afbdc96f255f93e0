import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import type { Approver } from "../../src/approvals/approvers.js";
import { approvalSubject } from "../../src/approvals/proof.js";
import { approversText } from "../../src/approvals/registry.js";
import type { Statement } from "../../src/approvals/request.js";
import { newRequestId } from "../../src/approvals/request.js";
import type { Approvers } from "../../src/cli/evidence/approvals.js";
import { countedApprovals } from "../../src/cli/evidence/approvals.js";
import { CHAIN_START, sealEntry } from "../../src/receipts/entry.js";
import type { EntryDraft } from "../../src/receipts/receipt.js";
import { fileLines, verifyExport } from "../../src/receipts/export-verify.js";
import { ed25519Key, publicPemOf } from "../../src/receipts/signing.js";
import type { Person } from "../support/approval-world.js";
import { keyPerson, passkeyPerson } from "../support/approval-world.js";
import type { ApprovalCase } from "../support/approved-entry.js";
import { approvedEntry, approverOf, at } from "../support/approved-entry.js";
import { finderOf } from "../support/chains.js";
import { draft, outcomeOf } from "../support/ledger-sandbox.js";
import type { GivenFile } from "../support/verifier-page.js";
import { VerifierPage, whyNoBrowser } from "../support/verifier-page.js";

const reason = whyNoBrowser();
const pem = generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" }) as string;
const key = ed25519Key(pem);
const PUBLIC: GivenFile = { name: "log.pub", content: publicPemOf(pem) };
const people: Readonly<Record<string, Person>> = {
  key: keyPerson("ann@example.com", at(0)),
  es256: passkeyPerson("bob@example.com", at(0), "ES256"),
  eddsa: passkeyPerson("cid@example.com", at(0), "EdDSA"),
  rs256: passkeyPerson("dan@example.com", at(0), "RS256"),
  second: keyPerson("ann+work@example.com", at(0)),
};
const everybody = Object.values(people).map((person) => approverOf(person));

interface Case extends ApprovalCase {
  readonly by?: readonly string[];
  readonly subjects?: readonly string[];
  readonly approvers?: readonly Approver[];
}

function approved(id: string, { by = ["key"], ...example }: Case): EntryDraft {
  return approvedEntry(id, by.flatMap((name) => people[name] ?? []), example);
}

describe.skipIf(reason !== undefined)(`the page that checks exports judges approvals as verify does${reason === undefined ? "" : ` (skipped: ${reason})`}`, () => {
  let browser: Browser;
  let page: VerifierPage;
  const folder = mkdtempSync(join(tmpdir(), "enact-approvals-page-"));
  beforeAll(async () => {
    browser = await VerifierPage.browser();
    page = await VerifierPage.open(browser);
  });
  afterAll(async () => {
    await browser.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function both(entries: readonly (readonly [EntryDraft, readonly string[]])[], approvers: readonly Approver[] | null) {
    let head = CHAIN_START;
    const content = entries.map(([entry, subjects]) => {
      const sealed = sealEntry(entry, subjects, head, key);
      head = { sequence: sealed.entry.sequence, hash: sealed.hash };
      return `${sealed.text}\n`;
    }).join("");
    const file = join(folder, "log.jsonl");
    writeFileSync(file, content);
    const registry: Approvers = { find: (id) => approvers?.find((approver) => approver.id === id) };
    const counted = countedApprovals(registry, approvers !== null);
    const report = verifyExport(() => fileLines(file), { keys: finderOf(key), from: 1, known: null, checks: [counted.check] });
    const given = approvers === null ? [] : [{ name: "approvers.json", content: approversText(approvers) }];
    const said = await page.check([{ name: "log.jsonl", content }, PUBLIC, ...given]);
    const mine = { ok: report.ok, kind: report.firstProblem?.kind ?? "", sequence: report.firstProblem?.sequence ?? null, unchecked: counted.unchecked() > 0 };
    return { mine, page: { ok: said.mood === "good", kind: said.kind, sequence: said.sequence, unchecked: said.checks.includes("Approvals:open") }, said };
  }

  async function judged(example: Case) {
    const id = newRequestId();
    const before = draft({ timestamp: at(0), decision: "BLOCK" });
    const entry = approved(id, example);
    const after = outcomeOf(entry, { plan_digest: entry.plan_digest, timestamp: at(4) });
    const subjects = example.subjects ?? [approvalSubject(id)];
    return both([[before, []], [entry, subjects], ...(entry.decision === "PASS" ? [[after, []] as const] : [])], example.approvers ?? everybody);
  }

  test.each([["key"], ["es256"], ["eddsa"], ["rs256"]])("signed by a person with %s holds", async (name) => {
    const { mine, page: found, said } = await judged({ by: [name] });
    expect([found, mine]).toEqual([mine, { ok: true, kind: "", sequence: null, unchecked: false }]);
    expect(said.checks).toContain("Approvals:good");
  });

  test("signed by several people holds, by a link too", async () => {
    expect((await judged({ by: ["key", "es256", "rs256"], statement: { min_approvals: 3 } })).page.ok).toBe(true);
    const id = newRequestId();
    const link = approverOf(people["key"] ?? keyPerson("x", at(0)), { kind: "link", link: { request_id: id, expires_at: at(60) } });
    const entry = approved(id, { answer: { method: "link" } });
    const { mine, page: found } = await both([[entry, [approvalSubject(id)]]], [link]);
    expect([found, mine]).toEqual([mine, { ok: true, kind: "", sequence: null, unchecked: false }]);
    const other = { ...link, link: { request_id: newRequestId(), expires_at: at(60) } };
    expect((await both([[entry, [approvalSubject(id)]]], [other])).page).toMatchObject({ ok: false, kind: "approval" });
  });

  const FAULTS: readonly (readonly [string, Case])[] = [
    ["another plan", { entry: { plan_digest: `sha256:${"8".repeat(64)}` } }],
    ["another tool", { entry: { workflow: "sql_query" } }],
    ["a statement that nobody signed", { signed: { plan_digest: `sha256:${"8".repeat(64)}` } }],
    ["a statement signed with fewer approvals", { statement: { min_approvals: 2 }, signed: { min_approvals: 1 }, by: ["key", "es256"] }],
    ["expired when it was used", { entry: { timestamp: at(60) } }],
    ["used before it was asked for", { entry: { timestamp: at(0) } }],
    ["used before it was answered", { answer: { answered_at: at(30) } }],
    ["answered before it was asked for", { answer: { answered_at: at(0) } }],
    ["answered too late", { answer: { answered_at: at(61) } }],
    ["filed under nothing", { subjects: [] }],
    ["filed under another one", { subjects: [approvalSubject("0".repeat(32))] }],
    ["too few people", { statement: { min_approvals: 2 } }],
    ["one person twice", { by: ["key", "second"], statement: { min_approvals: 2 } }],
    ["the acting user's own", { statement: { approver_differs: true }, entry: { user_email: "Ann@Example.com" } }],
    ["nobody's answer", { by: [] }],
    ["somebody unknown", { approvers: everybody.slice(1) }],
    ["an approver who was revoked before", { approvers: everybody.map((one) => ({ ...one, revoked_at: at(2) })) }],
    ["an approver who came later", { approvers: everybody.map((one) => ({ ...one, created_at: at(30) })) }],
    ["another key in the list", { approvers: everybody.map((one, index) => ({ ...one, public_key: everybody[(index + 4) % 5]?.public_key ?? "" })) }],
    ["another key in the answer", { answer: { public_key: everybody[4]?.public_key ?? "" } }],
    ["another name", { answer: { who: "mallory@example.com" } }],
    ["another method", { answer: { method: "passkey" } }],
    ["a passkey's signature for a key's", { answer: { signature: people["es256"]?.sign(new Uint8Array(32)) ?? { kind: "key", signature: "" } } }],
    ["a signature that is none", { answer: { signature: { kind: "key", signature: "AAAA" } } }],
    ["a signature with padding", { answer: { signature: { kind: "key", signature: `${"A".repeat(86)}==` } } }],
    ["a denial", { statement: { decision: "deny" } }],
    ["another purpose", { statement: { purpose: "something else" as Statement["purpose"] } }],
    ["a number that is none", { statement: { min_approvals: 1.5 } }],
    ["names that are not theirs", { proof: { approvers: ["boss@example.com"] } }],
    ["a state that is not granted", { proof: { state: "requested" } }],
    ["another id", { proof: { id: "0".repeat(32) } }],
    ["no statement", { proof: { statement: null } }],
    ["answers of another shape", { proof: { answers: [{}] } }],
  ];
  test.each(FAULTS)("that does not hold is found: %s", async (_title, example) => {
    const { mine, page: found } = await judged(example);
    expect(found).toEqual(mine);
    expect(mine).toEqual({ ok: false, kind: "approval", sequence: 2, unchecked: false });
  });

  test.each([
    ["of another page", { origin: "http://localhost:9999" }],
    ["of another site", { rpId: "example.com" }],
    ["made for registering", { type: "webauthn.create" }],
    ["without the person being verified", { flags: 0x01 }],
    ["without the person being present", { flags: 0x04 }],
    ["over another challenge", { challenge: "AAAA" }],
    ["in a frame of another page", { more: { crossOrigin: true } }],
    ["below another page", { more: { topOrigin: "http://localhost:1" } }],
  ])("a passkey's assertion %s does not count", async (_title, changes) => {
    const passkey = passkeyPerson("bob@example.com", at(0));
    const id = newRequestId();
    const entry = approvedEntry(id, [{ draft: passkey.draft, sign: (challenge) => passkey.assert(challenge, changes) }]);
    const { mine, page: found } = await both([[entry, [approvalSubject(id)]]], [approverOf(passkey)]);
    expect(found).toEqual(mine);
    expect(mine).toMatchObject({ ok: false, kind: "approval", sequence: 1 });
  });

  test("a revocation after the answer takes nothing back; a blocked call's request is no approval", async () => {
    expect((await judged({ approvers: everybody.map((one) => ({ ...one, revoked_at: at(3) })) })).page.ok).toBe(true);
    expect((await judged({ entry: { decision: "BLOCK" }, proof: { state: "requested" } })).page.ok).toBe(true);
  });

  test("one approval used by two runs is found", async () => {
    const id = newRequestId();
    const entries = [approved(id, {}), approved(id, {})].map((entry) => [entry, [approvalSubject(id)]] as const);
    const { mine, page: found } = await both(entries, everybody);
    expect([found, mine]).toEqual([mine, { ok: false, kind: "approval", sequence: 2, unchecked: false }]);
  });

  test("without the approvers' keys it says what was not checked, and what can be seen without them is still seen", async () => {
    const id = newRequestId();
    const { mine, page: found } = await both([[approved(id, {}), [approvalSubject(id)]]], null);
    expect([found, mine]).toEqual([mine, { ok: true, kind: "", sequence: null, unchecked: true }]);
    const wrong = await both([[approved(id, { entry: { workflow: "sql_query" } }), [approvalSubject(id)]]], null);
    expect(wrong.page).toMatchObject({ ok: false, kind: "approval" });
  });

  test("nothing went wrong in the page meanwhile", () => {
    expect([page.errors, page.requests]).toEqual([[], []]);
  });
});

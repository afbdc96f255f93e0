import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { approvalChecker, approvalSubject, checkApproval } from "../../src/approvals/proof.js";
import type { ProvedAnswer } from "../../src/approvals/proof.js";
import { challengeOf, newRequestId } from "../../src/approvals/request.js";
import type { Statement } from "../../src/approvals/request.js";
import { subjectDigest } from "../../src/receipts/entry.js";
import type { Entry, JsonValue } from "../../src/receipts/receipt.js";
import type { Person } from "../support/approval-world.js";
import { ApprovalWorld, keyPerson, passkeyPerson } from "../support/approval-world.js";

let world: ApprovalWorld;
let ann: Person;
let bob: Person;
let entry: Entry;
beforeAll(async () => {
  world = new ApprovalWorld();
  ann = world.person("ann@example.com");
  bob = passkeyPerson("bob@example.com", world.now.toISOString());
  world.add(bob);
  const guard = world.guard({ desk: world.desk({ minApprovals: 2 }) });
  await guard.call("note_write", { text: "hello" });
  world.later(1000);
  await world.approve(ann);
  await world.approve(bob);
  world.later(1000);
  const { receipt } = await guard.call("note_write", { text: "hello" });
  const [decision] = await guard.receipts({ run_id: receipt?.run_id ?? "", phase: "decision" });
  if (decision === undefined) throw new Error("the call did not run");
  entry = decision;
});
afterAll(() => world.remove());

interface ProofSeen {
  readonly approvers?: readonly string[];
  readonly id: string;
  readonly statement: Statement;
  readonly answers: readonly ProvedAnswer[];
}

const proof = () => entry.approval as unknown as ProofSeen;
const withProof = (changes: Partial<ProofSeen>): Entry => {
  const approvers = (changes.answers ?? proof().answers).map(({ who }) => who);
  return { ...entry, approval: { ...entry.approval, approvers, ...changes } as unknown as Entry["approval"] };
};
const check = (changed: Entry) => checkApproval(changed, world.registry);

/** All signed anew by these people: somebody who has their keys, or has talked them into it. */
function signedAnew(statement: Statement, people: readonly Person[], more: Partial<ProvedAnswer> = {}): Entry {
  const answers = people.map((person) => {
    const { id, email, kind, public_key } = person.draft;
    const answered_at = proof().answers[0]?.answered_at ?? "";
    return { approver_id: id, who: email, method: kind, answered_at, public_key, signature: person.sign(challengeOf(statement)), ...more };
  });
  return withProof({ statement, answers });
}

test("what the guard wrote holds, in the receipt as in the whole ledger", async () => {
  expect(check(entry)).toBeNull();
  expect(check(signedAnew(proof().statement, [ann, bob]))).toBeNull();
  expect(await world.verify()).toMatchObject({ ok: true, entries: 3 });
});

test("only a decision that allowed a call on an approval is looked at", async () => {
  expect(check({ ...entry, approval: null })).toBeNull();
  expect(check({ ...entry, decision: "BLOCK", approval: { state: "requested", id: "x" } })).toBeNull();
  expect(check({ ...entry, phase: "outcome", approval: { state: "used", id: "x" } })).toBeNull();
});

describe("what does not hold, and why", () => {
  const other = `sha256:${"9".repeat(64)}`;
  test.each<[string, (entry: Entry) => Entry, RegExp]>([
    ["the plan of the receipt is another one", (good) => ({ ...good, plan_digest: other }), /another plan/],
    ["the tool is another one", (good) => ({ ...good, workflow: "git_push" }), /another plan/],
    ["the statement is about another plan, signatures kept", (good) => ({ ...withProof({ statement: { ...proof().statement, plan_digest: other } }), plan_digest: other, run_id: good.run_id }), /signature that does not fit/],
    ["the call ran at the instant of expiry", (good) => ({ ...good, timestamp: proof().statement.expires_at }), /had expired/],
    ["the call ran before it was asked for", (good) => ({ ...good, timestamp: "2026-11-22T11:59:59.999Z" }), /before it was asked for/],
    ["the call ran before the answer", (good) => ({ ...good, timestamp: "2026-11-22T12:00:00.500Z" }), /came after it was used/],
    ["the run is filed under nothing, so that the approval would still be unused", (good) => ({ ...good, subjects: [] }), /not filed/],
    ["the run is filed under another approval", (good) => ({ ...good, subjects: [subjectDigest(approvalSubject(newRequestId()))] }), /not filed/],
    ["the proof bears another id than what was signed", () => withProof({ id: newRequestId() }), /signed as another one/],
    ["a longer time was put in afterwards", () => withProof({ statement: { ...proof().statement, expires_at: "2026-11-22T19:00:00.000Z" } }), /signature that does not fit/],
    ["fewer people were put in afterwards", () => withProof({ statement: { ...proof().statement, min_approvals: 1 }, answers: proof().answers.slice(0, 1) }), /signature that does not fit/],
    ["one of two answers is gone", () => withProof({ answers: proof().answers.slice(0, 1) }), /needed 2 different people, and 1 signed/],
    ["one answer stands there twice", () => withProof({ answers: [proof().answers[0], proof().answers[0]] as ProvedAnswer[] }), /needed 2 different people/],
    ["no answer at all", () => withProof({ answers: [] }), /not written as the guard writes it/],
    ["an answer names another person", () => withProof({ answers: proof().answers.map((answer) => ({ ...answer, who: "eve@example.com" })) }), /names another person/],
    ["an answer has another key than the registry", () => withProof({ answers: proof().answers.map((answer) => ({ ...answer, public_key: keyPerson("x@example.com", "").draft.public_key })) }), /another one than the registry's/],
    ["an answer is older than the request", () => signedAnew(proof().statement, [ann, bob], { answered_at: "2026-11-22T11:00:00.000Z" }), /before it was asked for/],
    ["an answer came when it was too late", () => signedAnew(proof().statement, [ann, bob], { answered_at: "2026-11-22T13:00:00.000Z" }), /given too late/],
    ["an answer's time cannot be read", () => signedAnew(proof().statement, [ann, bob], { answered_at: "yesterday" }), /before it was asked for/],
    ["a denial is passed off as an approval", () => signedAnew({ ...proof().statement, decision: "deny" }, [ann, bob]), /not written as the guard writes it/],
    ["somebody signed who is not in the registry", () => signedAnew(proof().statement, [ann, keyPerson("eve@example.com", "2026-11-22T12:00:00.000Z")]), /not among the approvers/],
    ["the proof names others than those who signed", () => withProof({ approvers: ["eve@example.com", "bob@example.com"] }), /not written as the guard writes it/],
    ["the approval is something else", (good) => ({ ...good, approval: { state: "granted" } }), /not written as the guard writes it/],
    ["the approval's parts are of other kinds", () => withProof({ answers: [{ approver_id: 1 }] as unknown as ProvedAnswer[] }), /not written as the guard writes it/],
  ])("%s", (_fear, change, says) => {
    expect(check(change(entry))).toMatch(says);
  });

  test("one person with two keys is one person, although both signatures are right", () => {
    const again = keyPerson("Ann+2@example.com", proof().statement.created_at);
    world.add(again);
    expect(check(signedAnew(proof().statement, [ann, again]))).toMatch(/needed 2 different people, and 1 signed/);
  });

  test("the acting user's own signature, where somebody else must", () => {
    expect(check({ ...signedAnew({ ...proof().statement, approver_differs: true }, [ann, bob]), user_email: "bob+agent@example.com" })).toMatch(/acting user's own/);
  });

  test("a link of another request; the request's own counts", () => {
    const { id, created_at, expires_at } = proof().statement;
    const linked = (request_id: string): Person => {
      const person = keyPerson("lead@example.com", created_at);
      return { ...person, draft: { ...person.draft, kind: "link", link: { request_id, expires_at } } };
    };
    const [another, own] = [linked(newRequestId()), linked(id)];
    for (const { draft } of [another, own]) world.registry.addLink(draft);
    expect(check(signedAnew(proof().statement, [ann, another]))).toMatch(/link of another request/);
    expect(check(signedAnew(proof().statement, [ann, own]))).toBeNull();
  });

  test("an approver who was revoked before the answer; one revoked after it is fine", () => {
    const answered = Date.parse(proof().answers[0]?.answered_at ?? "");
    const revoked = (ms: number) => ({ find: (id: string) => ({ ...world.registry.find(id), revoked_at: new Date(answered + ms).toISOString() }) }) as typeof world.registry;
    expect(checkApproval(entry, revoked(0))).toMatch(/has been revoked/);
    expect(checkApproval(entry, revoked(-1))).toMatch(/has been revoked/);
    expect(checkApproval(entry, revoked(1))).toBeNull();
  });

  test("an answer that is older than the approver who is said to have given it", () => {
    const answered = Date.parse(proof().answers[0]?.answered_at ?? "");
    const joined = (ms: number) => ({ find: (id: string) => ({ ...world.registry.find(id), created_at: new Date(answered + ms).toISOString() }) }) as typeof world.registry;
    expect(checkApproval(entry, joined(1))).toMatch(/older than the approver/);
    expect(checkApproval(entry, joined(0))).toBeNull();
  });

  test("an approval that two runs used, however well it is signed", () => {
    const check2 = approvalChecker(world.registry);
    expect(check2(entry)).toBeNull();
    expect(check2({ ...entry, run_id: "another" })).toMatch(/used by an earlier run already/);
    expect(approvalChecker(world.registry)({ ...entry, run_id: "another" })).toBeNull();
  });
});

test("every value of a proof matters: changed anywhere, it no longer holds", () => {
  // When somebody answered is not signed by the answer but by the receipt that holds the proof: a passkey signs a challenge.
  const paths = leaves(entry.approval as JsonValue).filter((path) => path.at(-1) !== "answered_at");
  expect(paths.length).toBeGreaterThan(20);
  for (const path of paths) {
    const changed = structuredClone(entry) as { approval: JsonValue };
    changeAt(changed.approval, path);
    expect({ path, problem: check(changed as unknown as Entry) }).toEqual({ path, problem: expect.any(String) as string });
  }
});

function leaves(value: JsonValue, path: readonly string[] = []): readonly (readonly string[])[] {
  if (typeof value !== "object" || value === null) return [path];
  return Object.entries(value).flatMap(([key, child]) => leaves(child, [...path, key]));
}

function changeAt(value: JsonValue, path: readonly string[]): void {
  const parent = path.slice(0, -1).reduce<Record<string, unknown>>((object, key) => object[key] as Record<string, unknown>, value as Record<string, unknown>);
  const key = path.at(-1) ?? "";
  const old = parent[key];
  // Texts keep their form, so that it is not their form that gives them away.
  if (typeof old === "string") parent[key] = /^\d{4}-\d\d-\d\dT/u.test(old) ? new Date(Date.parse(old) + 1).toISOString() : `${old.slice(0, -2)}${old.endsWith("AA") ? "BB" : "AA"}`;
  else parent[key] = typeof old === "number" ? old + 1 : old !== true;
}

import { expect, test } from "vitest";

import { CHAIN_START, NO_PREVIOUS, runState, sealEntry, subjectDigest } from "../../src/receipts/entry.js";
import type { EntryDraft, RecordedAction } from "../../src/receipts/receipt.js";
import { hmacKey } from "../../src/receipts/signing.js";
import { draft } from "../support/ledger-sandbox.js";

const key = hmacKey("k".repeat(40));
const taken = (success: boolean | "unknown"): RecordedAction => ({ system: "git", action: "push", success, output: {} });

test("an entry knows its place, its key and its subjects, and is frozen", () => {
  const { entry, text, hash } = sealEntry(draft(), ["email:b@x", "email:a@x", "email:b@x"], { sequence: 41, hash: NO_PREVIOUS }, key);
  expect(entry).toMatchObject({ sequence: 42, previous: `sha256:${"0".repeat(64)}`, key_id: key.key_id });
  expect(entry.subjects).toEqual([subjectDigest("email:a@x"), subjectDigest("email:b@x")].toSorted());
  expect(Object.isFrozen(entry)).toBe(true);
  expect(JSON.parse(text)).toEqual(entry);
  expect(hash).toMatch(/^sha256:[0-9a-f]{64}$/);
  expect(text).not.toContain("email:");
});

test("a draft cannot bring its own place, key, subjects or signature", () => {
  const forged = { ...draft(), sequence: 900, previous: "sha256:x", key_id: "none", signature: "none", subjects: ["email:x"] } as EntryDraft;
  const { entry } = sealEntry(forged, [], CHAIN_START, key);
  expect(entry).toMatchObject({ sequence: 1, previous: NO_PREVIOUS, key_id: key.key_id, subjects: [] });
  expect(entry.signature).toMatch(/^hmac-sha256:/);
});

test("subjects that differ have digests that differ, whatever they are made of", () => {
  const subjects = ["a", "A", " a", "a\u0000", "a\u0000b", "\ud800", "\udc00", "\ufffd", "", "é", "e\u0301"];
  expect(new Set(subjects.map(subjectDigest)).size).toBe(subjects.length);
});

test.each([
  ["every action succeeded", "PASS", [taken(true), taken(true)], "done"],
  ["nothing had to be done", "PASS", [], "done"],
  ["rolled back by the guard", "BLOCK", [taken(true)], "failed"],
  ["refused for certain", "PARTIAL", [taken(false)], "failed"],
  ["some done", "PARTIAL", [taken(true), taken(false)], "unknown"],
  ["fate not known", "PARTIAL", [taken("unknown")], "unknown"],
  ["some refused, one not known", "PARTIAL", [taken(false), taken("unknown")], "unknown"],
  ["nothing said, and not a success", "PARTIAL", [], "unknown"],
] as const)("%s: a run of %s is %s", (_title, decision, actions_taken, state) => {
  expect(runState({ decision, actions_taken })).toBe(state);
});

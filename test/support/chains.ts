import { generateKeyPairSync } from "node:crypto";

import type { StoredLine } from "../../src/receipts/check.js";
import type { ChainPosition } from "../../src/receipts/entry.js";
import { CHAIN_START, sealEntry } from "../../src/receipts/entry.js";
import type { EntryDraft } from "../../src/receipts/receipt.js";
import type { KeyFinder, SigningKey } from "../../src/receipts/signing.js";
import { ed25519Key, hmacKey } from "../../src/receipts/signing.js";
import { draft, outcomeOf } from "./ledger-sandbox.js";

export function newKey(algorithm: "hmac-sha256" | "ed25519"): SigningKey {
  if (algorithm === "hmac-sha256") return hmacKey(`${Math.random().toString(36)}-${"x".repeat(32)}`);
  return ed25519Key(generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" }) as string);
}

export function finderOf(...keys: readonly SigningKey[]): KeyFinder {
  return { find: (id) => keys.find((key) => key.key_id === id) };
}

/** A chain in memory: exact texts, and the head. */
export interface Chain {
  readonly texts: readonly string[];
  readonly head: ChainPosition;
}

export function chainOf(drafts: readonly EntryDraft[], key: SigningKey, after: ChainPosition = CHAIN_START): Chain {
  let head = after;
  const texts = drafts.map((entry) => {
    const sealed = sealEntry(entry, ["email:bob@example.com"], head, key);
    head = { sequence: sealed.entry.sequence, hash: sealed.hash };
    return sealed.text;
  });
  return { texts, head };
}

/** Runs of every kind: done, blocked, partial, rolled back by the guard, interrupted. */
export function someDrafts(rounds = 1): readonly EntryDraft[] {
  return Array.from({ length: rounds }).flatMap(() => {
    const [done, blocked, partial, undone, open] = [draft(), draft({ decision: "BLOCK" }), draft(), draft(), draft()];
    return [
      done, outcomeOf(done), blocked, partial,
      outcomeOf(partial, { decision: "PARTIAL", actions_taken: [{ system: "git", action: "push", success: false, output: {} }] }),
      undone, open, outcomeOf(undone, { decision: "BLOCK" }),
    ];
  });
}

/** As a store hands them out. */
export function stored(texts: readonly string[]): StoredLine[] {
  return texts.map((text, index) => ({ sequence: index + 1, bytes: Buffer.from(text, "utf8") }));
}

/** As an export holds them: the order is the place. */
export function exported(texts: readonly string[]): StoredLine[] {
  return texts.map((text) => ({ bytes: Buffer.from(text, "utf8") }));
}

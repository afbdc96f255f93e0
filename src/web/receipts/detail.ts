import { EnactError } from "../../errors.js";
import { digestBytes } from "../../receipts/canonical.js";
import type { Checked, StoredLine } from "../../receipts/check.js";
import { checkLine } from "../../receipts/check.js";
import { NO_PREVIOUS } from "../../receipts/entry.js";
import type { LedgerReader } from "../../receipts/ledger.js";
import type { ReceiptDetail, SignatureState } from "./wire.js";

const MAX_RAW = 20_000;

/** Reads a receipt and its neighbours anew, and checks them with the keys that are held. @throws EnactError NOT_FOUND */
export function receiptDetail(reader: LedgerReader, sequence: number): ReceiptDetail {
  const lines = reader.linesAfter(sequence - 2, 3);
  const [before, line, after] = [-1, 0, 1].map((offset) => lines.find((candidate) => candidate.sequence === sequence + offset));
  if (line === undefined) throw new EnactError("NOT_FOUND", `There is no receipt ${String(sequence)} in the ledger (any more)`);
  const checked = checkLine(line, reader.keys);
  const entry = "good" in checked ? checked.good.entry : null;
  const isInPlace = entry !== null && entry.sequence === sequence;
  const misplaced = `In the place of receipt ${String(sequence)} stands receipt ${String(entry?.sequence ?? 0)}`;
  const claims = claimsOf(line);
  return {
    sequence,
    entry: isInPlace ? { ...entry } : null,
    raw: isInPlace ? null : rawText(line),
    problem: "problem" in checked ? checked.problem.message : isInPlace ? null : misplaced,
    signature: { state: signatureState(checked, claims), ...signedWith(claims) },
    hash: digestBytes(line.bytes),
    bytes: line.bytes.length,
    previous: previousOf(sequence, before, claims),
    next: after === undefined ? null : { sequence: sequence + 1, fits: claimsOf(after)["previous"] === digestBytes(line.bytes) },
  };
}

type Claims = Readonly<Record<string, unknown>>;

/** What a line says, whether it is genuine or not. */
function claimsOf(line: StoredLine): Claims {
  try {
    const value: unknown = JSON.parse(Buffer.from(line.bytes).toString("utf8"));
    return typeof value === "object" && value !== null ? (value as Claims) : {};
  } catch {
    return {};
  }
}

function previousOf(sequence: number, before: StoredLine | undefined, claims: Claims): ReceiptDetail["previous"] {
  if (sequence === 1) return null;
  const hash = before === undefined ? null : digestBytes(before.bytes);
  return { sequence: sequence - 1, hash, fits: hash !== null && hash !== NO_PREVIOUS && claims["previous"] === hash };
}

function signatureState(checked: Checked, claims: Claims): SignatureState {
  if ("good" in checked) return "valid";
  if (checked.problem.kind === "unknown_key") return "unknown_key";
  return typeof claims["signature"] === "string" ? "invalid" : "unreadable";
}

function signedWith(claims: Claims): { readonly algorithm: string; readonly key_id: string } {
  const text = (name: string): string => (typeof claims[name] === "string" ? claims[name].slice(0, 200) : "");
  return { algorithm: text("signature").split(":")[0]?.slice(0, 40) ?? "", key_id: text("key_id") };
}

function rawText(line: StoredLine): string {
  const text = Buffer.from(line.bytes).toString("utf8");
  return text.length <= MAX_RAW ? text : `${text.slice(0, MAX_RAW).toWellFormed()}…`;
}

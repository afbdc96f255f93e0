import type { Approver, ApproverRegistry } from "../../approvals/approvers.js";
import { approvalChecker } from "../../approvals/proof.js";
import { approversIn } from "../../approvals/registry.js";
import type { Entry, JsonValue } from "../../receipts/receipt.js";
import type { EntryCheck } from "../../receipts/verify.js";
import { approvalCheck } from "../../receipts/verify.js";
import { readText } from "./files.js";

export type Approvers = Pick<ApproverRegistry, "find">;

const MARK = '"approval":{';

/** The ids of those whose answers a receipt holds as its approval. Cheap for the many receipts that hold none. */
export function approverIdsIn(bytes: Uint8Array): readonly string[] {
  const whole = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (!whole.includes(MARK)) return [];
  try {
    return idsIn((JSON.parse(whole.toString("utf8")) as { readonly approval?: JsonValue }).approval ?? null);
  } catch {
    return [];
  }
}

function idsIn(approval: JsonValue): readonly string[] {
  const { answers } = (approval ?? {}) as { readonly answers?: unknown };
  if (!Array.isArray(answers)) return [];
  const ids = (answers as readonly unknown[]).map((answer) => (answer as { readonly approver_id?: unknown } | null)?.approver_id);
  return ids.filter((id) => typeof id === "string");
}

/** The approvers of a bundle. @throws EnactError NOT_FOUND, INVALID_INPUT, APPROVALS_UNAVAILABLE */
export function approversOf(path: string): Approvers {
  const known = new Map<string, Approver>(approversIn(readText(path), path).map((approver) => [approver.id, approver]));
  return { find: (id) => known.get(id) };
}

/** Checks approvals, and counts those that cannot be checked because nobody gave the approvers' keys. */
export interface CountedApprovals {
  readonly check: EntryCheck;
  unchecked(): number;
}

/** @param isComplete an approver who is not among these is none */
export function countedApprovals(approvers: Approvers, isComplete: boolean): CountedApprovals {
  const check = approvalCheck(approvalChecker(approvers));
  let unchecked = 0;
  return {
    check(entry: Entry) {
      const ids = idsIn(entry.approval);
      const isUnknown = !isComplete && ids.length > 0 && ids.every((id) => approvers.find(id) === undefined);
      if (!isUnknown) return check(entry);
      if (entry.phase === "decision" && entry.decision === "PASS") unchecked += 1;
      return null;
    },
    unchecked: () => unchecked,
  };
}

import { canonicalJson, digestBytes } from "./canonical.js";
import type { Entry, EntryDraft } from "./receipt.js";
import type { Signer } from "./signing.js";
import { signatureText } from "./signing.js";

/** `previous` of the first entry. */
export const NO_PREVIOUS = `sha256:${"0".repeat(64)}`;

/** A place in the chain: the last entry and the hash of its exact bytes. */
export interface ChainPosition {
  readonly sequence: number;
  readonly hash: string;
}

/** Before the first entry. */
export const CHAIN_START: ChainPosition = Object.freeze({ sequence: 0, hash: NO_PREVIOUS });

/** An entry as it is stored. */
export interface SealedEntry {
  readonly entry: Entry;
  /** Canonical JSON with the signature in it: the text that is stored, hashed and exported. */
  readonly text: string;
  /** SHA-256 of the text; `previous` of the next entry. */
  readonly hash: string;
}

/**
 * Puts a draft into its place in the chain and signs it.
 * @throws TypeError when the draft is not plain JSON
 */
export function sealEntry(draft: EntryDraft, subjects: readonly string[], after: ChainPosition, signer: Signer): SealedEntry {
  const digests = [...new Set(subjects.map(subjectDigest))].toSorted();
  const place = [["subjects", digests], ["sequence", after.sequence + 1], ["previous", after.hash], ["key_id", signer.key_id]] as const;
  const { before, behind } = aroundSignature(new Map<string, unknown>([...Object.entries(draft), ...place]));
  const signature = signatureText(signer, Buffer.from(`{${before},${behind}}`, "utf8"));
  const text = `{${before},"signature":${JSON.stringify(signature)},${behind}}`;
  return { entry: Object.freeze(JSON.parse(text) as Entry), text, hash: digestBytes(text) };
}

/**
 * The canonical members that sort before "signature", and those behind it: what is signed and what is stored differ in
 * that one member only, so the rest is put into its canonical form once. Both are never empty (previous, subjects).
 * A draft that came with a signature of its own does not have it signed along.
 */
function aroundSignature(members: ReadonlyMap<string, unknown>): { readonly before: string; readonly behind: string } {
  const names = [...members.keys()].toSorted();
  const part = (belongs: (name: string) => boolean) =>
    names
      .filter(belongs)
      .map((name) => canonicalJson({ [name]: members.get(name) }).slice(1, -1))
      .filter((member) => member !== "")
      .join();
  return { before: part((name) => name < "signature"), behind: part((name) => name > "signature") };
}

/**
 * The form in which an entry holds a subject such as "email:bob@example.com". It can be looked up but not read: what a
 * tool files a run under never brings a secret into a receipt.
 */
export function subjectDigest(subject: string): string {
  // Not through canonical JSON: a lone surrogate in a subject must neither throw nor merge two subjects.
  return digestBytes(JSON.stringify(subject));
}

/** As many characters at the end of a run's id name the process that executes it. */
export const PROCESS_NAME_LENGTH = 12;

/** The name of the process that executes, or executed, a run; see Ledger.newRunId. */
export function processOf(runId: string): string {
  return runId.slice(-PROCESS_NAME_LENGTH);
}

/** What an outcome says of its run; see PastRun in facts. */
export function runState(outcome: Pick<Entry, "decision" | "actions_taken">): "done" | "failed" | "unknown" {
  // The guard blocks in an outcome only after it has rolled back.
  if (outcome.decision === "BLOCK") return "failed";
  const results = outcome.actions_taken.map((action) => action.success);
  if (results.length === 0) return outcome.decision === "PASS" ? "done" : "unknown";
  if (results.every((success) => success === true)) return "done";
  return results.every((success) => success === false) ? "failed" : "unknown";
}

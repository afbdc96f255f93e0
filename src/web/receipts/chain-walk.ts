import { digestBytes } from "../../receipts/canonical.js";
import type { CheckedEntry, Problem, StoredLine } from "../../receipts/check.js";
import { checkLine, checkNext } from "../../receipts/check.js";
import type { ChainPosition } from "../../receipts/entry.js";
import { CHAIN_START } from "../../receipts/entry.js";
import { RunOrder } from "../../receipts/runs.js";
import type { KeyFinder } from "../../receipts/signing.js";
import { nextFingerprint } from "./timeline.js";

export interface WalkOptions {
  readonly keys: KeyFinder;
  /** The head known from outside of the ledger. */
  readonly known: ChainPosition | null;
}

/**
 * Checks a ledger line by line, as `verify` does, but goes on after the first problem: a person wants to see each place
 * that is wrong. Behind the first one nothing is proved any more, so what is genuine there is no problem by itself.
 */
export class ChainWalk {
  readonly #options: WalkOptions;
  readonly #runs = new RunOrder();
  readonly #signedBy = new Map<string, number>();
  readonly #problems: Problem[] = [];
  #head: ChainPosition = CHAIN_START;
  #headIsGenuine = true;
  #lines = 0;
  #fingerprint = "";

  constructor(options: WalkOptions) {
    this.#options = options;
  }

  get lines(): number {
    return this.#lines;
  }

  /** Where the walk stands. */
  get last(): number {
    return this.#head.sequence;
  }

  get fingerprint(): string {
    return this.#fingerprint;
  }

  /** Each place that is wrong, in order. */
  get problems(): readonly Problem[] {
    return this.#problems;
  }

  get keys(): readonly { readonly key_id: string; readonly entries: number }[] {
    return [...this.#signedBy].map(([key_id, entries]) => ({ key_id, entries }));
  }

  /** Everything up to this place is proved. */
  get provedTo(): number {
    const first = this.#problems[0];
    return first === undefined ? this.#head.sequence : Math.max(0, first.sequence - 1);
  }

  /**
   * Checks the next line. @returns what is wrong with it, or with the places before it
   * @throws EnactError KEY_UNUSABLE
   */
  add(line: StoredLine): readonly Problem[] {
    const found = this.#problemsOf(line);
    this.#problems.push(...found);
    const hash = digestBytes(line.bytes);
    this.#fingerprint = nextFingerprint(this.#fingerprint, hash);
    this.#head = { sequence: line.sequence ?? this.#head.sequence + 1, hash };
    this.#lines += 1;
    return found;
  }

  /** To be asked when all lines were added: a cut end. */
  missingEnd(): { readonly from: number; readonly to: number } | null {
    const { known } = this.#options;
    return known === null || this.#head.sequence >= known.sequence ? null : { from: this.#head.sequence + 1, to: known.sequence };
  }

  #problemsOf(line: StoredLine): readonly Problem[] {
    const { keys } = this.#options;
    const inOrder = checkNext(line, this.#head, keys);
    if ("good" in inOrder) return this.#genuine(inOrder.good);
    const { problem } = inOrder;
    const isGap = line.sequence !== undefined && problem.kind === "removed";
    // The one before is not what it was, so of course this one does not follow it.
    const isBecauseOfTheOneBefore = problem.kind === "replaced" && !this.#headIsGenuine;
    if (!isGap && !isBecauseOfTheOneBefore) {
      this.#headIsGenuine = false;
      return [problem];
    }
    const alone = checkLine(line, keys);
    const inPlace = "good" in alone && alone.good.entry.sequence === line.sequence;
    this.#headIsGenuine = inPlace;
    if ("good" in alone) this.#count(alone.good);
    return [...(isGap ? [problem] : []), ...("problem" in alone ? [{ ...alone.problem, sequence: line.sequence ?? 0 }] : [])];
  }

  #genuine(good: CheckedEntry): readonly Problem[] {
    this.#headIsGenuine = true;
    this.#count(good);
    const { entry, hash } = good;
    // With entries missing, a decision may be among them.
    const order = this.#problems.length > 0 ? null : this.#runs.add(entry);
    if (order !== null) return [order];
    const { known } = this.#options;
    if (known === null || entry.sequence !== known.sequence || hash === known.hash) return [];
    const message = `Receipt ${String(entry.sequence)} is not the one that the guard wrote: the ledger was replaced by another copy that went on by itself`;
    return [{ kind: "replaced", sequence: entry.sequence, run_id: entry.run_id, message }];
  }

  #count({ entry: { key_id } }: CheckedEntry): void {
    this.#signedBy.set(key_id, (this.#signedBy.get(key_id) ?? 0) + 1);
  }
}

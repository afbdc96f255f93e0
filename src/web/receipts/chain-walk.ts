import { digestBytes } from "../../receipts/canonical.js";
import type { CheckedEntry, KnownChain, Problem, StoredLine } from "../../receipts/check.js";
import { checkLine, checkNext } from "../../receipts/check.js";
import { diagnose } from "../../receipts/diagnose.js";
import type { ChainPosition } from "../../receipts/entry.js";
import { CHAIN_START } from "../../receipts/entry.js";
import { RunOrder } from "../../receipts/runs.js";
import type { KeyFinder } from "../../receipts/signing.js";
import type { EntryCheck } from "../../receipts/verify.js";
import { cutProblem, headProblem } from "../../receipts/verify.js";
import { nextFingerprint } from "./timeline.js";

export interface WalkOptions {
  readonly keys: KeyFinder;
  /** The head known from outside of the ledger. */
  readonly known: KnownChain | null;
  /** What else must hold of every entry; each remembers what it saw, so they are this walk's own. */
  readonly checks: readonly EntryCheck[];
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
  /** The last entry that is proved. */
  #proved: ChainPosition = CHAIN_START;
  #explained: Problem | null = null;
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
    return this.#proved.sequence;
  }

  /** The first thing that is wrong, in words that say what was done; `all` reads every line once more. */
  explained(all: () => Iterable<StoredLine>): Problem | null {
    const problem = this.#problems[0] ?? this.cutEnd();
    if (problem === null) return null;
    const { keys, known } = this.#options;
    this.#explained ??= diagnose(problem, all, { keys, known, head: this.#proved });
    return this.#explained;
  }

  /**
   * Checks the next line. @returns what is wrong with it, or with the places before it
   * @throws EnactError KEY_UNUSABLE
   */
  add(line: StoredLine): readonly Problem[] {
    const found = this.#problemsOf(line);
    this.#problems.push(...found);
    const hash = digestBytes(line.bytes);
    if (this.#problems.length === 0) this.#proved = { sequence: line.sequence ?? this.#head.sequence + 1, hash };
    this.#fingerprint = nextFingerprint(this.#fingerprint, hash);
    this.#head = { sequence: line.sequence ?? this.#head.sequence + 1, hash };
    this.#lines += 1;
    return found;
  }

  /** To be asked when all lines were added: the end that is missing. */
  cutEnd(): Problem | null {
    return cutProblem(this.#head, this.#options.known) ?? null;
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
    if (this.#problems.length > 0) return [];
    const { known, checks } = this.#options;
    const problem = this.#runs.add(entry) ?? headProblem(entry, hash, known) ?? checks.map((check) => check(entry)).find((found) => found !== null);
    return problem === undefined ? [] : [problem];
  }

  #count({ entry: { key_id } }: CheckedEntry): void {
    this.#signedBy.set(key_id, (this.#signedBy.get(key_id) ?? 0) + 1);
  }
}

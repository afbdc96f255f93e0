import type { StoredLine } from "./check.js";
import { digestBytes } from "./canonical.js";
import { originOf } from "./checkpoint.js";
import { ChainWalk, firstProblem, unproved, vouchedHead } from "./checkpoint-ledger.js";
import type { ChainPosition } from "./entry.js";
import { CHAIN_START } from "./entry.js";
import type { LedgerReader } from "./ledger.js";
import type { MerkleHash, NodePath } from "./merkle.js";
import { MerkleTree, leafHash } from "./merkle.js";
import type { KeyFinder } from "./signing.js";

export interface ScanOptions {
  readonly keys: KeyFinder;
  /** See ChainWalk; null for lines that are compared with a checkpoint only. */
  readonly vouched: ChainPosition | null;
  /** What is to be proved; see NodePath. */
  readonly paths?: readonly NodePath[];
  /** Sizes that the tree's state is wanted at, once the log's origin is known. */
  readonly sizes?: (origin: string) => readonly number[];
  /** For lines that are a later part: the tree over what came before, and of which log it is. */
  readonly after?: { readonly origin: string; readonly tree: MerkleTree };
}

/** The tree as it was when it had so many leaves. */
export interface TreeState {
  readonly root: MerkleHash;
  readonly peaks: readonly MerkleHash[];
}

/** Reads a ledger once, line by line, and builds chain and tree over it; what it keeps does not grow with the ledger. */
export class LedgerScan {
  readonly tree: MerkleTree;
  readonly #walk: ChainWalk | null;
  readonly #options: ScanOptions;
  readonly #states = new Map<number, TreeState | null>();
  #origin: string | null = null;
  #last: StoredLine | undefined;

  constructor(options: ScanOptions) {
    this.#options = options;
    this.tree = options.after === undefined ? new MerkleTree(options.paths) : MerkleTree.after(options.after.tree.size, options.after.tree.peaks());
    this.#walk = options.vouched === null ? null : new ChainWalk(options.keys, options.vouched);
    if (options.after !== undefined) this.#begin(options.after.origin);
  }

  /** Null until there is a first line. */
  get origin(): string | null {
    return this.#origin;
  }

  /** The last entry that was in its place. */
  get head(): ChainPosition {
    return this.#walk?.head ?? CHAIN_START;
  }

  add(line: StoredLine): void {
    this.#walk?.add(line);
    this.tree.append(leafHash(line.bytes));
    this.#last = line;
    if (this.#origin === null) this.#begin(originOf(digestBytes(line.bytes)));
    this.#look();
  }

  #begin(origin: string): void {
    this.#origin = origin;
    for (const size of this.#options.sizes?.(origin) ?? []) this.#states.set(size, null);
    this.#look();
  }

  #look(): void {
    if (this.#states.has(this.tree.size)) this.#states.set(this.tree.size, { root: this.tree.root(), peaks: this.tree.peaks() });
  }

  /** Says whether all lines are what was written. Ask when there are no more. */
  isWhole(): boolean {
    return this.#walk?.isWhole() ?? false;
  }

  /** One of the wanted states; undefined when the ledger has fewer entries. */
  stateAt(size: number): TreeState | undefined {
    return this.#states.get(size) ?? undefined;
  }

  /** Which key signed the newest entry, as the entry says. */
  newestKey(): string {
    const { key_id } = JSON.parse(Buffer.from(this.#last?.bytes ?? Buffer.from("{}")).toString("utf8")) as { readonly key_id?: string };
    return key_id ?? "";
  }
}

/**
 * Scans a whole ledger that must verify.
 * @throws EnactError TAMPERED naming the first wrong entry; KEY_UNUSABLE, LEDGER_UNAVAILABLE
 */
export function scanProved(reader: LedgerReader, wanted: Pick<ScanOptions, "paths" | "sizes">): LedgerScan {
  const vouched = vouchedHead(reader);
  if ("problem" in vouched) throw unproved(vouched.problem);
  const scan = new LedgerScan({ keys: reader.keys, vouched: vouched.head, ...wanted });
  for (const line of reader.lines()) scan.add(line);
  if (!scan.isWhole()) throw unproved(firstProblem(reader));
  return scan;
}

import type { Reply } from "./wire.js";

const SIZE = 200;

/** Remembers what relations are for as long as nothing can have changed: two equal snapshots see the same catalogue. */
export class Memory {
  readonly #replies = new Map<string, Reply>();
  #snapshot = "";

  recall(snapshot: string, oids: readonly string[]): Reply | undefined {
    return snapshot === this.#snapshot ? this.#replies.get(oids.join()) : undefined;
  }

  keep(snapshot: string, oids: readonly string[], reply: Reply): void {
    if (snapshot !== this.#snapshot || this.#replies.size >= SIZE) this.#replies.clear();
    this.#snapshot = snapshot;
    this.#replies.set(oids.join(), reply);
  }
}

/**
 * Counts the calls that are running, so that closing can wait for them.
 *
 * It holds none of them. A Set would keep each call's receipt long after its end: a table that a Set has outgrown points
 * to the one after it, and V8 takes what a dead old table points to for alive until its next full collection.
 */
export class Running {
  #count = 0;
  #waiting: (() => void)[] = [];

  async track<Value>(work: Promise<Value>): Promise<Value> {
    this.#count += 1;
    try {
      return await work;
    } finally {
      this.#count -= 1;
      if (this.#count === 0) for (const wake of this.#waiting.splice(0)) wake();
    }
  }

  /** Resolves when none is running. */
  async none(): Promise<void> {
    if (this.#count > 0) await new Promise<void>((resolve) => void this.#waiting.push(resolve));
  }
}

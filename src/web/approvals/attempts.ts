/** Counts failed attempts in a sliding minute. Tokens cannot be guessed; a flood of guesses is still worth an end. */
export class Attempts {
  readonly #most: number;
  readonly #clock: () => number;
  #failed: number[] = [];

  constructor(mostAMinute: number, clock: () => number) {
    this.#most = mostAMinute;
    this.#clock = clock;
  }

  fail(): void {
    this.#failed.push(this.#clock());
  }

  get isTooMany(): boolean {
    const from = this.#clock() - 60_000;
    this.#failed = this.#failed.filter((at) => at > from);
    return this.#failed.length >= this.#most;
  }
}

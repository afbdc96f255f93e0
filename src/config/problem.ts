import { EnactError } from "../errors.js";

/** Where something stands in the configuration file; both count from 1, columns in UTF-16 units as editors do. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

/** A value that came into the configuration from the environment. */
export interface Expansion {
  readonly name: string;
  readonly value: string;
}

interface Problem extends Place {
  readonly message: string;
}

/**
 * Collects everything that is wrong with a configuration, so that a person mends it in one go.
 *
 * Only the first problem of a place is kept: what follows there is usually its consequence.
 */
export class Problems {
  readonly #found: Problem[] = [];
  readonly #expansions: Expansion[] = [];
  readonly #hidden: readonly Expansion[];

  /** @param hidden variables whose values no message shows, whether the configuration refers to them or not */
  constructor(hidden: readonly Expansion[] = []) {
    this.#hidden = hidden;
  }

  add(place: Place, message: string): void {
    const placeIsFree = !this.#found.some(({ line, column }) => line === place.line && column === place.column);
    if (placeIsFree) this.#found.push({ line: place.line, column: place.column, message });
  }

  /** For a place where several things can be wrong that do not follow from each other. */
  addAnother(place: Place, message: string): void {
    const isNew = !this.#found.some((found) => found.message === message && found.line === place.line);
    if (isNew) this.#found.push({ line: place.line, column: place.column, message });
  }

  /** Remembers a value from the environment, so that no message ever shows it. */
  expanded(expansion: Expansion): void {
    this.#expansions.push(expansion);
  }

  get expansions(): readonly Expansion[] {
    return this.#expansions;
  }

  get none(): boolean {
    return this.#found.length === 0;
  }

  /**
   * @param file the path to show
   * @throws EnactError CONFIG_INVALID with one `file:line:column: what` per problem, sorted by place
   */
  throwIfAny(file: string): void {
    if (this.none) return;
    const sorted = this.#found.toSorted((a, b) => a.line - b.line || a.column - b.column);
    const lines = sorted.map(({ line, column, message }) => `${file}:${line}:${column}: ${this.mask(message)}`);
    const heading = lines.length === 1 ? [] : [`${lines.length} problems in ${file}:`];
    throw configError([...heading, ...lines].join("\n"));
  }

  /** Puts the reference back where a message shows what it stands for. */
  mask(message: string): string {
    // Short values are words that may stand there by themselves ("on", "main"); they are no secrets.
    const long = [...this.#expansions, ...this.#hidden].filter(({ value }) => value.length >= 6);
    const longestFirst = long.toSorted((a, b) => b.value.length - a.value.length);
    return longestFirst.reduce((text, { name, value }) => text.replaceAll(value, () => `\${${name}}`), message);
  }
}

/** The error of this room. Its message is for a person and holds no secret. */
export function configError(message: string, cause?: unknown): EnactError {
  return new EnactError("CONFIG_INVALID", message, {
    done: "Nothing was started.",
    ...(cause === undefined ? {} : { cause }),
  });
}

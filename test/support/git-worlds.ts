import { execFileSync } from "node:child_process";

import type { GitSandbox } from "./git-sandbox.js";

/** A small generator of random numbers that always gives the same ones for a seed. */
export class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  /** A whole number from 0 to below `sides`. */
  roll(sides: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % sides;
  }

  chance(percent: number): boolean {
    return this.roll(100) < percent;
  }

  pick<Item>(items: readonly Item[]): Item {
    return items[this.roll(items.length)] as Item;
  }
}

/** A random history in a repository of its own: `refs/u/<n>` is commit n. */
export function universe(box: GitSandbox, dice: Dice, path: string, size: number): string[] {
  box.git(box.root, "init", "-q", "--bare", path);
  const stream: string[] = [];
  for (let n = 0; n < size; n += 1) {
    const parents = new Set<number>();
    if (n > 0 && !dice.chance(12)) parents.add(dice.chance(60) ? n - 1 : dice.roll(n));
    if (n > 1 && parents.size > 0 && dice.chance(22)) parents.add(dice.roll(n));
    const [first, ...others] = [...parents];
    stream.push(`commit refs/u/${n}\nmark :${n + 1}\ncommitter U <u@example.com> ${1_700_000_000 + n} +0000\ndata 9\ncommit ${String(n).padStart(2, "0")}`);
    if (first !== undefined) stream.push(`from :${first + 1}`);
    for (const other of others) stream.push(`merge :${other + 1}`);
    for (let f = 0; f <= dice.roll(4); f += 1) {
      const name = `d${dice.roll(2)}/f${dice.roll(6)}`;
      const text = `${n} ${dice.roll(3)}\n`;
      stream.push(dice.chance(12) ? `D ${name}` : `M ${dice.chance(10) ? "100755" : "100644"} inline ${name}\ndata ${text.length}\n${text}`);
    }
    stream.push("");
  }
  execFileSync("git", ["fast-import", "--quiet", "--force"], { cwd: path, env: box.env, input: `${stream.join("\n")}\n` });
  const refs = box.refs(path);
  return Array.from({ length: size }, (_, n) => refs[`refs/u/${n}`] ?? "");
}

const NAMES = ["main", "Main", "agent", "agent/x", "agent/x/y", "release", "agent/fix", "v1"];

/** Some refs at random commits, with no name inside another. */
export function randomRefs(dice: Dice, commits: readonly [first: number, end: number], prefix: string, names: readonly string[] = NAMES): Map<string, number> {
  const [first, end] = commits;
  const refs = new Map<string, number>();
  for (let n = 0; n < 1 + dice.roll(5); n += 1) {
    const name = prefix + dice.pick(names);
    const clashes = [...refs.keys()].some((other) => other.startsWith(`${name}/`) || name.startsWith(`${other}/`));
    if (!clashes) refs.set(name, first + dice.roll(end - first));
  }
  return refs;
}

/** Gives a repository these refs, and the objects that they lead to and no others. */
export function fillFrom(box: GitSandbox, repo: string, source: string, refs: ReadonlyMap<string, number>): void {
  if (refs.size === 0) return;
  const specs = [...refs].map(([ref, n]) => `refs/u/${n}:${ref}`);
  box.git(repo, "fetch", "-q", "--no-tags", "--update-head-ok", source, ...specs);
}

/**
 * The name that a person most likely meant, or undefined when none is near.
 *
 * Spelling styles count as equal (`gitPush`, `git-push`, `Git Push`); then few edits; then a name that holds the word
 * (`push_to_main` for `dont_push_to_main`).
 */
export function nearest(word: string, names: readonly string[]): string | undefined {
  const plain = plainSpelling(word);
  const ranked = rank(plain, names);
  const best = ranked[0];
  if (best === undefined) return undefined;
  const longer = Math.max(plain.length, best.plain.length);
  const distanceIsSmall = best.distance <= Math.max(1, Math.floor(longer / 3)) && best.distance < longer;
  if (distanceIsSmall) return best.name;
  return ranked.find((candidate) => holdsWord(candidate.plain, plain))?.name;
}

/** More names than that are not listed in a message. */
const LISTED = 10;

/** `Did you mean 'x'?`, else the names to choose from, the nearest three of many; with a leading blank. */
export function suggestion(word: string, names: readonly string[], kind: string): string {
  const name = nearest(word, names);
  if (name !== undefined) return ` Did you mean '${name}'?`;
  if (names.length === 0) return "";
  if (names.length <= LISTED) return ` Known ${kind}: ${names.join(", ")}.`;
  const closest = rank(plainSpelling(word), names).slice(0, 3);
  return ` The nearest ${kind}: ${closest.map((candidate) => candidate.name).join(", ")}.`;
}

interface Ranked {
  readonly name: string;
  readonly plain: string;
  readonly distance: number;
}

function rank(plain: string, names: readonly string[]): readonly Ranked[] {
  const candidates = names.map((name) => ({ name, plain: plainSpelling(name) }));
  const ranked = candidates.map((candidate) => ({ ...candidate, distance: editDistance(plain, candidate.plain) }));
  return ranked.toSorted((a, b) => a.distance - b.distance || a.name.length - b.name.length);
}

function plainSpelling(name: string): string {
  const words = name.normalize("NFKC").replaceAll(/(\p{Ll})(\p{Lu})/gu, "$1_$2");
  return words.toLowerCase().replaceAll(/[\s_.-]+/gu, "_").slice(0, 100);
}

function holdsWord(name: string, word: string): boolean {
  return (word.length >= 4 && name.includes(word)) || (name.length >= 4 && word.includes(name));
}

/** Optimal string alignment: insertions, deletions, replacements and swaps of neighbours cost one each. */
export function editDistance(a: string, b: string): number {
  const left = Array.from(a);
  const right = Array.from(b);
  let before: number[] = [];
  let last = Array.from({ length: right.length + 1 }, (_, column) => column);
  for (let row = 1; row <= left.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= right.length; column += 1) {
      const letterIsSame = left[row - 1] === right[column - 1];
      let cost = Math.min(at(last, column) + 1, at(current, column - 1) + 1, at(last, column - 1) + (letterIsSame ? 0 : 1));
      const lettersAreSwapped = left[row - 1] === right[column - 2] && left[row - 2] === right[column - 1];
      if (row > 1 && column > 1 && lettersAreSwapped) cost = Math.min(cost, at(before, column - 2) + 1);
      current.push(cost);
    }
    before = last;
    last = current;
  }
  return at(last, right.length);
}

function at(row: readonly number[], column: number): number {
  return row[column] ?? Number.POSITIVE_INFINITY;
}

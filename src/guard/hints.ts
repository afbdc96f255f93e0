import type { PolicyResult } from "../policies/policy.js";
import { insteadOf } from "../policies/policy.js";

/** More failing policies than this are not searched for a way out: all hints are shown. 2^6 judgements are a millisecond. */
const MOST_SEARCHED = 6;

/**
 * The hints worth showing: the fewest whose advice, followed together, every policy would let pass.
 *
 * A hint alone may lead into the next block (`agent/…` where the project demands `bot/…`). So advice that comes as data
 * (`instead`) is judged before it is given. Advice that is only words cannot be judged and is always shown; so is
 * everything when no combination passes.
 */
export function hintsFor(
  results: readonly PolicyResult[],
  stillFailing: (instead: Readonly<Record<string, unknown>>) => readonly string[],
): readonly string[] {
  const failing = results.filter((result) => !result.passed && result.hint !== undefined);
  const judged = failing.filter((result) => insteadOf(result) !== undefined);
  const inWords = failing.filter((result) => insteadOf(result) === undefined);
  if (judged.length > MOST_SEARCHED) return hintsOf(failing);

  const mayStillFail = new Set(results.filter((result) => !result.passed && !judged.includes(result)).map((r) => r.policy));
  for (const chosen of subsetsBySize(judged)) {
    const instead = Object.assign({}, ...chosen.map(insteadOf)) as Readonly<Record<string, unknown>>;
    if (stillFailing(instead).every((policy) => mayStillFail.has(policy))) return hintsOf([...chosen, ...inWords]);
  }
  return hintsOf(failing);
}

function hintsOf(results: readonly PolicyResult[]): readonly string[] {
  return [...new Set(results.map((result) => result.hint ?? ""))].filter((hint) => hint !== "");
}

/** All non-empty subsets, small ones first, in the order of the policies. */
function subsetsBySize<Item>(items: readonly Item[]): Item[][] {
  const all = Array.from({ length: 2 ** items.length - 1 }, (_, mask) =>
    items.filter((_item, index) => ((mask + 1) >> index) & 1),
  );
  return all.toSorted((a, b) => a.length - b.length);
}

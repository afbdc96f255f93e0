import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { editDistance, nearest, suggestion } from "../../src/config/nearest.js";
import { configSandbox, RIGHT } from "../support/config-sandbox.js";
import type { Sandbox } from "../support/config-sandbox.js";

const LETTERS = "abcdefghijklmnopqrstuvwxyz_";

/** One slip of the finger: a letter too many, too few, another one, or two swapped. */
const slip = fc.record({ kind: fc.constantFrom("insert", "delete", "replace", "swap"), at: fc.nat(), letter: fc.constantFrom(...Array.from(LETTERS)) });

function slipped(word: string, { kind, at, letter }: { kind: string; at: number; letter: string }): string {
  const place = at % word.length;
  if (kind === "insert") return word.slice(0, place) + letter + word.slice(place);
  if (kind === "delete") return word.slice(0, place) + word.slice(place + 1);
  if (kind === "replace") return word.slice(0, place) + letter + word.slice(place + 1);
  return word.slice(0, place) + (word[place + 1] ?? "") + (word[place] ?? "") + word.slice(place + 2);
}

/** Every key of this file, and how to write the file with that key misspelt. */
const KEYS: readonly { readonly key: string; readonly twins: readonly string[]; readonly file: (key: string) => string }[] = [
  ...["identity", "systems", "tools", "policies"].map((key) => ({
    key,
    twins: ["identity", "systems", "tools", "policies", "unguarded", "receipts"],
    file: (typo: string) => RIGHT.replace(`${key}:`, `${typo}:`),
  })),
  ...["user_email", "actor_role"].map((key) => ({
    key,
    twins: ["user_email", "actor_role", "user_attributes"],
    file: (typo: string) => RIGHT.replace(`${key}:`, `${typo}:`),
  })),
  { key: "remotes", twins: ["repo", "remotes"], file: (typo) => RIGHT.replace("remotes:", `${typo}:`) },
  { key: "max_files", twins: ["max_files"], file: (typo) => `${RIGHT}  - max_files_per_commit: { ${typo}: 7 }\n` },
  { key: "max_files_per_commit", twins: ["max_files_per_commit"], file: (typo) => `${RIGHT}  - ${typo}: { max_files: 7 }\n` },
  { key: "dont_push_to_main", twins: ["dont_push_to_main"], file: (typo) => RIGHT.replace("dont_push_to_main", typo) },
  { key: "git_push", twins: ["git_push"], file: (typo) => RIGHT.replace("[git_push]", `[${typo}]`) },
];

describe("a slip of the finger", () => {
  let sandbox: Sandbox;
  beforeEach(() => {
    sandbox = configSandbox();
  });
  afterEach(() => sandbox.remove());

  test("in any key or name is answered with the right one, at its line", async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...KEYS), slip, async ({ key, twins, file }, finger) => {
        const typo = slipped(key, finger);
        // Not a slip, or one that is as near to another name.
        fc.pre(!twins.includes(typo) && !["", "_"].includes(typo));
        fc.pre(twins.every((twin) => twin === key || editDistance(twin, typo) > editDistance(key, typo)));
        const text = file(typo);
        sandbox.write("enact.yaml", text);
        const line = text.split("\n").findIndex((row) => new RegExp(`(^|[^a-z_])${typo}($|[^a-z_])`, "u").test(row)) + 1;
        const message = await sandbox.problem();
        expect(message).toMatch(new RegExp(`^enact\\.yaml:${line}:\\d+: unknown (key|policy|tool) '${typo}'.* Did you mean '${key}'\\?$`, "mu"));
      }),
      { seed: 20_261_122, numRuns: 400 },
    );
  });

  test("editDistance is a distance: zero only for equal words, the same both ways, one for one slip", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 12 }), fc.string({ maxLength: 12 }), (a, b) => {
        expect(editDistance(a, b)).toBe(editDistance(b, a));
        expect(editDistance(a, b) === 0).toBe(a === b);
        expect(editDistance(a, b)).toBeLessThanOrEqual(Math.max(Array.from(a).length, Array.from(b).length));
      }),
      { seed: 7, numRuns: 500 },
    );
    fc.assert(
      fc.property(fc.constantFrom(...KEYS.map(({ key }) => key)), slip, (key, finger) => {
        expect(editDistance(key, slipped(key, finger))).toBeLessThanOrEqual(1);
      }),
      { seed: 7, numRuns: 500 },
    );
  });

  test("other ways to spell a name count as the name, and far words as none", () => {
    const names = ["git_push", "sql_query", "dont_push_to_main"];
    for (const word of ["gitPush", "git-push", "GIT PUSH", "Git.Push"]) expect(nearest(word, names)).toBe("git_push");
    expect(nearest("push_to_main", names)).toBe("dont_push_to_main");
    expect(nearest("weather", names)).toBeUndefined();
    expect(nearest("", names)).toBeUndefined();
    expect(nearest("x".repeat(100_000), names)).toBeUndefined();
    expect(nearest("git_push", [])).toBeUndefined();
  });

  test("of many names that are all far the nearest three are told", () => {
    const names = Array.from({ length: 30 }, (_, index) => `policy_number_${index}_of_many`);
    expect(suggestion("weather", names, "policies")).toMatch(/^ The nearest policies: \w+, \w+, \w+\.$/u);
    expect(suggestion("weather", names.slice(0, 2), "policies")).toBe(" Known policies: policy_number_0_of_many, policy_number_1_of_many.");
    expect(suggestion("weather", [], "policies")).toBe("");
  });
});

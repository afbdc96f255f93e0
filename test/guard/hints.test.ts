import { expect, it } from "vitest";

import { hintsFor } from "../../src/guard/hints.js";
import type { PolicyResult } from "../../src/policies/policy.js";

function failing(policy: string, hint: string, instead?: object): PolicyResult {
  const result = { policy, passed: false, reason: "found", hint };
  return instead === undefined ? result : Object.defineProperty(result, Symbol.for("enact-guard.instead"), { value: instead });
}

/** A world in which the branch must start with `bot/` and hold at most 5 files. */
function stillFailing(facts: Readonly<Record<string, unknown>>) {
  const { branch = "main", files = 9 } = facts as { branch?: string; files?: number };
  const failures = branch === "main" ? ["not_main"] : [];
  return [...failures, ...(branch.startsWith("bot/") ? [] : ["prefix"]), ...(files > 5 ? ["files"] : [])];
}

const notMain = failing("not_main", "use agent/x", { branch: "agent/x" });
const prefix = failing("prefix", "use bot/x", { branch: "bot/x" });
const files = failing("files", "push 5 files", { files: 5 });

it("leaves out advice that leads into another policy's block", () => {
  expect(hintsFor([notMain, prefix], (facts) => stillFailing({ files: 1, ...facts }))).toEqual(["use bot/x"]);
});

it("combines advice when one alone does not do", () => {
  expect(hintsFor([notMain, prefix, files], stillFailing)).toEqual(["use bot/x", "push 5 files"]);
});

it("shows advice in words beside what was judged", () => {
  const words = failing("words", "ask the person");
  expect(hintsFor([notMain, prefix, words], (facts) => [...stillFailing({ files: 1, ...facts }), "words"])).toEqual(["use bot/x", "ask the person"]);
});

it("shows everything when nothing passes", () => {
  expect(hintsFor([notMain, files], () => ["prefix"])).toEqual(["use agent/x", "push 5 files"]);
});

it("shows nothing when all passed, and no hint twice", () => {
  expect(hintsFor([{ policy: "p", passed: true, reason: "fine" }], () => [])).toEqual([]);
  expect(hintsFor([failing("a", "same"), failing("b", "same")], () => [])).toEqual(["same"]);
});

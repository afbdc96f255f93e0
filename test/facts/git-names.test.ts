import { execFileSync } from "node:child_process";

import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { branchNameProblem, protectedBranches, readsAs, suspiciousCharacters } from "../../src/facts/git-names.js";

/** What git itself says of a name. */
function gitTakes(name: string): boolean {
  try {
    execFileSync("git", ["check-ref-format", `refs/heads/${name}`], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

describe("branchNameProblem", () => {
  test.each(["main", "agent/c++", "agent/ünïcode", "функция", "agent/修复", "a", "agent/x.y-z_1", "Heads/up", "head", "origin/main", "agent/#149", "agent/(draft)", "a=b,c!$%&'\"<>|;", "ma\u0456n"])(
    "takes %j, as git does",
    (name) => {
      expect(branchNameProblem(name)).toBeNull();
      expect(gitTakes(name)).toBe(true);
    },
  );

  test.each([
    "", "-main", "--force", "-f", "+main", "refs/heads/main", "refs/for/main", "heads/main", "HEAD", "@", "main:main", ":main", "main^{}", "main~0",
    "main@{0}", "@{-1}", "main..x", " main", "main ", "ma in", "ma\tin", "main\n", "ma\u0000in", "main.", "main.lock", "a/.b", "/main", "main/", "a//b",
    "ma*in", "ma?in", "ma[in", "ma\\in", "\u007f", "a".repeat(40), "0123456789abcdef0123456789abcdef01234567", "F".repeat(64), "x/".repeat(600) + "x",
    "x".repeat(251), "\ud800main",
  ])("refuses %j", (name) => {
    expect(branchNameProblem(name)).toMatch(/\w/);
  });

  test("never takes what git refuses, and refuses only for a reason of its own what git takes", () => {
    const part = fc.oneof(fc.constantFrom("main", "a", ".", "..", "@", "{", "/", "-", "+", ".lock", "~", "^", ":", "*", "[", "\\", " ", "\u0001", "é", "refs/", "heads/"), fc.string({ maxLength: 3 }));
    const names = fc.array(part, { maxLength: 5 }).map((parts) => parts.join("")).filter((name) => !name.includes("\0"));
    fc.assert(
      fc.property(names, (name) => {
        const ours = branchNameProblem(name) === null;
        const gits = name.isWellFormed() && gitTakes(name);
        const ourOwn = /^(?:-|\+|refs\/|heads\/|HEAD$|@$)/.test(name);
        expect({ name, ours }).toEqual({ name, ours: gits && !ourOwn });
      }),
      { seed: 7, numRuns: 400 },
    );
  });

  test("what it says never holds the raw control characters of the name", () => {
    for (const name of ["ma\u001b[31min x", "x\u202e y", "a\nb"]) {
      expect(branchNameProblem(name)).not.toMatch(/[\p{Cc}\u202e]/u);
    }
  });
});

describe("names that read alike", () => {
  test.each(["main", "MAIN", "Main", "mAiN", "ma\u200bin", "ma\u00adin", "\uff4d\uff41\uff49\uff4e", "ma\u0456n", "m\u0430in", "ma\u0131n", "\u{1d426}\u{1d41a}\u{1d422}\u{1d427}", "MA\u0130N", "\u041c\u0430\u0456\u043f", "main\u2060"])("%j reads as main", (name) => {
    expect(readsAs(name)).toBe("main");
    expect(protectedBranches(name, [])).toContain(name);
  });

  test.each(["agent/main-menu", "main2", "mains", "maintenance", "domain", "mai", "agent/main", "origin/main", "mäin", "ma-in", "mästers", "mastering"])("%j does not", (name) => {
    expect(protectedBranches(name, ["develop"])).not.toContain(name);
  });

  test("the default branch counts in any spelling as well", () => {
    expect(protectedBranches("Develop", ["develop"])).toEqual(["develop", "main", "master", "Develop"]);
    expect(protectedBranches("agent/x", ["develop"])).toEqual(["develop", "main", "master"]);
  });
});

describe("suspiciousCharacters", () => {
  test("shows look-alikes and invisible characters", () => {
    expect(suspiciousCharacters("agent/ma\u0456n")).toEqual([{ character: "U+0456", kind: "look_alike", looks_like: "i" }]);
    expect(suspiciousCharacters("agent/x\u200b")).toEqual([{ character: "U+200B", kind: "invisible", looks_like: "" }]);
    expect(suspiciousCharacters("agent/\u202egpj")).toMatchObject([{ character: "U+202E", kind: "invisible" }]);
    expect(suspiciousCharacters("\uff4dain")).toMatchObject([{ character: "U+FF4D", looks_like: "m" }]);
  });

  test.each(["agent/c++", "agent/исправление", "agent/修复", "agent/ünïcode", "agent/größe", "plain"])("%s is plain", (name) => {
    expect(suspiciousCharacters(name)).toEqual([]);
  });
});

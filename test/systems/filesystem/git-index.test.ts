import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { assert, integer, nat, property } from "fast-check";
import { describe, expect, test } from "vitest";

import { readIndex } from "../../../src/systems/filesystem/git-index.js";
import { fileWorld } from "../../support/file-world.js";

function git(folder: string, ...args: string[]): string {
  const env = { PATH: process.env["PATH"], HOME: folder, GIT_CONFIG_NOSYSTEM: "1" };
  const identity = ["-c", "user.name=Ann", "-c", "user.email=ann@example.com", "-c", "protocol.file.allow=always"];
  return execFileSync("git", [...identity, ...args], { cwd: folder, env, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

function put(folder: string, path: string, content = "x"): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), content);
}

function namesOf(index: Buffer, hashBytes = 20): string[] {
  const names: string[] = [];
  readIndex(index, hashBytes, ({ name, isSubmodule }) => names.push(`${name.toString()}${isSubmodule ? " (submodule)" : ""}`));
  return names;
}

const tracked = (folder: string) => git(folder, "ls-files", "-z", "--sparse").split("\0").filter((name) => name !== "");

describe.each([
  ["version 2", ["init", "--quiet"], "2", 20],
  ["version 3 and intent to add", ["init", "--quiet"], "3", 20],
  ["version 4, names compressed", ["init", "--quiet"], "4", 20],
  ["SHA-256", ["init", "--quiet", "--object-format=sha256"], "2", 32],
  ["SHA-256, version 4", ["init", "--quiet", "--object-format=sha256"], "4", 32],
] as const)("an index of %s", (_title, init, version, hashBytes) => {
  test("holds the names that git lists", () => {
    const { root } = fileWorld();
    git(root, ...init);
    const names = ["a", "ab", "abc/d.txt", "abc/é.txt", "abc/with space", "x".repeat(200), "z/y/x/w/v", ...Array.from({ length: 40 }, (_, i) => `many/file-${i}`)];
    for (const name of names) put(root, name);
    git(root, "add", "--all");
    put(root, "later.txt");
    git(root, "add", "--intent-to-add", "later.txt");
    git(root, "update-index", "--index-version", version);
    expect(namesOf(readFileSync(join(root, ".git/index")), hashBytes)).toEqual(tracked(root));
  });
});

test("an index with conflicts and a submodule", () => {
  const { root } = fileWorld();
  git(root, "init", "--quiet", "--initial-branch=main");
  put(root, "a.txt", "base\n");
  git(root, "add", "--all");
  git(root, "commit", "--quiet", "--message=base");
  git(root, "checkout", "--quiet", "-b", "other");
  put(root, "a.txt", "theirs\n");
  git(root, "commit", "--quiet", "--all", "--message=theirs");
  git(root, "checkout", "--quiet", "main");
  put(root, "a.txt", "ours\n");
  git(root, "commit", "--quiet", "--all", "--message=ours");
  expect(() => git(root, "merge", "other")).toThrow("merge other");
  const head = git(root, "rev-parse", "HEAD").trim();
  git(root, "update-index", "--add", "--cacheinfo", `160000,${head},sub`);
  expect(namesOf(readFileSync(join(root, ".git/index")))).toEqual(["a.txt", "a.txt", "a.txt", "sub (submodule)"]);
});

test("an index that does not name every file is not believed", () => {
  const { root } = fileWorld();
  git(root, "init", "--quiet");
  for (const name of ["a/1", "a/2", "b/1"]) put(root, name);
  git(root, "add", "--all");
  git(root, "commit", "--quiet", "--message=one");
  git(root, "update-index", "--split-index");
  expect(() => namesOf(readFileSync(join(root, ".git/index")))).toThrow("extension 'link'");
  git(root, "update-index", "--no-split-index");
  git(root, "sparse-checkout", "set", "--cone", "--sparse-index", "a");
  expect(() => namesOf(readFileSync(join(root, ".git/index")))).toThrow("sparse");
});

test("a damaged index is an error, never a hang or a wrong answer outside its bytes", () => {
  const { root } = fileWorld();
  git(root, "init", "--quiet");
  for (const name of ["a/1", "a/2", "b/1"]) put(root, name);
  git(root, "add", "--all");
  git(root, "update-index", "--index-version", "4");
  const index = readFileSync(join(root, ".git/index"));
  const strange: unknown[] = [];
  assert(
    property(nat(index.length - 1), integer({ min: 0, max: 255 }), nat(index.length), (at, byte, length) => {
      const damaged = Buffer.from(index.subarray(0, length));
      if (at < length) damaged[at] = byte;
      try {
        namesOf(damaged);
      } catch (error) {
        if (!(error instanceof RangeError)) strange.push(error);
      }
    }),
    { seed: 20261122, numRuns: 2000 },
  );
  expect(strange).toEqual([]);
});

describe("the fact", () => {
  const look = async (root: string, path: string) => {
    const { reader } = fileWorld().open({ root });
    const { tracked: isTracked, untrackedCount } = await reader.look(path, "delete", { recursive: true });
    return [isTracked, untrackedCount];
  };

  test("in a linked worktree, which has its own index", async () => {
    const { root } = fileWorld();
    put(root, "main/a.txt");
    git(join(root, "main"), "init", "--quiet");
    git(join(root, "main"), "add", "--all");
    git(join(root, "main"), "commit", "--quiet", "--message=one");
    git(join(root, "main"), "worktree", "add", "--quiet", "../tree");
    put(root, "tree/b.txt");
    git(join(root, "tree"), "add", "b.txt");
    expect(await look(root, "tree/b.txt")).toEqual([true, 0]);
    expect(await look(root, "tree/a.txt")).toEqual([true, 0]);
    put(root, "main/b.txt");
    expect(await look(root, "main/b.txt")).toEqual([false, 1]);
  });

  test("with a root below the top of the repository", async () => {
    const { root } = fileWorld();
    put(root, "packages/web/a.txt");
    put(root, "packages/web/a.txt.bak");
    git(root, "init", "--quiet");
    git(root, "add", "packages/web/a.txt");
    expect(await look(join(root, "packages/web"), "a.txt")).toEqual([true, 0]);
    expect(await look(join(root, "packages/web"), "a.txt.bak")).toEqual([false, 1]);
  });

  test("in a repository without an index, and outside of any", async () => {
    const { root } = fileWorld();
    put(root, "repo/a.txt");
    put(root, "b.txt");
    git(join(root, "repo"), "init", "--quiet");
    expect(await look(root, "repo/a.txt")).toEqual([false, 1]);
    expect(await look(root, "b.txt")).toEqual([null, null]);
  });

  test("is unknown, and no error, when the index is damaged or a trap", async () => {
    const { root } = fileWorld();
    put(root, "a.txt");
    git(root, "init", "--quiet");
    writeFileSync(join(root, ".git/index"), "nonsense that is long enough");
    expect(await look(root, "a.txt")).toEqual([{ why: expect.stringContaining("no index") as string }, { why: expect.any(String) as string }]);
    put(root, "trap/a.txt");
    mkdirSync(join(root, "trap/.git"));
    execFileSync("mkfifo", [join(root, "trap/.git/index")]);
    expect(await look(root, "trap/a.txt")).toEqual([{ why: expect.stringContaining("no regular file") as string }, { why: expect.any(String) as string }]);
  });
});

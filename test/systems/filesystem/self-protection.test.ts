import { execFileSync } from "node:child_process";
import { linkSync, mkdirSync, renameSync, symlinkSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, test } from "vitest";

import type { Access, Filesystem } from "../../../src/systems/filesystem.js";
import { call, fileWorld } from "../../support/file-world.js";

const ACCESSES: readonly Access[] = ["read", "write", "delete"];

/** The codes of what each tool says about a path: undefined where it would let the call through. */
async function verdicts(files: Filesystem, path: string): Promise<(string | undefined)[]> {
  const codes: (string | undefined)[] = [];
  for (const access of ACCESSES) {
    const error: unknown = await files.reader.look(path, access, { recursive: true }).catch((reason: unknown) => reason);
    codes.push(error instanceof Error ? (error as Error & { code: string }).code : undefined);
  }
  return codes;
}

const REFUSED = ["REFUSED", "REFUSED", "REFUSED"];
const FREE = [undefined, undefined, undefined];

test.each([
  ".git/config", ".git/HEAD", ".git/hooks/pre-push", ".git/objects/aa/bb", "vendor/lib/.git/config", "vendor/lib/.git",
  ".GIT/config", ".Git/config", ".git./config", ".git /config", ".g\u200Cit/config", ".ｇｉｔ/config", "．git/config", "worktree/.git",
  ".enact/ledger.db", ".enact/FREEZE", ".enact/undo/1", "sub/.enact/ledger.db", ".ENACT/ledger.db",
  "enact.yaml", "enact.yml", "ENACT.YAML", "enact.yaml ", "enact.yaml.", "sub/enact.yaml",
  ".mcp.json", "mcp.json", "MCP.json", "packages/a/.mcp.json",
  ".claude/settings.json", ".claude/settings.local.json", "sub/.claude/commands/x.md", ".claude.json",
  ".cursor/mcp.json", ".vscode/settings.json", ".vscode/mcp.json", ".codex/config.toml", ".gemini/settings.json",
  "./src/../.git/config", ".//.git//config", ".git\\config",
])("no tool touches %s", async (path) => {
  const world = fileWorld();
  world.put("src/a.ts");
  world.put(path);
  const before = world.inside();
  expect(await verdicts(world.open(), path)).toEqual(REFUSED);
  expect(world.inside()).toEqual(before);
});

test.each([
  ".git", ".git/x", ".enact/FREEZE", "enact.yaml", "enact.yml", ".mcp.json", "mcp.json", ".claude/settings.json", "a/b/.cursor/rules.md",
])("what is not there yet is not made either: %s", async (path) => {
  const world = fileWorld();
  await expect(call.write(world.open(), path, "{}")).rejects.toMatchObject({ code: "REFUSED", hint: expect.stringMatching(/person|git tools/) as string });
  expect(world.inside()).toEqual({});
});

test.each([
  ".gitignore", ".gitattributes", ".github/workflows/ci.yml", "git/config", "my.git.txt", ".gitx/config", "docs/enact.yaml.md",
  "my-enact.yaml", "enact.yaml.example", "enact.test.yaml", ".enacted/x", "enact/ledger.db", "mcp.json.md", "my-mcp.json", ".vscode-test/x",
  ".claudeignore", "CLAUDE.md", "AGENTS.md", "claude/settings.json", "src/cursor/index.ts", "HEAD", "refs/a", "config",
  "node_modules/pkg/.vscode/settings.json", "node_modules/enact-guard/mcp.json",
])("look-alikes are free: %s", async (path) => {
  const world = fileWorld();
  world.put(path);
  expect(await verdicts(world.open(), path)).toEqual(FREE);
});

test.each([
  ["a repository", (put: (path: string) => unknown) => put("vendor/lib/.git/HEAD")],
  ["a worktree's pointer", (put: (path: string) => unknown) => put("vendor/lib/.git")],
  ["a bare repository", (put: (path: string) => unknown) => ["HEAD", "objects/x", "refs/heads/main"].map((name) => put(`vendor/deep/mirror/${name}`))],
  ["the guard's state", (put: (path: string) => unknown) => put("vendor/.enact/ledger.db")],
  ["a configuration", (put: (path: string) => unknown) => put("vendor/project/enact.yaml")],
  ["settings of an agent client", (put: (path: string) => unknown) => put("vendor/project/.Claude/settings.json")],
  ["a repository among installed packages", (put: (path: string) => unknown) => put("vendor/node_modules/lib/.git/HEAD")],
])("a folder that holds %s is not deleted", async (_title, prepare) => {
  const world = fileWorld();
  world.put("vendor/readme.md");
  prepare((file) => world.put(file));
  const before = world.inside();
  await expect(call.delete(world.open(), "vendor", true)).rejects.toMatchObject({ code: "REFUSED" });
  expect(world.inside()).toEqual(before);
});

test("installed packages stay deletable, editor settings of their authors and all", async () => {
  const world = fileWorld();
  for (const path of ["a/.vscode/settings.json", "enact-guard/mcp.json", "enact-guard/examples/enact.yaml", ".bin/x"]) world.put(`node_modules/${path}`);
  await call.delete(world.open(), "node_modules", true);
  expect(world.inside()).toEqual({});
});

describe("git stores, whatever they are called", () => {
  test("bare repositories and separate git dirs, made by git itself", async () => {
    const world = fileWorld();
    const git = (...args: string[]) => execFileSync("git", args, { cwd: world.root, stdio: "pipe" });
    git("init", "--quiet", "--bare", "mirror");
    git("init", "--quiet", "--separate-git-dir=store", "work");
    for (const path of ["mirror/config", "mirror/HEAD", "mirror/hooks/post-update", "store/config", "store/info/exclude", "work/.git"]) {
      expect([path, await verdicts(world.open(), path)]).toEqual([path, REFUSED]);
    }
    for (const path of ["mirror", "store", "work"]) {
      await expect(call.delete(world.open(), path, true)).rejects.toMatchObject({ code: "REFUSED" });
    }
    world.put("work/src/a.ts");
    expect(await verdicts(world.open(), "work/src/a.ts")).toEqual(FREE);
  });

  test("through a link, and when .git is a link", async () => {
    const world = fileWorld();
    world.put("hidden/config");
    world.link(".git", "hidden");
    world.put("lib/.git/config");
    world.link("short", "lib/.git");
    world.link("cfg.txt", "lib/.git/config");
    for (const path of [".git/config", "hidden/config", "short/config"]) {
      expect([path, await verdicts(world.open(), path)]).toEqual([path, REFUSED]);
    }
    // Removing the link removes no store.
    expect(await verdicts(world.open(), "cfg.txt")).toEqual(["REFUSED", "REFUSED", undefined]);
  });

  test("through hard links", async () => {
    const world = fileWorld();
    world.put(".git/config");
    world.put("nested/.git/hooks/pre-push");
    linkSync(join(world.root, ".git/config"), join(world.root, "innocent.txt"));
    linkSync(join(world.root, "nested/.git/hooks/pre-push"), join(world.root, "nested/innocent.txt"));
    linkSync(world.put("a.txt"), join(world.root, "b.txt"));
    expect(await verdicts(world.open(), "innocent.txt")).toEqual(REFUSED);
    expect(await verdicts(world.open(), "nested/innocent.txt")).toEqual(REFUSED);
    expect(await verdicts(world.open(), "b.txt")).toEqual(FREE);
    world.put("tree/x");
    linkSync(join(world.root, ".git/config"), join(world.root, "tree/y"));
    await expect(call.delete(world.open(), "tree", true)).rejects.toMatchObject({ code: "REFUSED", message: /another name/ });
  });
});

describe("the paths that the person configured", () => {
  function configured() {
    const world = fileWorld();
    world.put("cfg/guard.yaml");
    world.put("policies/mine.ts");
    world.put("keys/private.pem");
    world.put("src/a.ts");
    const protectedPaths = ["cfg/guard.yaml", "policies/mine.ts", "keys", "state/none-yet"].map((path) => join(world.root, path));
    return { world, protectedPaths, files: world.open({ protectedPaths }) };
  }

  test.each(["cfg/guard.yaml", "policies/mine.ts", "keys/private.pem", "keys/new", "state/none-yet", "state/none-yet/x", "CFG/Guard.yaml", "KEYS/private.pem"])(
    "%s is kept away from every tool",
    async (path) => {
      const { files } = configured();
      const codes = await verdicts(files, path);
      expect(codes[1]).toBe("REFUSED");
      expect(codes).not.toContain(undefined);
    },
  );

  test.each(["cfg", "policies", "keys"])("the folder %s is not deleted", async (path) => {
    const { files, world } = configured();
    await expect(call.delete(files, path, true)).rejects.toMatchObject({ code: "REFUSED" });
    expect(world.read("keys/private.pem")).toContain("content");
  });

  test("a file is not put where a protected folder will be needed", async () => {
    const { files } = configured();
    await expect(call.write(files, "state", "x")).rejects.toMatchObject({ code: "REFUSED" });
  });

  test("neighbours are free", async () => {
    const { files, world } = configured();
    world.put("cfg/other.yaml");
    world.put("keys-docs/readme.md");
    for (const path of ["cfg/other.yaml", "keys-docs/readme.md", "src/a.ts", "policies/mine.test.ts"]) {
      world.put(path);
      expect([path, await verdicts(files, path)]).toEqual([path, FREE]);
    }
  });

  test("by link, by hard link and by another path to the same folder", async () => {
    const { files, world } = configured();
    world.link("alias", "keys");
    world.link("config.txt", "cfg/guard.yaml");
    linkSync(join(world.root, "keys/private.pem"), join(world.root, "notes.txt"));
    expect(await verdicts(files, "alias/private.pem")).toEqual(REFUSED);
    expect(await verdicts(files, "notes.txt")).toEqual(REFUSED);
    expect((await verdicts(files, "config.txt")).slice(0, 2)).toEqual(["REFUSED", "REFUSED"]);
  });

  test("when the configured path itself leads through links: both ends, and the links", async () => {
    const world = fileWorld();
    world.put("real/settings/guard.yaml");
    world.put("real/settings/other.txt");
    world.link("cfg", "real/settings");
    world.link("guard", "cfg/guard.yaml");
    const files = world.open({ protectedPaths: [join(world.root, "guard")] });
    expect(await verdicts(files, "real/settings/guard.yaml")).toEqual(REFUSED);
    expect(await verdicts(files, "guard")).toEqual(REFUSED);
    await expect(call.delete(files, "cfg")).rejects.toMatchObject({ code: "REFUSED", message: /is a link through which/ });
    // What only lies beside it is read through the same link.
    expect((await verdicts(files, "cfg/other.txt"))).toEqual(FREE);
  });

  test("a folder outside the root, and the links of a policy's paths", async () => {
    const world = fileWorld();
    world.put("vault/a.txt");
    world.link("secret", "vault");
    world.put("box/x");
    world.link("box/way", "../vault");
    const files = world.open({ protectedPaths: [join(world.outside, "keys")], watchPaths: ["secret", "box/way/a.txt"] });
    expect(await verdicts(files, "secret/a.txt")).toEqual(FREE);
    await expect(call.delete(files, "secret")).rejects.toMatchObject({ code: "REFUSED", message: /paths of a policy/ });
    await expect(call.delete(files, "box", true)).rejects.toMatchObject({ code: "REFUSED", message: /paths of a policy/ });
  });

  test("the root may be such a link, and the guard's files are found under both names", async () => {
    const { world } = configured();
    symlinkSync(world.root, `${world.root}-alias`);
    const files = world.open({ root: `${world.root}-alias`, protectedPaths: [`${world.root}-alias/cfg/guard.yaml`] });
    expect(await verdicts(files, "cfg/guard.yaml")).toEqual(REFUSED);
    expect(await verdicts(files, join(world.root, "cfg/guard.yaml"))).toEqual(REFUSED);
  });
});

test("a refusal says what was found, why, and what to do", async () => {
  const world = fileWorld();
  world.put(".git/config");
  world.link("short", ".git");
  const error: unknown = await world.open().reader.look("short/config", "read").catch((reason: unknown) => reason);
  expect(error).toMatchObject({
    code: "REFUSED",
    message: "'.git' belongs to git's own store: a change there can rewrite history or run commands, and it can hold credentials ('short/config' leads there). File tools keep away from it",
    hint: "Use the git tools for commits, branches and pushes.",
    done: "Nothing was done.",
  });
});

test("a protected file that is moved stays protected by what it is, while it has its place in the configuration", async () => {
  const world = fileWorld();
  mkdirSync(join(world.root, "sub"));
  const path = world.put("guard.yaml");
  const files = world.open({ protectedPaths: [path] });
  linkSync(path, join(world.root, "sub/copy"));
  expect(await verdicts(files, "sub/copy")).toEqual(REFUSED);
  renameSync(path, join(world.root, "moved.yaml"));
  expect((await verdicts(files, "guard.yaml"))[1]).toBe("REFUSED");
});

describe("folders of git's hooks", () => {
  test("are read, and neither written nor deleted: git would run what was put there", async () => {
    const world = fileWorld();
    world.put(".husky/pre-push");
    world.put("tools/hooks/pre-commit");
    symlinkSync(".husky", join(world.root, "alias"));
    const files = world.open({ hookFolders: () => Promise.resolve([".husky", "tools/hooks"].map((path) => join(world.root, path))) });
    for (const path of [".husky/pre-push", "alias/pre-push", ".HUSKY/pre-push", "tools/hooks/pre-commit"]) {
      expect((await verdicts(files, path)).slice(1)).toEqual(["REFUSED", "REFUSED"]);
    }
    await expect(call.write(files, ".husky/post-merge", "x")).rejects.toMatchObject({ code: "REFUSED" });
    await expect(call.delete(files, "tools", true)).rejects.toMatchObject({ code: "REFUSED" });
    expect((await verdicts(files, ".husky/pre-push"))[0]).toBeUndefined();
    expect(await verdicts(files, "tools/hooks.md")).toEqual(["NOT_FOUND", undefined, "NOT_FOUND"]);
  });

  test("that hold the whole root take nothing away", async () => {
    const world = fileWorld();
    world.put("src/a.ts");
    const files = world.open({ hookFolders: () => Promise.resolve([world.root, join(world.root, "..")]) });
    expect(await verdicts(files, "src/a.ts")).toEqual(FREE);
  });
});

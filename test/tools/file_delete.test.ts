import { execFileSync } from "node:child_process";
import { appendFileSync, chmodSync, existsSync, linkSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, onTestFinished, test } from "vitest";

import { fileDeleteTool } from "../../src/tools/file_delete.js";
import { ANCHORS, asOrdinaryUser, call, fileWorld } from "../support/file-world.js";
import { executed, planned } from "../support/tool-calls.js";

type World = ReturnType<typeof fileWorld>;

describe.each(ANCHORS)("with folders addressed by %s", (anchor) => {
  test("a file goes, and only it", async () => {
    const world = fileWorld();
    world.put("a.txt", "12345");
    world.put("b.txt", "stays");
    const files = world.open({ anchor });
    const { payload, target } = await planned(fileDeleteTool, { path: "a.txt" }, files.reader);
    expect(payload).toMatchObject({ path: "a.txt", kind: "file", file_count: 1, folder_count: 0, bytes: 5, recursive: false, tracked_by_git: null });
    expect(target).toBe("a.txt");
    const execution = await call.delete(files, "a.txt");
    expect(execution).toMatchObject({ actions: [{ success: true }], result: { files: 1, bytes: 5 } });
    expect(world.inside()).toEqual({ "b.txt": "stays" });
  });

  test("a folder goes with all that is in it, and what links lead to stays", async () => {
    const world = fileWorld();
    world.put("build/a.js", "123");
    world.put("build/deep/er/b.env", "45");
    world.put("src/real.ts", "stays");
    world.link("build/out", world.outside);
    world.link("build/to-src", "../src");
    world.link("build/gone", "nowhere");
    linkSync(join(world.outside, "secret.txt"), join(world.root, "build/hard.pem"));
    const files = world.open({ anchor });
    const { payload, target, step } = await planned(fileDeleteTool, { path: "build/", recursive: true }, files.reader);
    expect(target).toBe("6 files below build/");
    expect(payload).toMatchObject({
      path: "build", kind: "directory", file_count: 6, folder_count: 3, bytes: 33,
      extensions: [".env", ".js", ".pem"],
      entries: ["a.js", "deep", "deep/er", "deep/er/b.env", "gone", "hard.pem", "out", "to-src"],
    });
    const execution = await executed(fileDeleteTool, step, files.writer);
    expect(execution.actions).toMatchObject([{ success: true, output: { path: "build", files: 6, folders: 3, bytes: 33 } }]);
    expect(world.inside()).toEqual({ "src/": "folder", "src/real.ts": "stays" });
  });

  test("an empty folder needs no recursion, a full one does", async () => {
    const world = fileWorld();
    mkdirSync(join(world.root, "empty"));
    world.put("full/a");
    const files = world.open({ anchor });
    await call.delete(files, "empty");
    await expect(call.delete(files, "full")).rejects.toMatchObject({ code: "INVALID_INPUT", hint: /recursive/ });
    expect(Object.keys(world.inside())).toEqual(["full/a", "full/"]);
  });

  test("a link goes, and what it leads to stays", async () => {
    const world = fileWorld();
    world.put("real/a.pem", "stays");
    world.link("inside", "real");
    world.link("outside", world.outside);
    world.link("void", "nowhere");
    world.link("circle", "circle");
    world.link("two", "inside/a.pem");
    const files = world.open({ anchor });
    const { payload } = await planned(fileDeleteTool, { path: "two" }, files.reader);
    expect(payload).toMatchObject({
      kind: "symlink", extensions: [".pem"], link_target: { target: "inside/a.pem", real_path: join(world.root, "real/a.pem") },
    });
    for (const path of ["inside", "outside", "void", "circle", "two"]) await call.delete(files, path, true);
    expect(world.inside()).toEqual({ "real/": "folder", "real/a.pem": "stays" });
  });

  test.each([
    ["up and out", () => "../outside/photos"],
    ["the home folder through a link", () => "backup/photos"],
    ["the folder behind a link", () => "backup/."],
    ["absolute", (world: World) => join(world.outside, "photos")],
    ["the parent", () => ".."],
    ["the file system", () => "/"],
    ["the folder above through a link", () => "backup/.."],
  ])("refuses what leads outside: %s", async (_title, path) => {
    const world = fileWorld();
    world.link("backup", world.outside);
    await expect(call.delete(world.open({ anchor }), path(world), true)).rejects.toMatchObject({ code: /REFUSED|INVALID_INPUT/ });
    expect(world.inside()).toEqual({ backup: `-> ${world.outside}` });
  });

  test.each([".", "./", "src/..", "src/../.", "../root"])("the root itself is never deleted: %j", async (path) => {
    const world = fileWorld();
    world.put("src/a.ts");
    await expect(call.delete(world.open({ anchor }), path, true)).rejects.toMatchObject({ name: "EnactError" });
    await expect(call.delete(world.open({ anchor }), world.root, true)).rejects.toMatchObject({ code: "REFUSED" });
    expect(world.read("src/a.ts")).toContain("content");
  });

  test.each([
    ["a file was added", (world: World) => world.put("build/deep/new.txt")],
    ["a file is gone", (world: World) => rmSync(join(world.root, "build/a.js"))],
    ["a file was written to", (world: World) => appendFileSync(join(world.root, "build/a.js"), "more")],
    ["a file was exchanged", (world: World) => renameSync(world.put("other", "123"), join(world.root, "build/a.js"))],
    ["a file was renamed", (world: World) => renameSync(join(world.root, "build/a.js"), join(world.root, "build/b.js"))],
    ["permissions changed", (world: World) => chmodSync(join(world.root, "build/a.js"), 0o600)],
    ["a folder became a link outside", (world: World) => {
      rmSync(join(world.root, "build/deep"), { recursive: true });
      world.link("build/deep", world.outside);
    }],
    ["the folder itself became a link outside", (world: World) => {
      renameSync(join(world.root, "build"), join(world.root, "old"));
      world.link("build", world.outside);
    }],
    ["the folder was exchanged", (world: World) => {
      renameSync(join(world.root, "build"), join(world.root, "old"));
      world.put("build/a.js", "123");
    }],
    ["a FIFO was made in it", (world: World) => execFileSync("mkfifo", [join(world.root, "build/pipe")])],
    ["it was made a repository", (world: World) => world.put("build/.git/HEAD")],
  ])("nothing at all is deleted when the folder is not the judged one: %s", async (_title, change) => {
    const world = fileWorld();
    world.put("build/a.js", "123");
    world.put("build/deep/b.js", "123");
    const files = world.open({ anchor });
    const { step } = await planned(fileDeleteTool, { path: "build", recursive: true }, files.reader);
    change(world);
    const before = world.inside();
    await expect(executed(fileDeleteTool, step, files.writer)).rejects.toMatchObject({ code: "STALE_PLAN", done: "Nothing was done." });
    expect(world.inside()).toEqual(before);
  });

  test.each([
    ["written to", (_world: World, path: string) => writeFileSync(path, "judge!")],
    ["exchanged", (world: World, path: string) => renameSync(world.put("other", "judged"), path)],
    ["made a folder", (_world: World, path: string) => {
      rmSync(path);
      mkdirSync(path);
    }],
    ["made a link", (world: World, path: string) => {
      rmSync(path);
      world.link("dir/a.txt", "../keep.txt");
    }],
  ])("a file that was %s is not the judged one", async (_title, change) => {
    const world = fileWorld();
    world.put("keep.txt");
    const path = world.put("dir/a.txt", "judged");
    const files = world.open({ anchor });
    const { step } = await planned(fileDeleteTool, { path: "dir/a.txt" }, files.reader);
    change(world, path);
    const before = world.inside();
    await expect(executed(fileDeleteTool, step, files.writer)).rejects.toMatchObject({ code: "STALE_PLAN" });
    expect(world.inside()).toEqual(before);
  });

  test("special files are refused, alone and in a folder", async () => {
    const world = fileWorld();
    world.put("dir/a.txt");
    execFileSync("mkfifo", [join(world.root, "dir/pipe")]);
    const files = world.open({ anchor });
    await expect(call.delete(files, "dir/pipe")).rejects.toMatchObject({ code: "REFUSED", message: /FIFO/ });
    await expect(call.delete(files, "dir", true)).rejects.toMatchObject({ code: "REFUSED", message: /FIFO/ });
  });

  test("names that are no UTF-8 are deleted with their folder", async () => {
    const world = fileWorld();
    world.put("dir/a.txt");
    writeFileSync(Buffer.concat([Buffer.from(`${world.root}/dir/`), Buffer.from([0xff, 0xfe])]), "x");
    writeFileSync(Buffer.concat([Buffer.from(`${world.root}/dir/`), Buffer.from([0xff, 0xfd])]), "x");
    expect((await call.delete(world.open({ anchor }), "dir", true)).result).toMatchObject({ files: 3 });
    expect(world.inside()).toEqual({});
  });

  test("10,000 entries go in reasonable time, one more is refused and not cut", async () => {
    const world = fileWorld();
    for (let folder = 0; folder < 10; folder += 1) {
      mkdirSync(join(world.root, `big/${folder}`), { recursive: true });
      for (let file = 0; file < 999; file += 1) writeFileSync(join(world.root, `big/${folder}/${file}.txt`), "");
    }
    const files = world.open({ anchor });
    world.put("big/one-more");
    await expect(call.delete(files, "big", true)).rejects.toMatchObject({ code: "REFUSED", message: /10000/ });
    rmSync(join(world.root, "big/one-more"));
    const started = performance.now();
    const { payload, step } = await planned(fileDeleteTool, { path: "big", recursive: true }, files.reader);
    // The receipt stays small; whoever approves sees all of it.
    expect(JSON.stringify(payload).length).toBeLessThan(5000);
    expect(step.paths).toHaveLength(10_000);
    const execution = await executed(fileDeleteTool, step, files.writer);
    expect(execution.result).toMatchObject({ files: 9990, folders: 11 });
    expect(performance.now() - started).toBeLessThan(10_000);
    expect(world.inside()).toEqual({});
  });
});

test("a folder that may not be emptied is found before anything is deleted", async () => {
  const world = fileWorld();
  world.put("build/a.js");
  world.put("build/closed/b.js");
  chmodSync(join(world.root, "build/closed"), 0o555);
  const before = world.inside();
  const [outcome] = await asOrdinaryUser(world, [{ tool: "file_delete", input: { path: "build", recursive: true } }]);
  expect(outcome?.error).toMatchObject({ code: "ACTION_FAILED", done: "Nothing was done.", message: expect.stringContaining("permission") as string });
  expect(world.inside()).toEqual(before);
});

test("what the system will not let go is left in its place, and the receipt counts both", async () => {
  const world = fileWorld();
  world.put("build/a.js", "1");
  world.put("build/z/locked.txt", "2");
  // Only the superuser can make a file that its owner cannot remove; for others the folder above is closed.
  const [lock, unlock] = lockers(world, join(world.root, "build/z/locked.txt"));
  onTestFinished(unlock);
  const files = world.open();
  const { step } = await planned(fileDeleteTool, { path: "build", recursive: true }, files.reader);
  const isLocked = lock();
  const outcome = await executed(fileDeleteTool, step, files.writer).catch((error: unknown) => error);
  const message = /stopped half-way.*permission.*1 files are gone, 3 entries are left.*in its place/;
  const partial = { actions: [{ success: false, output: { files: 1, left: 3, left_at: null }, error: { code: "ACTION_FAILED", message: expect.stringMatching(message) as string } }] };
  expect(outcome).toMatchObject(isLocked ? partial : { code: "ACTION_FAILED", done: "Nothing was done." });
  expect(Object.keys(world.inside())).toEqual(isLocked ? ["build/z/locked.txt", "build/z/", "build/"] : ["build/a.js", "build/z/locked.txt", "build/z/", "build/"]);
});

/** Makes a file immutable; true when that worked. Its change time must not change, so it is locked before it is judged. */
function lockers(world: World, path: string): [lock: () => boolean, unlock: () => void] {
  const isImmutable = tryRun("chattr", ["+i", path]);
  const lock = (): boolean => {
    if (!isImmutable) chmodSync(world.root, 0o555);
    return isImmutable;
  };
  const unlock = (): void => {
    tryRun("chattr", ["-i", path]);
    chmodSync(world.root, 0o755);
  };
  return [lock, unlock];
}

function tryRun(command: string, args: readonly string[]): boolean {
  try {
    execFileSync(command, args, { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

test("another file system below the folder is not deleted", async () => {
  const world = fileWorld();
  world.put("dir/a.txt");
  const mountPoint = join(world.root, "dir/mounted");
  mkdirSync(mountPoint);
  // Without the right to mount there is nothing to find, and the folder is an ordinary one.
  const isMounted = tryRun("mount", ["--bind", world.outside, mountPoint]);
  onTestFinished(() => void tryRun("umount", [mountPoint]));
  const outcomes: string[] = [];
  for (const path of ["dir/mounted", "dir"]) {
    outcomes.push(await call.delete(world.open(), path, true).then(() => "deleted", (error: unknown) => String(error)));
  }
  const expected = expect.stringContaining(isMounted ? "mounted there" : "deleted") as string;
  expect(outcomes).toEqual([expected, expected]);
  expect(existsSync(join(mountPoint, "photos/holiday.txt"))).toBe(isMounted);
});

test("git's index tells what could not be brought back", async () => {
  const world = fileWorld();
  world.put("repo/src/tracked.ts");
  world.put("repo/src/deep/tracked.ts");
  world.put("repo/src/new.ts");
  world.put("repo/build/out.js");
  const git = (...args: string[]) => execFileSync("git", ["-C", join(world.root, "repo"), ...args], { stdio: "pipe" });
  git("init", "--quiet");
  git("add", "src/tracked.ts", "src/deep/tracked.ts");
  const { reader } = world.open();
  const facts = async (path: string) => {
    const { tracked_by_git, untracked_count } = (await planned(fileDeleteTool, { path, recursive: true }, reader)).payload;
    return { tracked_by_git, untracked_count };
  };
  expect(await facts("repo/src/tracked.ts")).toEqual({ tracked_by_git: true, untracked_count: 0 });
  expect(await facts("repo/src/new.ts")).toEqual({ tracked_by_git: false, untracked_count: 1 });
  expect(await facts("repo/src")).toEqual({ tracked_by_git: true, untracked_count: 1 });
  expect(await facts("repo/build")).toEqual({ tracked_by_git: false, untracked_count: 1 });
});

test("a tree that is too deep is refused, and so is a path", async () => {
  const world = fileWorld();
  world.put(`deep/${"d/".repeat(260)}a.txt`);
  const files = world.open();
  await expect(call.delete(files, "deep", true)).rejects.toMatchObject({ code: "REFUSED", message: /256 folders deep/ });
  await expect(call.read(files, `deep/${"d/".repeat(260)}a.txt`)).rejects.toMatchObject({ code: "INVALID_INPUT", message: /too many folders deep/ });
});

test("planning touches nothing", async () => {
  const world = fileWorld();
  world.put("build/a/b.js");
  const stats = () => ["build", "build/a", "build/a/b.js", "."].map((path) => {
    const { ino, mtimeNs, ctimeNs } = statSync(join(world.root, path), { bigint: true });
    return { ino, mtimeNs, ctimeNs };
  });
  const before = stats();
  await planned(fileDeleteTool, { path: "build", recursive: true }, world.open().reader);
  expect(stats()).toEqual(before);
  expect(readdirSync(world.root)).toEqual(["build"]);
});

test("a call that was given up while a large folder is listed ends", async () => {
  const world = fileWorld();
  mkdirSync(join(world.root, "big"));
  for (let file = 0; file < 1500; file += 1) writeFileSync(join(world.root, `big/${file}`), "");
  const signal = AbortSignal.abort();
  await expect(planned(fileDeleteTool, { path: "big", recursive: true }, world.open().reader, { signal })).rejects.toMatchObject({ code: "CANCELLED" });
});

import { symlinkSync } from "node:fs";
import { dirname, join } from "node:path";

import { describe, expect, test } from "vitest";

import { restrictPaths, restrictPathsPolicy } from "../../../src/policies/filesystem/index.js";
import { fileDeleteTool } from "../../../src/tools/file_delete.js";
import { fileReadTool } from "../../../src/tools/file_read.js";
import { fileWriteTool } from "../../../src/tools/file_write.js";
import { fileWorld } from "../../support/file-world.js";
import { testPolicy } from "../../support/policy-examples.js";
import { blockedBy, planned } from "../../support/tool-calls.js";

testPolicy(restrictPathsPolicy);

function project() {
  const world = fileWorld();
  for (const path of ["src/a.ts", "src/deep/b.ts", "src-old/c.ts", "lib/d.ts", "e.ts"]) world.put(path);
  world.link("src/way-out", "../lib");
  world.link("lib/way-in", "../src");
  world.link("work", "src");
  return world;
}

/** What the policy says of a real read, write and deletion of a path. */
async function verdicts(world: ReturnType<typeof project>, path: string, allowed: readonly string[], home?: string): Promise<boolean[]> {
  const { reader } = world.open({ watchPaths: allowed, ...(home === undefined ? {} : { home }) });
  const policy = [restrictPaths(allowed)];
  const read = await planned(fileReadTool, { path }, reader);
  const write = await planned(fileWriteTool, { path, content: "x" }, reader);
  const remove = await planned(fileDeleteTool, { path }, reader);
  return [
    blockedBy("file_read", read.payload, policy) === null,
    blockedBy("file_write", write.payload, policy) === null,
    blockedBy("file_delete", remove.payload, policy) === null,
  ];
}

describe("real files, judged by where they really are", () => {
  test.each([
    ["below it", "src/a.ts", ["src"], true],
    ["deep below it", "src/deep/b.ts", ["src"], true],
    ["in by a link from elsewhere", "lib/way-in/a.ts", ["src"], true],
    ["out by a link in it", "src/way-out/d.ts", ["src"], false],
    ["beside it, named alike", "src-old/c.ts", ["src"], false],
    ["above it", "e.ts", ["src"], false],
    ["one of several", "lib/d.ts", ["src", "lib"], true],
    ["the whole root", "lib/d.ts", ["."], true],
    ["spelled strangely", "src/a.ts", ["./lib/../src/"], true],
    ["allowed through a link", "src/a.ts", ["work"], true],
    ["called through a link, allowed as it is", "work/a.ts", ["src"], true],
    ["allowed through a link in it", "lib/d.ts", ["src/way-out"], true],
    ["a single file that is allowed", "e.ts", ["e.ts"], true],
    ["another file than the allowed one", "lib/d.ts", ["e.ts"], false],
    ["nothing is allowed", "src/a.ts", [], false],
    ["what is allowed does not exist", "src/a.ts", ["nowhere"], false],
    ["the case differs", "src/a.ts", ["SRC"], false],
    ["what is allowed lies outside the root", "src/a.ts", ["/etc"], false],
  ])("%s: %s", async (_title, path, allowed, passes) => {
    expect(await verdicts(project(), path, allowed)).toEqual([passes, passes, passes]);
  });

  test("absolute, below ~, and through a link outside the root", async () => {
    const world = project();
    const base = dirname(world.root);
    symlinkSync(join(world.root, "src"), join(base, "elsewhere"));
    expect(await verdicts(world, "src/a.ts", [join(world.root, "src")])).toEqual([true, true, true]);
    expect(await verdicts(world, "src/a.ts", [join(base, "elsewhere")])).toEqual([true, true, true]);
    expect(await verdicts(world, "src/a.ts", ["~/root/src"], base)).toEqual([true, true, true]);
    expect(await verdicts(world, "lib/d.ts", ["~/root/src"], base)).toEqual([false, false, false]);
    // Without knowing what ~ is, nobody can say.
    expect(await verdicts(world, "src/a.ts", ["~/root/src"])).toEqual([false, false, false]);
  });

  test("a new file is judged by where it will be", async () => {
    const world = project();
    const { reader } = world.open({ watchPaths: ["src", "new"] });
    const blocked = async (path: string, allowed: readonly string[]) => {
      const { payload } = await planned(fileWriteTool, { path, content: "x" }, reader);
      return blockedBy("file_write", payload, [restrictPaths(allowed)]) !== null;
    };
    expect(await blocked("src/new/file.ts", ["src"])).toBe(false);
    expect(await blocked("src/way-out/file.ts", ["src"])).toBe(true);
    expect(await blocked("new/file.ts", ["new"])).toBe(false);
    expect(await blocked("newer/file.ts", ["new"])).toBe(true);
  });

  test("removing a link counts where the link is, for nothing else is touched", async () => {
    const world = project();
    world.link("src/leads-out", "../lib/d.ts");
    const { reader } = world.open({ watchPaths: ["src"] });
    const { payload } = await planned(fileDeleteTool, { path: "src/leads-out" }, reader);
    expect(blockedBy("file_delete", payload, [restrictPaths(["src"])])).toBeNull();
  });
});

test("a path that nobody looked up blocks", async () => {
  const world = project();
  const { payload } = await planned(fileReadTool, { path: "src/a.ts" }, world.open().reader);
  expect(blockedBy("file_read", payload, [restrictPaths(["src"])])).toContain("nobody found out");
});

test("a link that was moved to another folder is judged anew", async () => {
  const world = project();
  const { reader } = world.open({ watchPaths: ["work"] });
  const before = await planned(fileReadTool, { path: "lib/d.ts" }, reader);
  expect(before.payload.policy_paths).toEqual({ work: { real_path: join(world.root, "src"), exists: true, relation: "apart" } });
  expect(blockedBy("file_read", before.payload, [restrictPaths(["work"])])).toContain("outside all allowed directories: work");
});

test.each([[{}, "missing"], [{ attachments: "none" }, "missing"], [{ attachments: [{}] }, "missing"], [{ attachments: [{ path: "a", real_path: "/a" }] }, "missing"]])(
  "a mail whose attachments are not known is blocked: %j",
  (payload, words) => {
    expect(blockedBy("email_send", payload, [restrictPaths(["src"])])).toContain(words);
  },
);

import { lstatSync, mkdirSync, realpathSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { array, asyncProperty, assert, constantFrom, integer, record, type Arbitrary } from "fast-check";
import { expect, test } from "vitest";

import type { FileLook } from "../../../src/systems/filesystem.js";
import { fileWorld } from "../../support/file-world.js";

const SEED = Number(process.env["FILE_SEED"] ?? 20261122);
const RUNS = Number(process.env["FILE_RUNS"] ?? 400);

const name = constantFrom("a", "b", "c", "l", "m");
const part = constantFrom("a", "b", "c", "l", "m", "a", "b", "..", ".", "", "root", "outside", "secret.txt", "photos");
const path: Arbitrary<string> = record({ start: constantFrom("", "", "", "$root/", "$outside/", "/", "../", "./"), parts: array(part, { minLength: 1, maxLength: 6 }) }).map(
  ({ start, parts }) => `${start}${parts.join("/")}`,
);
const entry = record({ at: array(name, { minLength: 1, maxLength: 3 }).map((names) => names.join("/")), kind: constantFrom("file", "folder", "link", "link"), target: path, n: integer() });

/** What the system itself says: the oracle. */
function oracle(root: string, given: string): string {
  const full = given.startsWith("/") ? given : `${root}/${given}`;
  try {
    const real = realpathSync.native(full);
    if (real === root) return "the root";
    if (!real.startsWith(`${root}/`)) return "outside";
    return statSync(real).isDirectory() ? `folder ${real}` : `file ${real}`;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? "?";
  }
}

test("a path leads where the system says, over random trees of links, and nowhere outside", async () => {
  const seen = new Map<string, number>();
  await assert(
    asyncProperty(array(entry, { minLength: 3, maxLength: 14 }), array(path, { minLength: 20, maxLength: 20 }), async (entries, paths) => {
      const world = fileWorld();
      const filled = (text: string) => text.replace("$root", world.root).replace("$outside", world.outside);
      for (const { at, kind, target, n } of entries) {
        const full = join(world.root, at);
        // Only real folders on the way: the tree itself must not be built outside.
        if (!isReal(world.root, dirname(at)) || lstatSync(full, { throwIfNoEntry: false }) !== undefined) continue;
        mkdirSync(dirname(full), { recursive: true });
        if (kind === "file") writeFileSync(full, `file ${n}`);
        else if (kind === "folder") mkdirSync(full);
        else symlinkSync(filled(target) || ".", full);
      }
      const { reader } = world.open();
      for (const given of paths.map(filled)) {
        const expected = oracle(world.root, given);
        const found = await reader.look(given, "read").then(inWords, codeOf);
        seen.set(expected.split(" ")[0] ?? "", (seen.get(expected.split(" ")[0] ?? "") ?? 0) + 1);
        expect({ given, expected, found: allowed(expected).includes(found) ? "as expected" : found }).toEqual({ given, expected, found: "as expected" });
      }
    }),
    { seed: SEED, numRuns: RUNS },
  );
  // Every kind of answer has been compared.
  expect([...seen.keys()].toSorted()).toEqual(expect.arrayContaining(["ELOOP", "ENOENT", "ENOTDIR", "file", "folder", "outside", "the"]) as string[]);
});

/** True when all folders on the way are real ones, or not made yet. */
function isReal(root: string, folders: string): boolean {
  let here = root;
  for (const folder of folders.split("/")) {
    here = join(here, folder);
    const stat = lstatSync(here, { throwIfNoEntry: false });
    if (stat === undefined) return true;
    if (!stat.isDirectory()) return false;
  }
  return true;
}

const inWords = (look: FileLook) => `file ${look.realPath}`;
const codeOf = (error: unknown) => (error instanceof Error && "code" in error ? String(error.code) : String(error));

/** Answers that fit what the system says. What is missing outside may be called outside: nobody is told what is there. */
function allowed(expected: string): readonly string[] {
  if (expected.startsWith("file ")) return [expected];
  if (expected.startsWith("folder ") || expected === "the root") return ["INVALID_INPUT"];
  if (expected === "outside") return ["REFUSED"];
  if (expected === "ENOENT") return ["NOT_FOUND", "REFUSED"];
  return ["INVALID_INPUT", "NOT_FOUND", "REFUSED"];
}

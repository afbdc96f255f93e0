import { existsSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { loadModule } from "../../src/config/module.js";
import { policyMeta } from "../../src/policies/policy.js";
import type { WorkflowContext } from "../../src/policies/policy.js";
import { configSandbox, packageRoot, RIGHT } from "../support/config-sandbox.js";
import type { Sandbox } from "../support/config-sandbox.js";

const PLAIN = "export const noFriday = (context: { workflow: string }) => ({ policy: 'no_friday', passed: false, reason: `never ${context.workflow}` });\n";

/** A policy with options, which finds `enact-guard` and `zod` although the project has neither. */
const DEFINED = `import { definePolicy, type Policy } from "enact-guard";
import { z } from "zod";
export const atMost = definePolicy({
  id: "at_most", category: "git", workflows: ["git_push"], reads: [],
  options: z.strictObject({ max: z.number().int().min(1).default(3), words: z.array(z.string()).default([]) }),
  description: "Blocks always.", hint: "Do less.",
  examples: [{ title: "blocks", passes: false, workflow: "git_push", payload: {} }],
  judge: (_context, { max }) => ({ passed: false, reason: "at most " + max }),
});
`;

describe("custom policies", () => {
  let sandbox: Sandbox;
  beforeEach(() => {
    sandbox = configSandbox();
  });
  afterEach(() => sandbox.remove());

  function withPolicy(entry: string): void {
    sandbox.write("enact.yaml", `${RIGHT}  - ${entry}\n`);
  }

  test("a function in TypeScript and in JavaScript of every kind judges", async () => {
    const plain = PLAIN.replace(": { workflow: string }", "");
    sandbox.write("a.ts", PLAIN);
    sandbox.write("b.mts", PLAIN);
    sandbox.write("c.js", plain);
    sandbox.write("d.mjs", plain);
    sandbox.write("e.cjs", "exports.noFriday = (context) => ({ policy: 'no_friday', passed: false, reason: `never ${context.workflow}` });");
    for (const file of ["a.ts", "b.mts", "c.js", "d.mjs", "e.cjs"]) {
      withPolicy(`./${file}`);
      const policy = (await sandbox.load()).policies[1];
      expect(policy?.name).toBe("noFriday");
      const context = { workflow: "git_push" } as WorkflowContext;
      expect(policy?.policy(context)).toEqual({ policy: "no_friday", passed: false, reason: "never git_push" });
    }
  });

  test("the same in a project whose package is of type module", async () => {
    sandbox.write("package.json", '{ "type": "module" }');
    sandbox.write("policies/a.js", DEFINED.replace(", type Policy", ""));
    withPolicy("./policies/a.js");
    expect((await sandbox.load()).policies[1]?.name).toBe("at_most");
  });

  test("enact-guard and zod are found although the project has no node_modules", async () => {
    sandbox.write("policies/at-most.ts", DEFINED);
    withPolicy("./policies/at-most.ts: { max: 7 }");
    const policy = (await sandbox.load()).policies[1]?.policy;
    expect(policyMeta(policy)).toMatchObject({ id: "at_most", options: { max: 7, words: [] } });
    expect(existsSync(join(sandbox.project, "node_modules"))).toBe(false);
  });

  test("zod is the guard's own, by whatever path and whatever lies in node_modules", async () => {
    for (const path of ["node_modules/zod", "node_modules/zod/v4"]) {
      sandbox.write(`${path}/package.json`, '{ "main": "index.js" }');
      sandbox.write(`${path}/index.js`, "throw new Error('the other copy');");
    }
    sandbox.write("p.ts", DEFINED);
    sandbox.write("p4.ts", DEFINED.replace('"zod"', '"zod/v4"'));
    sandbox.write("enact.yaml", `${RIGHT}  - ./p.ts\n  - ./p4.ts\n`);
    expect((await sandbox.load()).policies.map(({ name }) => name)).toEqual(["dont_push_to_main", "at_most", "at_most"]);
  });

  test("options of a custom policy are checked like those of a built-in one", async () => {
    sandbox.write("at-most.ts", DEFINED);
    sandbox.write("enact.yaml", `${RIGHT}  - ./at-most.ts: { mx: 7 }\n  - ./at-most.ts: { max: 0, words: a }\n`);
    expect((await sandbox.problem()).split("\n")).toEqual([
      "3 problems in enact.yaml:",
      "enact.yaml:9:21: unknown key 'mx' in at_most. Did you mean 'max'?",
      "enact.yaml:10:26: at_most.max must be at least 1; found the number 0.",
      "enact.yaml:10:36: at_most.words must be a list; found the text 'a'. Put it in brackets: [a].",
    ]);
  });

  const WRONG: readonly { readonly fear: string; readonly source: string; readonly says: string }[] = [
    { fear: "no export", source: "const x: number = 1;", says: "p.ts exports nothing. A policy is a named export: export const myPolicy = (context) => …" },
    { fear: "a default export", source: "export default () => 1;", says: "p.ts has a default export. A policy is a named export, so that receipts can name it: export const myPolicy = (context) => …" },
    {
      fear: "a constant",
      source: "export const LIMIT = 5;",
      says: "p.ts exports 'LIMIT', which is no policy. Every export must be a function or a definePolicy(…) result; keep the rest unexported, or in a file of its own.",
    },
    { fear: "an async function", source: "export const p = async () => ({});", says: "p.ts exports 'p', which is asynchronous. A policy judges facts that are already there: remove async and await." },
    { fear: "a generator", source: "export function* p() {}", says: "p.ts exports 'p', which is a generator and no policy." },
    { fear: "an async generator", source: "export async function* p() {}", says: "p.ts exports 'p', which is a generator and no policy." },
    { fear: "a class", source: "export class P {}", says: "p.ts exports 'P', which is a class and no policy." },
    { fear: "an error at import", source: "const a = 1;\n\nthrow new Error('boom');\nexport const p = () => a;", says: "p.ts cannot be loaded: p.ts:3: boom" },
    { fear: "a syntax error", source: "\nexport const p = ;\n", says: "p.ts cannot be loaded: p.ts:2: Unexpected token" },
    { fear: "a missing import", source: "import { x } from './nope.js';\nexport const p = () => x;", says: "p.ts cannot be loaded: p.ts:1: Cannot find module './nope.js'" },
    { fear: "something thrown that is no Error", source: "throw 'x';", says: "p.ts threw something that is no Error while it was loaded" },
    { fear: "an error with an empty message", source: "throw new TypeError('');", says: "p.ts cannot be loaded: p.ts:1: TypeError" },
  ];
  for (const { fear, source, says } of WRONG) {
    test(`${fear} is refused`, async () => {
      sandbox.write("p.ts", source);
      withPolicy("./p.ts");
      expect(await sandbox.problem()).toBe(`enact.yaml:9:5: ./${says}`);
    });
  }

  test("everything that is wrong with a module's exports is said at once", async () => {
    sandbox.write("p.ts", "export const a = 1; export const b = async () => 1; export const c = () => 1;");
    withPolicy("./p.ts");
    expect((await sandbox.problem()).split("\n").slice(1).map((line) => /exports '(\w)'/u.exec(line)?.[1])).toEqual(["a", "b"]);
  });

  test("a module that is not there, is a folder, or of another kind is refused", async () => {
    sandbox.write("folder.ts/x", "");
    sandbox.write("a.txt", "");
    sandbox.write("enact.yaml", `${RIGHT}  - ./nope.ts\n  - ./folder.ts\n  - ./a.txt\n  - ./a.ts/b.ts\n`);
    sandbox.write("a.ts", PLAIN);
    expect((await sandbox.problem()).split("\n")).toEqual([
      "4 problems in enact.yaml:",
      "enact.yaml:9:5: './nope.ts' does not exist (looked for nope.ts). Paths of policies are relative to this file.",
      "enact.yaml:10:5: './folder.ts' is not a file that can be read.",
      "enact.yaml:11:5: './a.txt' is no module of policies: its name must end in .ts, .mts, .js or .mjs.",
      "enact.yaml:12:5: './a.ts/b.ts' does not exist (looked for a.ts/b.ts). Paths of policies are relative to this file.",
    ]);
  });

  test("options for a module that takes none are refused", async () => {
    sandbox.write("p.ts", PLAIN);
    withPolicy("./p.ts: { a: 1 }");
    expect(await sandbox.problem()).toBe("enact.yaml:9:5: ./p.ts takes no options: options go to a module that exports exactly one definePolicy(…) result; this one exports 0.");
  });

  test("the path is relative to the configuration file, wherever that is", async () => {
    const file = sandbox.write("conf/guard.yaml", `${RIGHT}  - ./p.ts\n`);
    sandbox.write("conf/p.ts", PLAIN);
    const config = await sandbox.load({ file });
    expect(config.sources).toEqual([join(sandbox.project, "enact.yaml"), file, join(sandbox.project, "conf/p.ts")]);
  });

  test("its files, links followed, and the files it imports are sources of the configuration", async () => {
    sandbox.write("policies/p.ts", `import { words } from "./words.js";\n// import "./not-there.js"\n${PLAIN.replace("never", "${words}")}`);
    sandbox.write("policies/words.ts", 'import data from "../data.json" with { type: "json" };\nexport const words = data.words;\n');
    sandbox.write("data.json", '{ "words": "not now" }');
    symlinkSync(join(sandbox.project, "policies/p.ts"), join(sandbox.project, "link.ts"));
    withPolicy("./link.ts");
    const { sources } = await sandbox.load();
    const named = sources.map((path) => path.slice(sandbox.project.length + 1));
    expect(named.filter((path) => existsSync(join(sandbox.project, path))).toSorted()).toEqual(["data.json", "enact.yaml", "link.ts", "policies/p.ts", "policies/words.ts"]);
    // What the next start would load instead if an agent made it.
    expect(named).toEqual(expect.arrayContaining(["policies/words.js", "policies/words.mjs", "policies/words.js.ts", "policies/words.js/index.ts", "policies/not-there.js"]));
  });

  test("a module that never finishes loading does not keep the server from saying so", async () => {
    const path = sandbox.write("p.ts", "await new Promise(() => {});\nexport const p = () => 1;");
    await expect(loadModule(path, packageRoot, 300)).rejects.toThrow("did not finish loading within 300 ms");
  });

  test("a changed module is read anew, and nothing is written anywhere", async () => {
    sandbox.write("p.ts", PLAIN);
    withPolicy("./p.ts");
    const [before, temporary] = [await sandbox.load(), readdirSync(tmpdir()).filter((name) => name.startsWith("jiti"))];
    sandbox.write("p.ts", PLAIN.replace("noFriday", "noMonday"));
    const after = await sandbox.load();
    expect([before.policies[1]?.name, after.policies[1]?.name]).toEqual(["noFriday", "noMonday"]);
    expect(after.digest).not.toBe(before.digest);
    expect(readdirSync(sandbox.project).toSorted()).toEqual(["enact.yaml", "p.ts"]);
    expect(readdirSync(tmpdir()).filter((name) => name.startsWith("jiti"))).toEqual(temporary);
  });

  test("a project's own copy of the package wins nothing: the guard's own is used", async () => {
    sandbox.write("node_modules/enact-guard/package.json", '{ "name": "enact-guard", "main": "index.js" }');
    sandbox.write("node_modules/enact-guard/index.js", "throw new Error('the other copy');");
    sandbox.write("p.ts", DEFINED);
    withPolicy("./p.ts");
    expect((await sandbox.load()).policies[1]?.name).toBe("at_most");
    expect(existsSync(join(packageRoot, "dist/index.js"))).toBe(true);
  });

  test("the built-in policies can be configured in it", async () => {
    writeFileSync(join(sandbox.project, "p.ts"), 'import { blockDms } from "enact-guard/policies/slack";\nexport const mine = blockDms;\n');
    withPolicy("./p.ts");
    expect((await sandbox.load()).policies[1]?.name).toBe("block_dms");
  });
});

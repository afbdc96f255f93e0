import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { describe, expect, test } from "vitest";

import { policies } from "../src/policies/index.js";
import { CATEGORIES, policyMeta } from "../src/policies/policy.js";
import type { PolicyDefinition } from "../src/policies/policy.js";
import { tools } from "../src/tools/index.js";

const root = fileURLToPath(new URL("..", import.meta.url));

/** Names of the units in a folder: what begins with `_`, indexes and contracts are no units. */
function unitsIn(folder: string): string[] {
  if (!existsSync(join(root, folder))) return [];
  const files = readdirSync(join(root, folder), { withFileTypes: true }).filter((entry) => entry.isFile() && /^[a-z]\w*\.ts$/u.test(entry.name));
  return files.map(({ name }) => basename(name, ".ts")).filter((name) => !["index", "policy", "tool"].includes(name)).toSorted();
}

function headingsOf(page: string, level: number): string[] {
  const text = readFileSync(join(root, page), "utf8");
  return [...text.matchAll(new RegExp(`^${"#".repeat(level)} (\\w+)$`, "gmu"))].map(([, name = ""]) => name).filter((name) => name.includes("_"));
}

function camelCased(name: string): string {
  return name.replaceAll(/_([a-z])/gu, (_, letter: string) => letter.toUpperCase());
}

async function exportsOf(path: string): Promise<Record<string, unknown>> {
  return (await import(pathToFileURL(join(root, path)).href)) as Record<string, unknown>;
}

describe("policies", () => {
  const ids = policies.map(({ id }) => id);
  const categories = readdirSync(join(root, "src/policies"), { withFileTypes: true }).filter((entry) => entry.isDirectory()).map(({ name }) => name);

  test("the list is sorted by category and id, and names each once", () => {
    const inOrder = policies.toSorted((a, b) => (a.category === b.category ? (a.id < b.id ? -1 : 1) : a.category < b.category ? -1 : 1));
    expect(ids).toEqual(inOrder.map(({ id }) => id));
    expect(new Set(ids).size).toBe(ids.length);
  });

  test("every folder is a category, and every category that has a folder is in the list", () => {
    expect(categories.filter((name) => !(CATEGORIES as readonly string[]).includes(name))).toEqual([]);
    expect([...new Set(policies.map(({ category }) => category))].toSorted()).toEqual(categories.toSorted());
  });

  test("list = folder = test = documentation", () => {
    for (const category of categories) {
      const listed = policies.filter((policy) => policy.category === category).map(({ id }) => id);
      expect(unitsIn(`src/policies/${category}`), `files of src/policies/${category}`).toEqual(listed);
      expect(unitsOfTests(`test/policies/${category}`).filter((name) => listed.includes(name)), `tests of test/policies/${category}`).toEqual(listed);
    }
    expect(headingsOf("docs/policies.md", 3), "headings of docs/policies.md; run: npm run docs").toEqual(ids);
  });

  test("a category exports each policy under its id in camel case, with its definition, and nothing else that judges", async () => {
    for (const category of categories) {
      const exported = await exportsOf(`src/policies/${category}/index.ts`);
      const own = policies.filter((policy) => policy.category === category);
      expect(exported[`${camelCased(category)}Policies`]).toEqual(own);
      for (const definition of own) expectExports(exported, definition);
      const known = own.flatMap(({ id }) => [camelCased(id), `${camelCased(id)}Policy`, `${camelCased(id)}With`]);
      expect(Object.keys(exported).filter((name) => !known.includes(name) && name !== `${camelCased(category)}Policies`)).toEqual([]);
    }
  });

  test("examples show both verdicts, in sentences, for tools that there are or will be", () => {
    for (const { id, examples, description, hint } of policies) {
      expect({ id, verdicts: new Set(examples.map(({ passes }) => passes)).size }).toEqual({ id, verdicts: 2 });
      expect({ id, description: /^Blocks .*\.$/u.test(description), hint: /^[A-Z].*\.$/u.test(hint) }).toEqual({ id, description: true, hint: true });
      expect(examples.map(({ workflow }) => workflow).filter((name) => !/^(?:git|sql|file|slack|email|s3|gdrive|crm|enact)_\w+$/u.test(name))).toEqual([]);
    }
  });
});

/** A policy or a factory under its name; a policy only if it needs no options. */
function expectExports(exported: Record<string, unknown>, definition: PolicyDefinition): void {
  const name = camelCased(definition.id);
  expect({ name, kind: typeof exported[name] }).toEqual({ name, kind: "function" });
  expect(exported[`${name}Policy`], `${name}Policy`).toBe(definition);
  const optionsAreFree = definition.options.safeParse({}).success;
  const meta = policyMeta(exported[name]);
  expect({ name, isFactory: meta === undefined || meta.id === definition.id }).toEqual({ name, isFactory: true });
  expect({ name, needsFactory: meta === undefined || optionsAreFree }).toEqual({ name, needsFactory: true });
}

function unitsOfTests(folder: string): string[] {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder)).filter((name) => name.endsWith(".test.ts")).map((name) => name.replace(/\.test\.ts$/u, "")).toSorted();
}

describe("tools", () => {
  const names = tools.map(({ name }) => name);

  test("the list is sorted and names each once", () => {
    expect(names).toEqual([...new Set(names)].toSorted());
  });

  test("list = folder = test = documentation", () => {
    expect(unitsIn("src/tools"), "files of src/tools").toEqual(names);
    expect(unitsOfTests("test/tools").filter((name) => names.includes(name)), "tests of test/tools").toEqual(names);
    expect(headingsOf("docs/tools.md", 2), "headings of docs/tools.md; run: npm run docs").toEqual(names);
  });

  test("each file exports its tool in camel case", async () => {
    for (const tool of tools) {
      const exported = await exportsOf(`src/tools/${tool.name}.ts`);
      expect(exported[`${camelCased(tool.name)}Tool`], `export of ${tool.name}`).toBe(tool);
    }
  });

  test("every tool says what it does, and all four annotations", () => {
    for (const { name, title, description, annotations, system } of tools) {
      expect({ name, title: title.length > 3, description: description.length > 20, system: system.length > 0 }).toEqual({ name, title: true, description: true, system: true });
      const hints = [annotations.readOnlyHint, annotations.destructiveHint, annotations.idempotentHint, annotations.openWorldHint];
      expect({ name, hints: hints.map((hint) => typeof hint) }).toEqual({ name, hints: ["boolean", "boolean", "boolean", "boolean"] });
    }
  });

  test("every tool that acts through an account says which rights it needs, in sentences", () => {
    const remote = new Set(["email", "gdrive", "hubspot", "s3", "slack"]);
    const without = tools.filter(({ system, access }) => remote.has(system) !== (access !== undefined));
    expect(without.map(({ name }) => name)).toEqual([]);
    expect(tools.flatMap(({ access = [] }) => access).filter((sentence) => !/^[A-Z`].{20,}\.$/u.test(sentence))).toEqual([]);
  });
});

describe("mcp.json", () => {
  interface McpJson {
    readonly mcpServers: Readonly<Record<string, { readonly command: string; readonly args: readonly string[] }>>;
  }

  test("is a client configuration that starts this server from a checkout", () => {
    const { mcpServers } = JSON.parse(readFileSync(join(root, "mcp.json"), "utf8")) as McpJson;
    const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { bin: Record<string, string> };
    expect(Object.keys(mcpServers)).toEqual(["enact-guard"]);
    expect(mcpServers["enact-guard"]).toEqual({ command: "node", args: [manifest.bin["enact-guard"], "serve"] });
  });
});

import { readdirSync } from "node:fs";
import { EventEmitter } from "node:events";
import { PassThrough } from "node:stream";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, test } from "vitest";

import { rollbackInfo } from "../../src/guard/rollback.js";
import { instructionsFor } from "../../src/mcp/instructions.js";
import { serveOnStdio } from "../../src/mcp/serve.js";
import { tools } from "../../src/tools/index.js";
import type { ListedTool } from "../support/mcp-client.js";
import { RawClient } from "../support/mcp-client.js";
import { smallGuard } from "../support/small-guard.js";

/**
 * The public contract: each tool as a client sees it. A change here is a change for every agent. Accept one with
 * `npx vitest run test/contract -u`; with CI set, nothing is ever written.
 */
const FOLDER = fileURLToPath(new URL("tools", import.meta.url));

let listed: readonly ListedTool[];

beforeAll(async () => {
  const guard = { ...smallGuard(), tools: [...tools, rollbackInfo] };
  const input = new PassThrough();
  const output = new PassThrough();
  const instructions = instructionsFor(guard, []);
  const served = serveOnStdio({ guard, instructions, version: "1", input, output, signals: new EventEmitter(), log: () => undefined, close: () => guard.close() });
  const client = new RawClient(input, output);
  await client.initialize();
  const { result } = await client.request("tools/list");
  listed = (result?.["tools"] ?? []) as ListedTool[];
  input.end();
  await served;
});

const NAMES = [...tools.map(({ name }) => name), "enact_check", "enact_receipts", "enact_rollback"];

describe("the public contract of", () => {
  test.each(NAMES)("%s", async (name) => {
    const tool = listed.find((candidate) => candidate.name === name);
    // The same for all, and held once, below.
    const { outputSchema: _same, ...own } = tool ?? {};
    await expect(`${JSON.stringify(own, null, 2)}\n`).toMatchFileSnapshot(`${FOLDER}/${name}.json`);
  });

  test("all tools together: one output schema", async () => {
    const schemas = new Set(listed.map(({ outputSchema }) => JSON.stringify(outputSchema, null, 2)));
    expect(schemas.size).toBe(1);
    await expect(`${[...schemas].join("\n")}\n`).toMatchFileSnapshot(`${FOLDER}/../output-schema.json`);
  });

  test("the server: what it tells the model", async () => {
    const guard = smallGuard();
    const instructions = instructionsFor({ ...guard, tools: [...guard.tools, rollbackInfo] }, ["No enact.yaml found."]);
    await expect(`${instructions}\n`).toMatchFileSnapshot(`${FOLDER}/../instructions.txt`);
  });
});

describe("every tool", () => {
  test("is listed, has its snapshot, and no snapshot is left over", () => {
    expect(listed.map(({ name }) => name)).toEqual(NAMES);
    expect(readdirSync(FOLDER).toSorted()).toEqual(NAMES.map((name) => `${name}.json`).toSorted());
  });

  test.each(NAMES)("%s: takes a strict object, in a schema that every host can read", (name) => {
    const { inputSchema } = listed.find((candidate) => candidate.name === name) ?? {};
    expect(inputSchema).toMatchObject({ type: "object", additionalProperties: false });
    // At the top several hosts refuse these.
    for (const word of ["anyOf", "oneOf", "allOf"]) expect(Object.keys(inputSchema ?? {})).not.toContain(word);
    expect(JSON.stringify(inputSchema)).not.toMatch(/"\$(?:ref|defs|schema)"|\\\\p\{/u);
  });

  test.each(NAMES)("%s: has a name, a title and a description that a model can use", (name) => {
    const tool = listed.find((candidate) => candidate.name === name);
    expect(name).toMatch(/^[a-z][a-z0-9]*(?:_[a-z0-9]+)+$/u);
    expect(tool?.title?.length).toBeGreaterThan(3);
    expect(tool?.description).toMatch(/^[A-Z].{40,}[.]$/su);
    expect(tool?.description?.length).toBeLessThan(900);
  });

  test.each(NAMES)("%s: writes all four hints, and they do not contradict each other", (name) => {
    const { annotations = {} } = listed.find((candidate) => candidate.name === name) ?? {};
    for (const hint of ["readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint"]) expect(annotations[hint]).toBeTypeOf("boolean");
    expect(annotations["readOnlyHint"] === true && annotations["destructiveHint"] === true).toBe(false);
  });
});

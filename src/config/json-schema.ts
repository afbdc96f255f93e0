import type { PolicyDefinition } from "../policies/policy.js";
import type { ToolInfo } from "../tools/tool.js";
import { jsonSchemaOf } from "./schema-walk.js";
import type { SchemaPart } from "./schema-walk.js";
import { fileSchema } from "./schema.js";

/** A path of a module of policies. */
const PATH_PATTERN = String.raw`^\.{0,2}/.*\.[cm]?[jt]s$`;

/**
 * JSON Schema (2020-12) of enact.yaml for editors: the same schemas that the server checks with, and the names of all
 * tools and policies. An editor's `yaml-language-server` completes and checks with it.
 */
export function configSchemaJson(lists: { tools: readonly ToolInfo[]; policies: readonly PolicyDefinition[] }): Readonly<Record<string, unknown>> {
  const file = jsonSchemaOf(fileSchema);
  const names = lists.tools.map(({ name, title }) => ({ const: name, description: title }));
  return {
    ...file,
    title: "enact.yaml, the configuration of Enact Guard",
    properties: {
      ...file.properties,
      systems: { ...file.properties?.["systems"], properties: nullable(file.properties?.["systems"]?.properties ?? {}) },
      tools: { ...file.properties?.["tools"], items: { oneOf: names }, uniqueItems: true },
      policies: { ...file.properties?.["policies"], items: policyItems(lists.policies) },
      unguarded: { ...file.properties?.["unguarded"], items: { enum: lists.tools.map(({ name }) => name) }, uniqueItems: true },
    },
  };
}

/** `git:` with nothing behind it means the system with its defaults. */
function nullable(sections: Readonly<Record<string, SchemaPart>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(sections).map(([name, section]) => [name, { ...section, type: ["object", "null"] }]));
}

function policyItems(policies: readonly PolicyDefinition[]): unknown {
  const bare = policies.filter(({ options }) => options.safeParse({}).success);
  const named: Record<string, unknown> = {};
  for (const { id, description, options } of policies) named[id] = { description, ...withoutDialect(jsonSchemaOf(options)) };
  return {
    anyOf: [
      ...bare.map(({ id, description }) => ({ const: id, description })),
      { type: "string", pattern: PATH_PATTERN, description: "a module of your own policies, relative to this file" },
      {
        type: "object",
        description: "a policy with options",
        properties: named,
        patternProperties: { [PATH_PATTERN]: { type: "object" } },
        additionalProperties: false,
        minProperties: 1,
        maxProperties: 1,
      },
    ],
  };
}

function withoutDialect(schema: SchemaPart): Record<string, unknown> {
  return Object.fromEntries(Object.entries(schema).filter(([key]) => key !== "$schema"));
}

import { z } from "zod";

/** The parts of JSON Schema that are read here. */
export interface SchemaPart {
  readonly $ref?: string;
  readonly $defs?: Readonly<Record<string, SchemaPart>>;
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly properties?: Readonly<Record<string, SchemaPart>>;
  readonly required?: readonly string[];
  readonly items?: SchemaPart;
  readonly additionalProperties?: SchemaPart | boolean;
  readonly anyOf?: readonly SchemaPart[];
  readonly oneOf?: readonly SchemaPart[];
  readonly allOf?: readonly SchemaPart[];
}

/** A zod schema of what a person writes, as JSON Schema. What JSON Schema cannot say is left open. */
export function jsonSchemaOf(schema: z.ZodType): SchemaPart {
  return z.toJSONSchema(schema, { io: "input", unrepresentable: "any" }) as SchemaPart;
}

/** Every alternative that the schema has for the value at this path. */
export function schemaAt(schema: z.ZodType, path: readonly PropertyKey[]): readonly SchemaPart[] {
  const root = schemaOrNothing(schema);
  return path.reduce((parts, step) => parts.flatMap((part) => below(part, step, root)), alternatives(root, root));
}

function schemaOrNothing(schema: z.ZodType): SchemaPart {
  try {
    return jsonSchemaOf(schema);
  } catch {
    // A custom policy's schema comes from another copy of zod, perhaps of another version. Only hints are lost.
    return {};
  }
}

function below(part: SchemaPart, step: PropertyKey, root: SchemaPart): readonly SchemaPart[] {
  if (typeof step === "number") return part.items === undefined ? [] : alternatives(part.items, root);
  const named = part.properties?.[String(step)];
  if (named !== undefined) return alternatives(named, root);
  return typeof part.additionalProperties === "object" ? alternatives(part.additionalProperties, root) : [];
}

function alternatives(part: SchemaPart, root: SchemaPart): readonly SchemaPart[] {
  const target = part.$ref === undefined ? part : (root.$defs?.[part.$ref.replace(/^#\/\$defs\//u, "")] ?? {});
  const inner = [...(target.anyOf ?? []), ...(target.oneOf ?? []), ...(target.allOf ?? [])];
  return inner.length === 0 ? [target] : [target, ...inner.flatMap((child) => alternatives(child, root))];
}

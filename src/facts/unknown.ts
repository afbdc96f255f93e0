import { z } from "zod";

/**
 * A fact that could not be found out, with the reason in words. A policy that reads it blocks the call.
 *
 * It is plain JSON, so that it survives into the receipt as it is. Data that merely looks like it (a row, a file) can
 * only make a call block, never pass.
 */
export interface Unknown {
  readonly $unknown: string;
}

/** Says that a fact could not be found out. `why` is a clause for a person: "the remote did not answer". */
export function unknown(why: string): Unknown {
  return Object.freeze({ $unknown: why });
}

export function isUnknown(value: unknown): value is Unknown {
  return typeof value === "object" && value !== null && typeof (value as Partial<Unknown>).$unknown === "string";
}

export const unknownSchema = z.strictObject({ $unknown: z.string() });

/** The schema of a fact that may be unknown. */
export function orUnknown<Schema extends z.ZodType>(schema: Schema) {
  return z.union([unknownSchema, schema]);
}

/** A fact that may be unknown, as a type. */
export type OrUnknown<Value> = Value | Unknown;

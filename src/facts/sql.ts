import { z } from "zod";

import { orUnknown } from "./unknown.js";

/**
 * What says which rows a DELETE or UPDATE touches. `always_true` holds for every row, or for all rows or none: by the text,
 * or because no row of the table was left alone and PostgreSQL found the condition true of every made-up row as well.
 * `unproven`: no row was left alone, and whether the condition could have spared one is not known.
 */
export const WHERE_STATES = ["present", "absent", "always_true", "unproven"] as const;
export type WhereState = (typeof WHERE_STATES)[number];

/** One change that the text of a statement asks for, however deep inside the statement it stands. */
export const sqlChangeSchema = z.strictObject({
  verb: z.enum(["INSERT", "UPDATE", "DELETE", "TRUNCATE"]),
  /** As PostgreSQL would write it: `public.users`, `public."Weird Name"`. */
  table: z.string(),
  /** null where there is no such thing: INSERT, TRUNCATE. */
  where: z.enum(WHERE_STATES).nullable(),
  /** Set when the change stands inside a MERGE. */
  merge: z.boolean(),
  /** Measured: a row of the table was left alone. Null before, and where nobody looked or could tell. */
  spares_rows: z.boolean().nullable(),
});
export type SqlChange = z.infer<typeof sqlChangeSchema>;

export const sqlStatementSchema = z.strictObject({
  /** "SELECT", "DELETE", "CREATE TABLE" … */
  kind: z.string(),
  /** The worst WHERE of its changes; null when it neither deletes nor updates. */
  where: z.enum(WHERE_STATES).nullable(),
  changes: z.array(sqlChangeSchema),
  tables_read: z.array(z.string()),
  tables_written: z.array(z.string()),
  columns_written: z.array(z.string()),
  functions: z.array(z.string()),
});
export type SqlStatementFacts = z.infer<typeof sqlStatementSchema>;

/** What was counted for one table between the first statement and the moment before COMMIT. */
export const sqlCountsSchema = z.strictObject({
  table: z.string(),
  inserted: z.number().int(),
  updated: z.number().int(),
  deleted: z.number().int(),
  read: z.boolean(),
});
export type SqlCounts = z.infer<typeof sqlCountsSchema>;

const count = z.number().int().nullable();

/** The facts of `sql_query`. */
export const sqlQueryPayload = z.strictObject({
  /** The text, at most its first 4,000 characters; the values of `params` are not in receipts. */
  sql: z.string(),
  sql_sha256: z.string(),
  sql_length: z.number().int(),
  param_count: z.number().int(),
  statements: z.array(sqlStatementSchema),
  /**
   * planned: what the text and the catalogue say, nothing has run. measured: the statements ran and PostgreSQL counted
   * what they did; COMMIT is still to come. unknown: code would run, or ran, whose effects nobody can tell.
   */
  effects: orUnknown(z.enum(["planned", "measured"])),
  /** Everything touched: named, below a view, above or below a partition, by a trigger, rule, function or cascade. */
  tables: z.array(z.string()),
  tables_read: z.array(z.string()),
  tables_written: z.array(z.string()),
  /** Looked up by a foreign key's check only: whether a row exists, nothing of what is in it. */
  tables_checked: z.array(z.string()),
  /** `public.users.email`, under the name given and, for a view, the name in the table. */
  columns_written: z.array(z.string()),
  /** Columns that code behind the statement (trigger, cascade, function) may write too. */
  columns_maybe_written: z.array(z.string()),
  /** Why rows would be gone, one line each; measured deletions are in `rows_deleted`. */
  deletes: z.array(z.string()),
  /** What changes the schema or the server, one line each. */
  ddl: z.array(z.string()),
  /** Foreign keys that would carry the change on: "public.orders → public.order_lines (delete)". */
  cascades: z.array(z.string()),
  /** Row counts over all tables, triggers and cascades included; null before they are measured. */
  rows_inserted: count,
  rows_updated: count,
  rows_deleted: orUnknown(count),
  /** Rows that an UPDATE moved to another partition: not counted as deleted. */
  rows_moved: count,
  rows_affected: orUnknown(count),
  counts: z.array(sqlCountsSchema).nullable(),
});
export type SqlQueryPayload = z.infer<typeof sqlQueryPayload>;

const PLAIN = /^[a-z_][a-z0-9_$]*$/;

/** Writes an identifier as PostgreSQL reads it: quoted unless it is plain lower case. */
export function quoteName(name: string): string {
  return PLAIN.test(name) ? name : `"${name.replaceAll('"', '""')}"`;
}

/** Splits `schema."Table".column` at its dots; undefined when the quotes do not match. */
export function splitName(text: string): readonly { readonly text: string; readonly quoted: boolean }[] | undefined {
  const parts: { text: string; quoted: boolean }[] = [];
  const part = /\s*(?:"((?:[^"]|"")+)"|([^".\s][^".]*?))\s*(?:\.|$)/gy;
  while (part.lastIndex < text.length) {
    const found = part.exec(text);
    if (found === null) return undefined;
    const quoted = found[1] !== undefined;
    parts.push({ text: quoted ? (found[1] as string).replaceAll('""', '"') : (found[2] as string), quoted });
  }
  return parts.length === 0 || text.trimEnd().endsWith(".") ? undefined : parts;
}

/**
 * Whether a name in a policy's options means this table or column. The option may leave out the schema (and table): it
 * then means any. As in SQL, an unquoted option means the lower-case name; it also means the very spelling given, for
 * those who write `Users` for a table that really is called "Users".
 */
export function nameMatches(option: string, name: string, fold: "as SQL" | "any case" = "as SQL"): boolean {
  const wanted = splitName(option);
  const actual = splitName(name);
  if (wanted === undefined || actual === undefined || wanted.length > actual.length) return false;
  return wanted.every((part, index) => {
    const { text } = actual[actual.length - wanted.length + index] as { text: string };
    const spellings = part.quoted ? [part.text] : [part.text, part.text.toLowerCase(), foldedBySql(part.text)];
    const found = fold === "any case" && !part.quoted ? text.toLowerCase() : text;
    return spellings.flatMap((spelling) => [spelling, shortened(spelling)]).some((spelling) => spelling === text || spelling === found);
  });
}

/** PostgreSQL folds the letters of ASCII only. */
function foldedBySql(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase());
}

/** Bytes of a name that PostgreSQL keeps (NAMEDATALEN - 1); it drops the rest wherever a name is written. */
const NAME_BYTES = 63;

function shortened(name: string): string {
  let bytes = 0;
  let kept = "";
  for (const character of name) {
    bytes += new TextEncoder().encode(character).length;
    if (bytes > NAME_BYTES) break;
    kept += character;
  }
  return kept;
}

/** System tables that hold sample values of every table: reading them is reading a bit of all. */
export const SAMPLE_TABLES: readonly string[] = ["pg_catalog.pg_statistic", "pg_catalog.pg_statistic_ext_data"];

/** A table name in an option: up to schema.table, quotes matching. */
export const tableOption = z.string().refine((text) => [1, 2].includes(splitName(text)?.length ?? 0), {
  message: 'a table is named like users, public.users or "Weird Name"',
});

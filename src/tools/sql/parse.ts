import { EnactError, isEnactError } from "../../errors.js";
import type { ParsedText, SqlParser, SqlSyntaxError } from "../../systems/postgres/parser.js";
import { withoutValues } from "../../systems/postgres/quotes.js";

/** Characters of SQL that a call may have. PostgreSQL's own parser takes about a quarter of a second per megabyte. */
export const MAX_SQL_LENGTH = 200_000;
/** Statements that a call may have. */
export const MAX_STATEMENTS = 100;

/** A node of PostgreSQL's parse tree: plain JSON, fields with default values are left out. */
export type Node = { readonly [field: string]: unknown };

export interface ParsedStatement {
  /** The one key of the tree's top node, such as "SelectStmt". */
  readonly type: string;
  readonly node: Node;
  /** Its own text, without the semicolon. */
  readonly text: string;
}

/** Parses with PostgreSQL's own grammar. @throws EnactError INVALID_INPUT */
export function parseSql(sql: string, parser: SqlParser): readonly ParsedStatement[] {
  checkText(sql);
  let statements: NonNullable<ParsedText["stmts"]>;
  try {
    statements = parser.parse(sql).stmts ?? [];
  } catch (error) {
    throw notParsed(sql, error);
  }
  if (statements.length === 0) throw new EnactError("INVALID_INPUT", "The SQL holds no statement, only comments or spaces");
  if (statements.length > MAX_STATEMENTS) {
    throw new EnactError("INVALID_INPUT", `The SQL holds ${statements.length} statements; at most ${MAX_STATEMENTS} run in one call`);
  }
  // Locations are offsets into the UTF-8 form.
  const bytes = Buffer.from(sql);
  return statements.map(({ stmt, stmt_location: start = 0, stmt_len: length = 0 }) => {
    const [type, node] = Object.entries(stmt as Node)[0] ?? [];
    if (type === undefined || typeof node !== "object" || node === null) throw new EnactError("INVALID_INPUT", "A statement is empty");
    const text = bytes.subarray(start, length === 0 ? undefined : start + length).toString();
    return { type, node: node as Node, text };
  });
}

function checkText(sql: string): void {
  if (sql.length > MAX_SQL_LENGTH) {
    throw new EnactError("INVALID_INPUT", `The SQL has ${sql.length} characters; at most ${MAX_SQL_LENGTH} are read`, {
      hint: "Send the data as parameters, or in several calls.",
    });
  }
  // The parser would read up to the NUL and call the rest nothing.
  if (sql.includes("\0")) throw new EnactError("INVALID_INPUT", "The SQL holds a NUL character");
  if (!sql.isWellFormed()) throw new EnactError("INVALID_INPUT", "The SQL holds half of a surrogate pair: it is not well-formed text");
  if (sql.trim() === "") throw new EnactError("INVALID_INPUT", "The SQL is empty");
}

function notParsed(sql: string, error: unknown): EnactError {
  if (error instanceof RangeError) return new EnactError("INVALID_INPUT", "The SQL is nested too deeply to be understood");
  if (isEnactError(error)) return error;
  const { message, at } = error as Partial<SqlSyntaxError>;
  const near = Buffer.from(sql).subarray(0, at ?? 0).toString().length;
  const where = near > 0 ? ` at character ${near + 1}` : "";
  return new EnactError("INVALID_INPUT", `PostgreSQL cannot read this SQL: ${withoutValues(message ?? "syntax error")}${where}`);
}

export function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A list field; left out of the tree when it is empty. */
export function listOf(value: unknown): readonly Node[] {
  return Array.isArray(value) ? (value as Node[]) : [];
}

/** The texts of a list of String nodes: names of functions, operators, columns. */
export function stringsOf(value: unknown): readonly string[] {
  return listOf(value).flatMap((item) => {
    const text = (item["String"] as { sval?: string } | undefined)?.sval;
    return text === undefined ? [] : [text];
  });
}

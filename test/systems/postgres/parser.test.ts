import { loadModule, parseSync, scanSync } from "libpg-query";
import { afterEach, beforeAll, describe, expect, it } from "vitest";

import type { SqlParser } from "../../../src/systems/postgres/parser.js";
import { ParserThread } from "../../../src/systems/postgres/parser.js";

const thread = new ParserThread();
beforeAll(() => loadModule());
afterEach(() => thread.close());

/** What the parser says, or what it threw. */
function asked<Answer>(question: (parser: SqlParser) => Answer): Promise<Answer> {
  return thread.use(async (parser) => question(parser));
}

const TEXTS = [
  "SELECT id, name FROM items WHERE id = $1",
  "WITH gone AS (DELETE FROM t WHERE \"naïve\" = 'ünï' RETURNING *) SELECT * FROM gone; UPDATE t SET a = 1",
  "MERGE INTO t USING s ON t.id = s.id WHEN MATCHED THEN DELETE",
  "-- only a comment",
  "SELECT $tag$ it's; \u{1F600} $tag$ || E'\\u0041'",
];

describe("the parser's thread", () => {
  it.each(TEXTS)("says of %s what the library says in this process", async (sql) => {
    const [tree, tokens] = await asked((parser) => [parser.parse(sql), parser.scan(sql)]);
    expect(tree).toEqual(parseSync(sql));
    expect(tokens).toEqual(scanSync(sql).tokens);
  });

  it("gives PostgreSQL's own words and the place for what is no SQL, and goes on", async () => {
    const error = await asked((parser) => parser.parse("SELECT é FORM t WHERE (")).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(SyntaxError);
    expect(error).toMatchObject({ message: expect.stringContaining("syntax error") as string, at: expect.any(Number) as number });
    const here = (() => {
      try {
        return parseSync("SELECT é FORM t WHERE (");
      } catch (thrown) {
        return thrown as { message: string; sqlDetails: { cursorPosition: number } };
      }
    })() as { message: string; sqlDetails: { cursorPosition: number } };
    expect(error).toMatchObject({ message: here.message, at: here.sqlDetails.cursorPosition });
    await expect(asked((parser) => parser.parse("SELECT 1").stmts?.length)).resolves.toBe(1);
  });

  it.each([
    ["brackets", `SELECT ${"(".repeat(60_000)}1${")".repeat(60_000)}`],
    ["operators", `SELECT ${"1+".repeat(60_000)}1`],
    ["NOT", `SELECT ${"NOT ".repeat(40_000)}true`],
  ])("survives %s that are nested too deeply", async (_title, sql) => {
    await expect(asked((parser) => parser.parse(sql))).rejects.toThrow(/memory exhausted|call stack|too deep|stack depth/u);
    await expect(asked((parser) => parser.parse("SELECT 1").stmts?.length)).resolves.toBe(1);
  });

  it("answers several at once, each what it asked, long texts among them", async () => {
    const lengths = Array.from({ length: 30 }, (_, index) => (index % 7 === 3 ? 9_000 : index + 1));
    const counts = await Promise.all(
      lengths.map((length) =>
        thread.use(async (parser) => {
          const sql = `SELECT ${Array.from({ length }, (_, index) => index).join(",")}`;
          const first = parser.scan(sql).length;
          await Promise.resolve();
          return [first, parser.scan(sql).length];
        }),
      ),
    );
    expect(counts).toEqual(lengths.map((length) => [length * 2, length * 2]));
  });

  it("hands the same tree out again, which nobody can have changed, and remembers few", async () => {
    await thread.use(async (parser) => {
      const first = parser.parse("SELECT 1 AS a");
      expect(parser.parse("SELECT 1 AS a")).toBe(first);
      expect(() => Object.assign((first.stmts ?? [])[0] ?? {}, { stmt: null })).toThrow(TypeError);
      for (let index = 0; index < 150; index += 1) parser.parse(`SELECT ${String(index)}`);
      expect(parser.parse("SELECT 1 AS a")).not.toBe(first);
      expect(parser.parse("SELECT 1 AS a")).toEqual(first);
      const long = `SELECT ${"1, ".repeat(2000)}1`;
      expect(parser.parse(long)).not.toBe(parser.parse(long));
    });
  });

  it("can be used again after it was closed, and closed before it was used", async () => {
    await thread.close();
    await expect(asked((parser) => parser.parse("SELECT 1").stmts?.length)).resolves.toBe(1);
    await thread.close();
    await expect(asked((parser) => parser.parse("SELECT 1; SELECT 2").stmts?.length)).resolves.toBe(2);
  });

  it("fails at once, and not after a wait, for whoever still asks after the end", async () => {
    const late = thread.use(async (parser) => {
      await thread.close();
      return parser.parse("SELECT 'not asked before'");
    });
    await expect(late).rejects.toMatchObject({ code: "SYSTEM_UNAVAILABLE", done: "Nothing was done." });
  });
});

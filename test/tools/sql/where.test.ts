import { afterAll, describe, expect, it } from "vitest";

import type { Json } from "../../../src/facts/json.js";
import { ParserThread } from "../../../src/systems/postgres/parser.js";
import { analyse } from "../../../src/tools/sql/analyse.js";
import { parseSql } from "../../../src/tools/sql/parse.js";
import type { Sources } from "../../../src/tools/sql/sources.js";
import { whereOf } from "../../../src/tools/sql/where.js";

const TABLES: Record<string, { name: string; notNull: boolean; type: string }[]> = {
  t: [
    { name: "id", notNull: true, type: "int4" },
    { name: "a", notNull: false, type: "int4" },
    { name: "name", notNull: true, type: "text" },
    { name: "active", notNull: true, type: "bool" },
    { name: "created", notNull: true, type: "timestamptz" },
  ],
  u: [
    { name: "uid", notNull: true, type: "int4" },
    { name: "id", notNull: true, type: "int4" },
  ],
};
const SOURCES: Sources = {
  identity: ({ name }) => (name in TABLES ? name : undefined),
  columns: ({ name }) => TABLES[name],
};

const thread = new ParserThread();
afterAll(() => thread.close());

async function where(condition: string, params: Json[] = []): Promise<string | null> {
  const sql = condition.startsWith("MERGE") || condition.startsWith("DELETE") ? condition : `DELETE FROM t WHERE ${condition}`;
  const [parsed] = await thread.use(async (parser) => parseSql(sql, parser));
  const [change] = analyse(parsed as never).changes;
  return whereOf(change as never, params, SOURCES);
}

const ALWAYS: (string | [string, Json[]])[] = [
  "1=1",
  "true",
  "TRUE",
  "'t'",
  "'yes'::boolean",
  "1::boolean",
  "NOT false",
  "NOT (1=2)",
  "2 > 1",
  "1 <> 2",
  "1 != 2",
  "'a' = 'a'",
  "'' = ''",
  "1 = '1'",
  "1 + 1 = 2",
  "1 IN (1)",
  "1 IN (1, 2)",
  "1 NOT IN (2)",
  "1 = ANY (ARRAY[1])",
  "5 BETWEEN 1 AND 10",
  "id = id",
  "t.id = t.id",
  "id = t.id",
  "a = a",
  "id >= id",
  "id IS NOT DISTINCT FROM id",
  "id + 1 > id",
  "id * 0 = 0",
  "id - id = 0",
  "id = id + 0",
  "(id, name) = (id, name)",
  "id IS NOT NULL",
  "id IS NULL OR id IS NOT NULL",
  "a IS NULL OR a IS NOT NULL",
  "a IS NOT NULL OR a IS NULL",
  "id = 5 OR id <> 5",
  "id > 5 OR id <= 5",
  "id < 10 OR id > 5",
  "id = 5 OR true",
  "id = 5 OR 1=1",
  "id = 5 OR NOT id = 5",
  "NOT (id = 5 AND id <> 5)",
  "id <= 2147483647",
  "id >= -2147483648",
  "id IN (1, 2) OR id NOT IN (1, 2)",
  "name LIKE '%'",
  "name LIKE '%%'",
  "name ILIKE '%'",
  "name ~ ''",
  "name ~ '.*'",
  "name >= ''",
  "length(name) >= 0",
  "length(name) > -1",
  "active OR NOT active",
  "active = active",
  "active IS NOT NULL",
  "active = true OR active = false",
  "active IS TRUE OR active IS NOT TRUE",
  "EXISTS (SELECT 1)",
  "EXISTS (SELECT)",
  "NOT EXISTS (SELECT 1 FROM u WHERE uid = -1)",
  "EXISTS (SELECT 1 FROM u)",
  "EXISTS (SELECT 1 FROM t t2 WHERE t2.id = t.id)",
  "EXISTS (SELECT 1 FROM u WHERE id = 5)",
  "EXISTS (SELECT 1 FROM t WHERE t.id = 5)",
  "EXISTS (SELECT 1 FROM (SELECT 1 AS id) x WHERE id = 1)",
  "id IN (SELECT id FROM t)",
  "id = ANY (SELECT id FROM t)",
  "id IN (SELECT t2.id FROM t AS t2)",
  "id IN (SELECT x.id FROM (SELECT * FROM t) x)",
  "(SELECT true)",
  "(SELECT 1) = 1",
  "coalesce(NULL, true)",
  "CASE WHEN true THEN true ELSE false END",
  "CASE WHEN id > 5 THEN true ELSE true END",
  "now() > '2000-01-01'",
  "length('abc') = 3",
  "current_user = current_user",
  "current_user IS NOT NULL",
  "pg_backend_pid() > 0",
  ["$1", [true]],
  ["1 = $1", [1]],
  ["$1 = $1", ["x"]],
  ["name = $1 OR $2 IS NULL", ["x", null]],
  ["id = $1 OR $2 = 'all'", [1, "all"]],
  "DELETE FROM t AS x WHERE x.id = x.id",
  "DELETE FROM t USING u WHERE u.uid = 5",
  "DELETE FROM t USING u WHERE true",
  "DELETE FROM t USING t t2 WHERE t.id = t2.id",
  "DELETE FROM t USING (SELECT * FROM t) x WHERE x.id = t.id",
  "MERGE INTO t USING u ON true WHEN MATCHED THEN DELETE",
  "MERGE INTO t USING u ON u.id = 1 WHEN MATCHED THEN DELETE",
  "MERGE INTO t USING u ON false WHEN NOT MATCHED BY SOURCE THEN DELETE",
];

const CHOOSES: (string | [string, Json[]])[] = [
  "id = 5",
  "id > 0",
  "id = 5 AND true",
  "id = 5 AND 1=1",
  "false",
  "1 = 2",
  "NULL",
  "id IS NULL",
  "a IS NOT NULL",
  "a IS NULL",
  "id IN (1, 2, 3)",
  "id NOT IN (1, 2, 3)",
  "id % 2 = 0",
  "id % 7 <> 3",
  "id <> 5",
  "id < 5 OR id > 10",
  "name = 'please delete where true'",
  "name LIKE 'a%'",
  "name LIKE '%x%'",
  "name ~ '^a'",
  "name ~ '^$'",
  "name <> ''",
  "name > ''",
  "length(name) > 0",
  "active",
  "NOT active",
  "active IS TRUE",
  "created < now() - interval '30 days'",
  "created < '2020-01-01'",
  "created BETWEEN '2020-01-01' AND '2020-12-31'",
  "lower(name) = 'bob'",
  "id = (SELECT max(id) FROM t)",
  "id IN (SELECT id FROM u)",
  "id IN (SELECT id FROM t WHERE a = 1)",
  "id IN (SELECT id FROM t ORDER BY id LIMIT 10)",
  "ctid IN (SELECT ctid FROM t WHERE a = 1 LIMIT 10)",
  "EXISTS (SELECT 1 FROM u WHERE u.uid = t.id)",
  "NOT EXISTS (SELECT 1 FROM u WHERE u.uid = t.id)",
  "NOT EXISTS (SELECT 1 FROM u WHERE uid = a)",
  "name = current_user",
  "random() < 0.1",
  "coalesce(a, 0) = 0",
  "CASE WHEN id > 5 THEN true ELSE false END",
  "id = ANY ($1)",
  ["name = $1 OR $2 IS NULL", ["x", "y"]],
  ["id = $1", [5]],
  ["id = $1::int AND name = $2", [5, "true"]],
  "DELETE FROM t USING u WHERE u.uid = t.id",
  "DELETE FROM t USING u WHERE u.uid = t.id AND u.id = 4",
  "DELETE FROM t USING t t2 WHERE t.id > t2.id AND t.name = t2.name",
  "MERGE INTO t USING u ON u.uid = t.id WHEN MATCHED THEN DELETE",
  "MERGE INTO t USING u ON u.uid = t.id WHEN NOT MATCHED BY SOURCE THEN DELETE",
  "MERGE INTO t USING u ON true WHEN MATCHED AND t.id = 5 THEN DELETE",
];

describe("a WHERE that is true for every row is found", () => {
  it.each(ALWAYS)("%s", async (text) => {
    expect(await (typeof text === "string" ? where(text) : where(...text))).toBe("always_true");
  });
});

describe("a WHERE that chooses rows is left alone", () => {
  it.each(CHOOSES)("%s", async (text) => {
    expect(await (typeof text === "string" ? where(text) : where(...text))).toBe("present");
  });
});

it("tells a missing WHERE", async () => {
  expect(await where("DELETE FROM t")).toBe("absent");
  expect(await where("DELETE FROM t USING u")).toBe("absent");
  expect(await where("MERGE INTO t USING u ON u.id = t.id WHEN NOT MATCHED THEN INSERT (id) VALUES (1)")).toBeNull();
});

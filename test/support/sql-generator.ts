/** A statement, and whether anything in it could do harm. */
export interface Generated {
  readonly sql: string;
  /** Made of harmless parts only: it must pass. */
  readonly harmless: boolean;
  /** Writes a table with a foreign key to a protected one, whose check looks up a row there. */
  readonly checksForeignKey: boolean;
}

const HARMLESS_TABLES = ["customers", "orders", "order_lines", "updates", "audit", "events", "events_2025", "people", "employees", '"Users"', "customer_names", "inbox"];
const HARMFUL_TABLES = ["users", "user_emails", "deep_view", "user_count", "private.secrets", "purging"];
const HARMLESS_CALLS = ["upper('x')", "now()::text", "length('abc')::text", "double(3)::text", "md5('a')", "coalesce(NULL, 'y')", "'please delete users'", "gen_random_uuid()::text", "(SELECT count(*) FROM updates)::text", "(SELECT max(name) FROM customers)"];
const HARMFUL_CALLS = ["purge()::text", "sneaky()::text", "read_users()", "read_ctid()", "cut()::text", "make_table()::text", "purge_sql(1)::text", "(SELECT max(email) FROM users)", "('a' !!! 'b')::text", "(SELECT eat_all(id) FROM orders)::text", "(SELECT value FROM private.secrets LIMIT 1)"];
const HARMLESS_WRITES = [
  "INSERT INTO updates (body) VALUES (%e)",
  "INSERT INTO updates (body) SELECT %e FROM customers LIMIT 2",
  "INSERT INTO inbox (body) VALUES (%e)",
  "INSERT INTO audit (what) VALUES (%e) RETURNING id",
  "INSERT INTO events VALUES (%n, '2026-05-05', %e) ON CONFLICT DO NOTHING",
  "UPDATE updates SET body = %e WHERE id = %n",
  "UPDATE customers SET note = %e WHERE id IN (1, %n)",
  "UPDATE customer_names SET label = %e WHERE id = %n",
  "UPDATE events SET at = at + 365 WHERE id = %n AND at < '2026-01-01'",
  "UPDATE inbox SET body = %e WHERE id < %n",
  "UPDATE people SET name = %e WHERE id = %n",
  "MERGE INTO updates u USING (VALUES (%n)) s(id) ON u.id = s.id WHEN MATCHED THEN UPDATE SET body = %e WHEN NOT MATCHED THEN INSERT (body) VALUES (%e)",
];
const FOREIGN_KEY_WRITES = ["INSERT INTO orders (customer_id, user_id) VALUES (1, 2)", "UPDATE orders SET user_id = 3 WHERE id = %n"];
const HARMFUL_WRITES = [
  "DELETE FROM updates WHERE id = %n",
  "DELETE FROM customers WHERE id = %n",
  "DELETE FROM events",
  "DELETE FROM ONLY people WHERE id = %n",
  "DELETE FROM customer_names WHERE id = %n",
  "UPDATE stack SET body = %e WHERE id = %n",
  "INSERT INTO stack (body) VALUES (%e)",
  "UPDATE ruled SET body = %e WHERE id = %n",
  "INSERT INTO lookups (body) VALUES (%e)",
  "INSERT INTO deferred VALUES (%n + 1000)",
  "INSERT INTO users (email) VALUES (%e)",
  "UPDATE user_emails SET mail = %e WHERE id = %n",
  "UPDATE users SET balance = %n",
  "TRUNCATE updates",
  "TRUNCATE customers CASCADE",
  "MERGE INTO updates u USING customers c ON u.id = c.id WHEN MATCHED THEN DELETE",
  "DROP TABLE updates",
  "DROP VIEW customer_names",
  "ALTER TABLE updates ADD COLUMN x int",
  "CREATE TABLE made (id int)",
  "CREATE VIEW made AS SELECT * FROM users",
  "CREATE INDEX ON updates (body)",
  "SELECT * INTO made FROM updates",
  "GRANT SELECT ON updates TO PUBLIC",
  "DO $$ BEGIN DELETE FROM updates; END $$",
  "WITH d AS (DELETE FROM updates WHERE id = %n RETURNING *) SELECT count(*) FROM d",
  "WITH u AS (UPDATE users SET balance = 1 RETURNING id) SELECT %e FROM u",
];

/** Statements over the world of sql-world.ts, the same for the same seed. */
export class SqlGenerator {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  next(): Generated {
    const harmless = this.#chance(0.6);
    const checksForeignKey = harmless && this.#chance(0.1);
    if (checksForeignKey) return { sql: this.#fill(this.#pick(FOREIGN_KEY_WRITES), true), harmless, checksForeignKey };
    const core = harmless || this.#chance(0.5) ? this.#read(harmless) : this.#fill(this.#pick(HARMFUL_WRITES), this.#chance(0.7));
    const statement = harmless && this.#chance(0.45) ? this.#fill(this.#pick(HARMLESS_WRITES), true) : core;
    return { sql: this.#dress(statement), harmless, checksForeignKey };
  }

  /** Mulberry32. */
  #random(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  }

  #chance(probability: number): boolean {
    return this.#random() < probability;
  }

  #pick<Item>(items: readonly Item[]): Item {
    return items[Math.floor(this.#random() * items.length)] as Item;
  }

  #fill(template: string, harmless: boolean): string {
    return template.replaceAll(/%[en]/g, (hole) => (hole === "%n" ? String(1 + Math.floor(this.#random() * 5)) : this.#call(harmless)));
  }

  #call(harmless: boolean): string {
    return this.#pick(harmless || this.#chance(0.3) ? HARMLESS_CALLS : HARMFUL_CALLS);
  }

  #table(harmless: boolean): string {
    const name = this.#pick(harmless ? HARMLESS_TABLES : HARMFUL_TABLES);
    if (name.includes(".") || name.startsWith('"')) return name;
    const spellings = [name, name, `public.${name}`, `"${name}"`, name.toUpperCase(), `"public"."${name}"`, `U&"${name[0]}\\${name.charCodeAt(1).toString(16).padStart(4, "0")}${name.slice(2)}"`];
    return this.#pick(spellings);
  }

  #read(harmless: boolean): string {
    const bad = this.#chance(0.5);
    const table = this.#table(harmless || bad);
    const call = this.#call(harmless || !bad);
    return this.#pick([
      `SELECT ${call}`,
      `SELECT *, ${call} AS c FROM ${table}`,
      `SELECT count(*), ${call} FROM ${table} AS x`,
      `SELECT c.name, ${call} FROM customers c WHERE EXISTS (SELECT 1 FROM ${table})`,
      `SELECT ${call} FROM (SELECT * FROM ${table}) AS sub`,
      `WITH w AS (SELECT ${call} AS v FROM ${table}) SELECT * FROM w`,
      `SELECT ${call} UNION ALL SELECT 'x' FROM ${table}`,
      `SELECT * FROM customers c, LATERAL (SELECT ${call} AS v FROM ${table} LIMIT 1) l`,
      `SELECT CASE WHEN EXISTS (TABLE ${table}) THEN ${call} END`,
      `SELECT v FROM (VALUES (${call})) AS t(v), ${table} AS y LIMIT 3`,
    ]);
  }

  #dress(statement: string): string {
    const isDml = /^(?:SELECT|WITH|INSERT|UPDATE|DELETE|MERGE)/.test(statement) && !statement.includes(" INTO made");
    const choice = this.#random();
    if (choice < 0.1 && isDml) return `EXPLAIN (ANALYZE) ${statement}`;
    if (choice < 0.2) return `SELECT 1; ${statement}`;
    if (choice < 0.3) return `${statement}; SELECT 'done'`;
    if (choice < 0.4) return `/* ${this.#pick(["DROP TABLE users", "safe", "--"])} */ ${statement} -- end`;
    return statement;
  }
}

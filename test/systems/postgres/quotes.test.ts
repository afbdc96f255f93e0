import { afterAll, describe, expect, it } from "vitest";

import { parseSql } from "../../../src/tools/sql/parse.js";
import { ParserThread } from "../../../src/systems/postgres/parser.js";
import { withoutValues } from "../../../src/systems/postgres/quotes.js";

/** Key-shaped, and no key: put together here so that no scanner takes this file for a leak. */
const PEM_LINE = ["MIIEvQIBADANBgkqhkiG9w0BAQ", "EFAASCBKcwggSjAgEAAoIBAQ", "C7VJTUt9Us8c"].join("");
const TAIL = ["dGhl", "IGVuZA", "=="].join("");
const CLOUD_KEY = ["AKIA", "IOSFODNN7", "ABCDEFG"].join("");
const TOKEN = ["ghp", "_16C7e42F292c69", "12E7710c838347Ae178B4a"].join("");

describe("a quote that could be a secret is dropped", () => {
  it.each([PEM_LINE, TAIL, CLOUD_KEY, TOKEN, "4111111111111111", "123-45-6789", `'${PEM_LINE}`, `$x$ ${PEM_LINE}\n${TAIL}`, "x".repeat(61), "a1b2c3d4e5f60718", "Tr0ub4dor", `"${TOKEN}`])("%s", (secret) => {
    expect(withoutValues(`syntax error at or near "${secret}"`)).toBe("syntax error");
    const simple = secret.replaceAll('"', "");
    expect(withoutValues(`invalid input syntax for type integer: "${simple}"`)).toBe('invalid input syntax for type integer: "…"');
    expect(withoutValues(`Syntaxfehler bei »${simple}«, Zeile 1`)).toBe("Syntaxfehler bei »…«, Zeile 1");
  });
});

const thread = new ParserThread();
afterAll(() => thread.close());

describe("a key that is pasted into a statement does not come back in the reason", () => {
  const header = ["-----BEGIN PRIV", "ATE KEY-----"].join("");
  it.each([
    `${header}\n${PEM_LINE}\n${TAIL}`,
    `INSERT INTO keys VALUES ('a', ${PEM_LINE} ${TAIL})`,
    `INSERT INTO keys VALUES ('${header}\n${PEM_LINE}\n${TAIL}`,
    `SELECT "${PEM_LINE}`,
    `SELECT $k$${PEM_LINE}`,
    `SELECT 1 ${TOKEN} ${TOKEN}`,
    `SELECT '${PEM_LINE}' '${TOKEN}'`,
    `SELECT 12${TOKEN}`,
    `SELECT E'\\u${PEM_LINE}'`,
  ])("%s", async (sql) => {
    const { message } = (await thread.use(async (parser) => parseSql(sql, parser)).catch((thrown: unknown) => thrown)) as Error;
    expect(message).toMatch(/^PostgreSQL cannot read this SQL: /);
    for (const part of [PEM_LINE, TAIL, TOKEN, PEM_LINE.slice(5, 30), TOKEN.slice(4, 20)]) expect(message).not.toContain(part);
  });
});

describe("a quote that reads like a name stays", () => {
  it.each([
    'syntax error at or near "SELEC"',
    'syntax error at or near ","',
    'syntax error at or near "2"',
    'relation "public.orders_2024" does not exist',
    'column "createdAt" does not exist',
    'null value in column "Weird Name" of relation "t" violates not-null constraint',
    'duplicate key value violates unique constraint "users_email_key1"',
    'date/time field value out of range: "2024-13-45"',
    'value "70000" is out of range for type smallint',
    'type "character varying(20)" does not exist',
    "division by zero",
  ])("%s", (message) => {
    expect(withoutValues(message)).toBe(message);
  });
});

import { describe, expect, test } from "vitest";

import { extensionOf, extensionsOf, hasExtension, plainName } from "../../src/facts/file.js";

const has = (name: string, listed: string): boolean => hasExtension(extensionOf(name), plainName(listed));

describe("names that have the extension", () => {
  test.each([
    [".env", ".env"],
    ["prod.env", ".env"],
    [".ENV", ".env"],
    [".env", ".ENV"],
    ["Prod.Env", ".env"],
    [".env.local", ".env"],
    [".env.production", ".env"],
    [".env.production.local", ".env"],
    [".env.test", ".env"],
    [".env.json", ".env"],
    [".env.js", ".env"],
    ["config.env.ts", ".env"],
    ["config.env.bak", ".env"],
    ["config.env.2026-11-22", ".env"],
    [".env~", ".env"],
    ["#.env#", ".env"],
    ["..env.swp", ".env"],
    [".env.swp", ".env"],
    [".env-old", ".env"],
    [".env_prod", ".env"],
    [".env copy", ".env"],
    [".env (1)", ".env"],
    [".env.", ".env"],
    [".env ", ".env"],
    [".env...", ".env"],
    ["．env", ".env"],
    [".ｅｎｖ", ".env"],
    [".e\u200Bnv", ".env"],
    [".env\uFE0F", ".env"],
    [".en\u00ADv", ".env"],
    ["server.key", ".key"],
    ["server.KEY", ".key"],
    ["server.key.old", ".key"],
    ["id.pem.gz", ".pem"],
    ["backup.tar.gz", ".tar.gz"],
    ["backup.tar.gz", ".gz"],
    ["backup.tar.gz.part1", ".tar.gz"],
    [".env.example", ".env.example"],
    ["prod.env.example", ".env.example"],
    [".env.example", ".example"],
    [".envrc", ".envrc"],
    ["\u212Aeys.\u212Aey", ".key"],
  ])("%j has %s", (name, listed) => {
    expect(has(name, listed)).toBe(true);
  });
});

describe("look-alikes that are free", () => {
  test.each([
    [".env.example", ".env"],
    [".env.sample", ".env"],
    [".env.template", ".env"],
    [".env.local.example", ".env"],
    [".ENV.EXAMPLE", ".env"],
    [".env-example", ".env"],
    ["prod.env.sample", ".env"],
    [".envrc", ".env"],
    [".environment", ".env"],
    ["environment.ts", ".env"],
    ["env.ts", ".env"],
    ["env", ".env"],
    ["env/", ".env"],
    ["vite-env.d.ts", ".env"],
    ["my.envelope", ".env"],
    ["keyboard.js", ".key"],
    ["monkey", ".key"],
    ["key", ".key"],
    ["public.key.ts", ".key"],
    ["primary.key.test.ts", ".key"],
    ["about.pem.md", ".pem"],
    ["a.keys", ".key"],
    ["a.tar", ".tar.gz"],
    ["a.gz.tar", ".tar.gz"],
    ["", ".env"],
    [".", ".env"],
    ["..", ".env"],
    ["Makefile", ".env"],
  ])("%j has not %s", (name, listed) => {
    expect(has(name, listed)).toBe(false);
  });
});

test("extensions are sorted, without repetitions, and nothing for names without one", () => {
  expect(extensionsOf(["b.TS", "a.ts", "Makefile", ".env.local", "x.tar.gz", "é.ＴＸＴ"])).toEqual([".env.local", ".tar.gz", ".ts", ".txt"]);
});

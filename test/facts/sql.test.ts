import { describe, expect, it } from "vitest";

import { nameMatches, quoteName, splitName, tableOption } from "../../src/facts/sql.js";

describe("a table in the options means what SQL would mean", () => {
  it.each([
    ["users", "public.users", true],
    ["users", "private.users", true],
    ["public.users", "public.users", true],
    ["private.users", "public.users", false],
    ["Users", "public.users", true],
    ["Users", 'public."Users"', true],
    ["USERS", "public.users", true],
    ["users", 'public."Users"', false],
    ['"Users"', "public.users", false],
    ['"Users"', 'public."Users"', true],
    ['"Weird Name"', 'public."Weird Name"', true],
    ["Weird Name", 'public."Weird Name"', true],
    ['public."Weird Name"', 'public."Weird Name"', true],
    ['"a""b"', 'public."a""b"', true],
    ['"a.b"', 'public."a.b"', true],
    ["a.b", 'public."a.b"', false],
    ["users", "public.user_settings", false],
    ["sers", "public.users", false],
    ["public", "public.users", false],
    ["a.public.users", "public.users", false],
    // PostgreSQL folds only the letters of ASCII, and keeps 63 bytes of a name.
    ["KÄSE", 'public."kÄse"', true],
    ["KÄSE", 'public."käse"', true],
    ["x".repeat(70), `public.${"x".repeat(63)}`, true],
    ["X".repeat(70), `public.${"x".repeat(63)}`, true],
    [`"${"x".repeat(70)}"`, `public.${"x".repeat(63)}`, true],
    ["é".repeat(40), `public."${"é".repeat(31)}"`, true],
    ["x".repeat(62), `public.${"x".repeat(63)}`, false],
  ])("%s and %s: %s", (option, name, expected) => {
    expect(nameMatches(option, name)).toBe(expected);
  });

  it("compares columns in any case when asked to", () => {
    expect(nameMatches("SSN", 'public.users."Ssn"', "any case")).toBe(true);
    expect(nameMatches("users.ssn", "public.users.ssn", "any case")).toBe(true);
    expect(nameMatches('"SSN"', "public.users.ssn", "any case")).toBe(false);
    expect(nameMatches("S".repeat(70), `public.users."${"s".repeat(63)}"`, "any case")).toBe(true);
  });

  it("refuses names that are none", () => {
    const isName = (text: string): boolean => tableOption.safeParse(text).success;
    expect(["", " ", ".", "users.", ".users", '"users', 'a"b"', "a.b.c"].filter(isName)).toEqual([]);
    expect(["users", "public.users", '"Weird Name"', 'a."b.c"'].filter((text) => !isName(text))).toEqual([]);
  });

  it("writes names as PostgreSQL reads them", () => {
    expect(["users", "Users", "a b", 'a"b', "é"].map(quoteName)).toEqual(["users", '"Users"', '"a b"', '"a""b"', '"é"']);
    expect(splitName('a."b""c".d')?.map((part) => part.text)).toEqual(["a", 'b"c', "d"]);
  });
});

import { describe, expect, test } from "vitest";

import { ambientSchema, instantOf, isFreezeOn } from "../../src/facts/time.js";
import { unknown } from "../../src/facts/unknown.js";

describe("ENACT_FREEZE", () => {
  test.each(["1", "true", "yes", "on", "YES", "2", "until friday", "freeze", "n0", "offline", "00", "null"])("'%s' is a freeze", (value) => {
    expect(isFreezeOn(value)).toBe(true);
  });

  test.each(["", " ", "\t\n", "0", "false", "FALSE", "no", "No ", " off", "OFF", " off "])("'%s' is none", (value) => {
    expect(isFreezeOn(value)).toBe(false);
  });

  test("not set is none", () => {
    expect(isFreezeOn(null)).toBe(false);
  });
});

describe("instants", () => {
  test.each([
    ["2026-12-20T00:00:00Z", "2026-12-20T00:00:00.000Z"],
    ["2026-12-20T00:00Z", "2026-12-20T00:00:00.000Z"],
    ["2026-12-20T01:30:00.5+01:30", "2026-12-20T00:00:00.500Z"],
    ["2026-12-20T00:00:00-0800", "2026-12-20T08:00:00.000Z"],
    ["2028-02-29T23:59:59Z", "2028-02-29T23:59:59.000Z"],
  ])("%s", (text, instant) => {
    expect(new Date(instantOf(text) ?? 0).toISOString()).toBe(instant);
  });

  test.each([
    "2026-12-20",
    "2026-12-20T00:00:00",
    "2026-12-20 00:00:00Z",
    "2026-02-30T00:00:00Z",
    "2026-13-01T00:00:00Z",
    "2026-12-20T24:00:00Z",
    "2026-12-20T00:60:00Z",
    "2026-12-20T00:00:00+25:00",
    "20 December 2026",
    "1766188800",
    "2026-12-20T00:00:00Z; rm",
    "",
  ])("'%s' is none", (text) => {
    expect(instantOf(text)).toBeNull();
  });
});

test("the environment's facts are exactly these, and the file may be unknown", () => {
  expect(ambientSchema.safeParse({ freeze_env: null, freeze_file: null }).success).toBe(true);
  expect(ambientSchema.safeParse({ freeze_env: "1", freeze_file: { reason: "" } }).success).toBe(true);
  expect(ambientSchema.safeParse({ freeze_env: "1", freeze_file: unknown("cannot be read") }).success).toBe(true);
  expect(ambientSchema.safeParse({ freeze_env: 1, freeze_file: null }).success).toBe(false);
  expect(ambientSchema.safeParse({ freeze_file: null }).success).toBe(false);
});

import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ZodError } from "zod";

import { withinMaintenanceWindow, withinMaintenanceWindowPolicy, withinMaintenanceWindowWith } from "../../../src/policies/time/index.js";
import { judgeCall } from "../../support/policy-tester.js";

const passes = (policy: Parameters<typeof judgeCall>[0], now: string) => judgeCall(policy, { workflow: "git_push", payload: {}, now }).passed;
const clock = (minute: number) => `${String(Math.floor(minute / 60)).padStart(2, "0")}:${String(minute % 60).padStart(2, "0")}`;
const DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"] as const;

describe("hours of UTC", () => {
  test.each([
    [2, 6, "02:00:00.000", true],
    [2, 6, "05:59:59.999", true],
    [2, 6, "06:00:00.000", false],
    [2, 6, "01:59:59.999", false],
    [22, 6, "22:00:00.000", true],
    [22, 6, "00:00:00.000", true],
    [22, 6, "05:59:59.999", true],
    [22, 6, "06:00:00.000", false],
    [22, 6, "21:59:59.999", false],
    [3, 3, "03:00:00.000", false],
    [0, 0, "00:00:00.000", false],
    [20, 24, "23:59:59.999", true],
    [20, 24, "00:00:00.000", false],
    [23, 0, "23:30:00.000", true],
    [23, 0, "00:00:00.000", false],
  ])("%i to %i at %s: %s", (start, end, time, open) => {
    expect(passes(withinMaintenanceWindow(start, end), `2026-11-22T${time}Z`)).toBe(open);
  });
});

describe("a window on the clock of a time zone", () => {
  const fridayNight = withinMaintenanceWindowWith({ start: "22:00", end: "02:00", time_zone: "Europe/Berlin", days: ["fri"] });

  test.each([
    ["Friday 21:59:59 in Berlin", "2026-11-20T20:59:59Z", false],
    ["Friday 22:00 in Berlin", "2026-11-20T21:00:00Z", true],
    ["Saturday 01:59:59 in Berlin: it began on Friday", "2026-11-21T00:59:59Z", true],
    ["Saturday 02:00 in Berlin", "2026-11-21T01:00:00Z", false],
    ["Saturday 22:30 in Berlin", "2026-11-21T21:30:00Z", false],
    ["Friday 00:30 in Berlin: that window would have begun on Thursday", "2026-11-19T23:30:00Z", false],
    ["Friday 23:30 in UTC is Saturday 00:30 in Berlin", "2026-11-20T23:30:00Z", true],
    ["the same wall clock in summer is an hour earlier in UTC", "2026-07-17T20:00:00Z", true],
    ["and an hour later it has long begun", "2026-07-17T21:00:00Z", true],
    ["and it ends an hour earlier too", "2026-07-18T00:00:00Z", false],
  ])("%s", (_name, now, open) => {
    expect(passes(fridayNight, now)).toBe(open);
  });

  test("an hour that daylight saving skips does not open, one that comes twice opens twice", () => {
    const twoToThree = withinMaintenanceWindowWith({ start: "02:00", end: "03:00", time_zone: "Europe/Berlin" });
    const openMinutes = (day: string) => {
      const from = Date.parse(`${day}T00:00:00Z`) - 3 * 3_600_000;
      return Array.from({ length: 24 * 60 }, (_, minute) => new Date(from + minute * 60_000).toISOString()).filter((now) => passes(twoToThree, now)).length;
    };
    expect(openMinutes("2026-03-29")).toBe(0);
    expect(openMinutes("2026-10-25")).toBe(120);
    expect(openMinutes("2026-11-22")).toBe(60);
  });

  test("agrees with the rule of the law for Berlin at every moment of 2026", () => {
    // Central European Summer Time, directive 2000/84/EC: from the last Sunday of March to that of October, 01:00 UTC.
    const summer = [Date.parse("2026-03-29T01:00:00Z"), Date.parse("2026-10-25T01:00:00Z")] as const;
    const expected = (instant: number, start: number, end: number, days: readonly string[]) => {
      const local = new Date(instant + (instant >= summer[0] && instant < summer[1] ? 7_200_000 : 3_600_000));
      const minute = local.getUTCHours() * 60 + local.getUTCMinutes();
      const began = start > end && minute < end ? new Date(local.getTime() - 86_400_000) : local;
      const inside = start > end ? minute >= start || minute < end : minute >= start && minute < end;
      return inside && days.includes(DAYS[began.getUTCDay()] ?? "");
    };
    const minute = fc.integer({ min: 0, max: 1439 });
    // Half of the moments near a border: of the window, of a day, of daylight saving.
    const instant = fc.oneof(
      fc.integer({ min: Date.parse("2026-01-01T00:00:00Z"), max: Date.parse("2026-12-31T00:00:00Z") }),
      fc.tuple(fc.constantFrom(...summer), fc.integer({ min: -7_200, max: 7_200 })).map(([at, seconds]) => at + seconds * 1000),
    );
    fc.assert(
      fc.property(minute, minute, fc.subarray([...DAYS], { minLength: 1 }), instant, fc.boolean(), (start, end, days, at, nearStart) => {
        const moment = nearStart ? at - (at % 86_400_000) + (start - 60) * 60_000 : at;
        const policy = withinMaintenanceWindowWith({ start: clock(start), end: clock(end), time_zone: "Europe/Berlin", days });
        const open = passes(policy, new Date(moment).toISOString());
        expect(open).toBe(expected(moment, start, end, days));
      }),
      { seed: 149, numRuns: 400 },
    );
  });

  test("zones with half hours, and those beyond the date line, count their own days", () => {
    const india = withinMaintenanceWindowWith({ start: "00:00", end: "01:00", time_zone: "Asia/Kolkata", days: ["mon"] });
    expect(passes(india, "2026-11-22T18:30:00Z")).toBe(true);
    expect(passes(india, "2026-11-22T19:30:00Z")).toBe(false);
    const kiritimati = withinMaintenanceWindowWith({ start: "09:00", end: "17:00", time_zone: "Pacific/Kiritimati", days: ["mon"] });
    expect(passes(kiritimati, "2026-11-22T19:00:00Z")).toBe(true);
  });

  test("24:00 is the end of the day", () => {
    const monday = withinMaintenanceWindowWith({ start: "00:00", end: "24:00", days: ["mon"] });
    expect(passes(monday, "2026-11-23T23:59:59Z")).toBe(true);
    expect(passes(monday, "2026-11-24T00:00:00Z")).toBe(false);
  });

  test("the reason says what time it is and when the window is", () => {
    const result = judgeCall(fridayNight, { workflow: "git_push", payload: {}, now: "2026-11-20T20:00:00Z" });
    expect(result.reason).toBe("It is fri 21:00 Europe/Berlin, and the window is fri 22:00–02:00 Europe/Berlin");
  });
});

describe("options", () => {
  test.each([
    ["nothing", {}],
    ["half", { start_hour_utc: 2 }],
    ["half", { start: "02:00" }],
    ["both forms", { start_hour_utc: 2, end_hour_utc: 4, start: "02:00", end: "04:00" }],
    ["both forms", { start_hour_utc: 2, end_hour_utc: 4, time_zone: "Europe/Berlin" }],
    ["a zone that is none", { start: "02:00", end: "04:00", time_zone: "Europe/Berlín" }],
    ["a zone that is none", { start: "02:00", end: "04:00", time_zone: "Mars/Olympus" }],
    ["an empty zone", { start: "02:00", end: "04:00", time_zone: "" }],
    ["a day that is none", { start: "02:00", end: "04:00", days: ["monday"] }],
    ["no day", { start: "02:00", end: "04:00", days: [] }],
    ["an hour that is none", { start_hour_utc: 25, end_hour_utc: 4 }],
    ["half an hour", { start_hour_utc: 2.5, end_hour_utc: 4 }],
    ["a time that is none", { start: "2am", end: "04:00" }],
    ["a time that is none", { start: "02:60", end: "04:00" }],
    ["a start at the end of the day", { start: "24:00", end: "24:00", days: [] }],
    ["a window that is always open", { start_hour_utc: 0, end_hour_utc: 24 }],
    ["a window that is always open", { start: "00:00", end: "24:00", time_zone: "Asia/Tokyo" }],
  ])("%s is refused: %j", (_name, options) => {
    expect(() => withinMaintenanceWindowPolicy.create(options)).toThrow(ZodError);
  });

  test("an invalid zone is named in the error", () => {
    expect(() => withinMaintenanceWindowPolicy.create({ start: "02:00", end: "04:00", time_zone: "Mars/Olympus" })).toThrow(/time_zone[\s\S]*Europe\/Berlin|Europe\/Berlin[\s\S]*time_zone/);
  });

  test("reads may pass outside when the options say so", () => {
    const policy = withinMaintenanceWindowWith({ start: "02:00", end: "04:00", allow_reads: true });
    expect(judgeCall(policy, { workflow: "file_read", payload: {}, now: "2026-11-22T12:00:00Z" }).passed).toBe(true);
    expect(judgeCall(policy, { workflow: "file_write", payload: {}, now: "2026-11-22T12:00:00Z" }).passed).toBe(false);
  });
});

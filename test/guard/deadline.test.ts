import { getEventListeners } from "node:events";

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { lookInTime } from "../../src/guard/deadline.js";

const LIMIT = 50_000;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe("a look that must end in time", () => {
  it("gives what was found, and leaves nothing behind that would keep the call in memory", async () => {
    const caller = new AbortController();
    await expect(lookInTime(() => Promise.resolve("found"), LIMIT, caller.signal)).resolves.toBe("found");
    expect(vi.getTimerCount()).toBe(0);
    expect(getEventListeners(caller.signal, "abort")).toHaveLength(0);
  });

  it("leaves nothing behind when the look fails, at once or later", async () => {
    const caller = new AbortController();
    const failing = [() => Promise.reject(new Error("later")), (): never => { throw new Error("at once"); }];
    for (const look of failing) await expect(lookInTime(look, LIMIT, caller.signal)).rejects.toThrow(/later|at once/u);
    expect(vi.getTimerCount()).toBe(0);
    expect(getEventListeners(caller.signal, "abort")).toHaveLength(0);
  });

  it("tells the look to stop and blocks the call when time is over", async () => {
    let heard = false;
    const found = lookInTime((signal) => {
      signal.addEventListener("abort", () => (heard = true));
      return new Promise(() => undefined);
    }, LIMIT, undefined);
    const [answer] = await Promise.allSettled([found, vi.advanceTimersByTimeAsync(LIMIT)]);
    expect(answer).toMatchObject({ status: "rejected", reason: { code: "TIMEOUT", done: "Nothing was done." } });
    expect(heard).toBe(true);
  });

  it.each(["before", "meanwhile"])("blocks the call when the caller gives up %s", async (when) => {
    const caller = new AbortController();
    if (when === "before") caller.abort();
    let heard: AbortSignal | undefined;
    const found = lookInTime((signal) => {
      heard = signal;
      return new Promise(() => undefined);
    }, LIMIT, caller.signal);
    caller.abort();
    await expect(found).rejects.toMatchObject({ code: "CANCELLED" });
    expect(heard?.aborted).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
  });
});

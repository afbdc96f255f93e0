import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { Housekeeping } from "../../src/mcp/housekeeping.js";

const MB = 1024 * 1024;

/** A heap whose garbage the test decides. */
function heapOf(live: number) {
  return {
    live,
    garbage: 0,
    collections: 0,
    cannot: false,
    size() {
      return (this.live + this.garbage) * MB;
    },
    async collect() {
      this.collections += 1;
      if (this.cannot) throw new Error("built without an inspector");
      this.garbage = 0;
    },
  };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe("between calls", () => {
  it("collects what the start has left, at the first pause", async () => {
    const heap = heapOf(20);
    void new Housekeeping(heap);
    await vi.advanceTimersByTimeAsync(1500);
    expect(heap.collections).toBe(0);
    await vi.advanceTimersByTimeAsync(1000);
    expect(heap.collections).toBe(1);
  });

  it("waits for a pause, and collects once in it", async () => {
    const heap = heapOf(20);
    const keeper = new Housekeeping(heap);
    for (let call = 0; call < 20; call += 1) {
      heap.garbage += 0.4;
      keeper.answered();
      await vi.advanceTimersByTimeAsync(1000);
    }
    expect(heap.collections).toBe(0);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(heap.collections).toBe(1);
    expect(heap.garbage).toBe(0);
  });

  it("leaves a little garbage lie", async () => {
    const heap = heapOf(20);
    const keeper = new Housekeeping(heap);
    await vi.advanceTimersByTimeAsync(3000);
    heap.garbage = 3;
    keeper.answered();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(heap.collections).toBe(1);
  });

  it("does not wait for a pause when there is too much", async () => {
    const heap = heapOf(20);
    const keeper = new Housekeeping(heap);
    let most = 0;
    for (let call = 0; call < 500; call += 1) {
      heap.garbage += 0.4;
      most = Math.max(most, heap.garbage);
      keeper.answered();
      await vi.advanceTimersByTimeAsync(5);
    }
    expect(most).toBeLessThan(20);
    expect(heap.collections).toBeGreaterThan(5);
    expect(heap.collections).toBeLessThan(25);
  });

  it("does not collect again and again what is in use", async () => {
    const heap = heapOf(20);
    const keeper = new Housekeeping(heap);
    heap.live = 200;
    for (let call = 0; call < 100; call += 1) {
      keeper.answered();
      await vi.advanceTimersByTimeAsync(3000);
    }
    expect(heap.collections).toBe(1);
  });

  it("gives up where it cannot collect", async () => {
    const heap = heapOf(20);
    heap.cannot = true;
    const keeper = new Housekeeping(heap);
    for (let call = 0; call < 10; call += 1) {
      heap.garbage += 20;
      keeper.answered();
      await vi.advanceTimersByTimeAsync(3000);
    }
    expect(heap.collections).toBe(1);
  });
});

it("really gives memory back", async () => {
  vi.useRealTimers();
  const { getHeapStatistics } = await import("node:v8");
  const keeper = new Housekeeping();
  const junk: object[] = [];
  for (let index = 0; index < 400_000; index += 1) junk.push({ index, list: [index] });
  const before = getHeapStatistics().total_physical_size;
  junk.length = 0;
  keeper.answered();
  await vi.waitFor(() => expect(getHeapStatistics().total_physical_size).toBeLessThan(before - 20 * MB), { timeout: 20_000, interval: 50 });
}, 30_000);

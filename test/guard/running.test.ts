import { expect, it } from "vitest";

import { Running } from "../../src/guard/running.js";

it("waits until none is running, however each of them ends", async () => {
  const running = new Running();
  const ends: (() => void)[] = [];
  const done = running.track(new Promise<string>((resolve) => void ends.push(() => resolve("done"))));
  const broken = running.track(new Promise<string>((_resolve, reject) => void ends.push(() => reject(new Error("broken")))));
  let isOver = false;
  const none = running.none().then(() => (isOver = true));

  ends[0]?.();
  await expect(done).resolves.toBe("done");
  expect(isOver).toBe(false);
  ends[1]?.();
  await expect(broken).rejects.toThrow("broken");
  await none;
  expect(isOver).toBe(true);
});

it("does not wait when nothing runs, and can wait again", async () => {
  const running = new Running();
  await running.none();
  const work = running.track(Promise.resolve(1));
  const waited = await Promise.all([running.none().then(() => "none"), running.none().then(() => "none"), work]);
  expect(waited).toEqual(["none", "none", 1]);
});

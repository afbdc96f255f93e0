import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

import { plainJson } from "../../src/facts/json.js";

class Strange {
  readonly a = 1;
}

describe("plain JSON", () => {
  test("is copied as it is, frozen all the way down", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const copy = plainJson(value, "value");
        expect(copy).toEqual(value);
        const parts: unknown[] = [copy];
        for (let part = parts.pop(); part !== undefined; part = parts.pop()) {
          if (typeof part !== "object" || part === null) continue;
          expect(Object.isFrozen(part)).toBe(true);
          parts.push(...Object.values(part));
        }
      }),
    );
  });

  test("a member called __proto__ neither vanishes nor changes the copy", () => {
    const copy = plainJson(JSON.parse('{"__proto__":{"admin":true},"b":1}'), "value") as object;
    expect(JSON.stringify(copy)).toBe('{"__proto__":{"admin":true},"b":1}');
    expect(Object.getPrototypeOf(copy)).toBe(Object.prototype);
    expect(Reflect.get({ ...copy }, "admin")).toBeUndefined();
  });

  test("a getter is asked once: it cannot show another value to whoever comes next", () => {
    let reads = 0;
    const value = Object.defineProperty({}, "amount", { enumerable: true, get: () => (reads += 1) });
    expect(plainJson(value, "value")).toEqual({ amount: 1 });
    expect(reads).toBe(1);
  });

  test.each([
    ["a Date", { at: [new Date(0)] }, "step.at[0]: a Date is not plain JSON"],
    ["a class instance", [{ a: new Strange() }], "step[0].a: a Strange is not plain JSON"],
    ["a hole in a list", { a: Array.from({ length: 2 }).fill(1, 0, 1) }, "step.a[1]: undefined is not plain JSON"],
    ["NaN", { a: { b: Number.NaN } }, "step.a.b: NaN is not plain JSON"],
    ["half a character", ["\ud800"], "step[0]: text with a lone surrogate is not plain JSON"],
    ["half a character in a name", { a: { "\udc00": 1 } }, "step.a: a key with a lone surrogate is not plain JSON"],
    ["nothing at all", undefined, "step: undefined is not plain JSON"],
  ])("%s is refused, and the message says where", (_title, value, message) => {
    expect(() => plainJson(value, "step")).toThrow(new TypeError(message));
  });

  test("after a list was left, the place that is named is not in it", () => {
    expect(() => plainJson({ a: [1, [2]], b: { c: 1n } }, "step")).toThrow("step.b.c: bigint");
  });
});

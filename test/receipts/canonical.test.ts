import canonicalize from "canonicalize";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

import { canonicalJson, digest, isCanonical, planDigest } from "../../src/receipts/canonical.js";
import type { JsonValue } from "../../src/receipts/receipt.js";

/** Expected texts are those of RFC 8785, sections 3.2.2, 3.2.3 and appendix B. */
const RFC_8785: readonly (readonly [string, unknown, string])[] = [
  [
    "the example of section 3.2.2",
    { numbers: [333333333.3333333, 1e30, 4.5, 2e-3, 0.000000000000000000000000001], string: "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"/", literals: [null, true, false] },
    '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
  ],
  [
    "the order of section 3.2.3, by UTF-16 code units",
    { "\u20ac": 1, "\r": 2, "\ufb33": 3, "1": 4, "\ud83d\ude00": 5, "\u0080": 6, "\u00f6": 7 },
    '{"\\r":2,"1":4,"\u0080":6,"ö":7,"€":1,"😀":5,"\ufb33":3}',
  ],
  ["minus zero", -0, "0"],
  ["the smallest number", 5e-324, "5e-324"],
  ["the largest whole number", 9007199254740992, "9007199254740992"],
  ["a number that looks whole", 1.0, "1"],
  ["members that look like an index", { 10: "a", 9: "b", 1: "c" }, '{"1":"c","10":"a","9":"b"}'],
  ["a member called __proto__", JSON.parse('{"__proto__":{"a":1},"a":2}'), '{"__proto__":{"a":1},"a":2}'],
  ["a member whose value is undefined", { a: undefined, b: 1 }, '{"b":1}'],
];

test.each(RFC_8785)("writes %s as RFC 8785 does", (_title, value, text) => {
  expect(canonicalJson(value)).toBe(text);
});

class Sneaky {
  secret = 1;
}
const cycle: unknown[] = [];
cycle.push(cycle);
let deep: unknown = 0;
for (let level = 0; level < 100_000; level += 1) deep = [deep];

test.each([
  ["a Date", { at: new Date(0) }, "value.at: a Date"],
  ["a Map", { map: new Map([["a", 1]]) }, "value.map: a Map"],
  ["a Set", [new Set([1])], "value[0]: a Set"],
  ["a class instance", { a: [new Sneaky()] }, "value.a[0]: a Sneaky"],
  ["a bigint", { rows: 1n }, "value.rows: bigint"],
  ["NaN", [Number.NaN], "value[0]: NaN"],
  ["infinity", { n: Number.POSITIVE_INFINITY }, "value.n: Infinity"],
  ["a function", { f: () => 1 }, "value.f: function"],
  ["undefined in a list", [undefined], "value[0]: undefined"],
  // oxlint-disable-next-line no-sparse-arrays
  ["a hole in a list", [1, , 2], "value[1]: undefined"],
  ["nothing at all", undefined, "value: undefined"],
  ["half a character", { s: "\ud800" }, "value.s: text with a lone surrogate"],
  ["half a character in a name", { "\udc00": 1 }, "a key with a lone surrogate"],
  ["a value that contains itself", cycle, "nested deeper"],
  ["a value that is too deep for any stack", deep, "nested deeper"],
])("refuses %s instead of changing it silently", (_title, value, message) => {
  expect(() => canonicalJson(value)).toThrow(message);
});

test("a getter cannot show one thing to the check and another to the signature", () => {
  let reads = 0;
  const value = Object.defineProperty({}, "amount", { enumerable: true, get: () => (reads += 1) });
  expect(canonicalJson(value)).toBe('{"amount":1}');
  expect(reads).toBe(1);
});

describe("isCanonical", () => {
  const seen = fc.jsonValue({ maxDepth: 4 }).map((value) => JSON.parse(JSON.stringify(value)) as JsonValue);

  test("accepts exactly the text that canonicalJson writes, for any value and any spelling of it", () => {
    fc.assert(
      fc.property(seen, fc.nat(4), (value, indent) => {
        const canonical = canonicalJson(value);
        expect(isCanonical(canonical, JSON.parse(canonical) as JsonValue)).toBe(true);
        expect(canonical).toBe(canonicalize(value));
        const other = JSON.stringify(value, null, indent);
        expect(isCanonical(other, JSON.parse(other) as JsonValue)).toBe(other === canonical);
      }),
      { seed: 8785, numRuns: 1000 },
    );
  });

  test.each([
    ["a member named twice", '{"a":1,"a":1}'],
    ["a member named twice, the second wins", '{"decision":"BLOCK","decision":"PASS"}'],
    ["1.0 for 1", '{"a":1.0}'],
    ["1e0 for 1", '{"a":1e0}'],
    ["minus zero", '{"a":-0}'],
    ["a number that rounds", '{"a":1.00000000000000000001}'],
    ["an escape that is not needed", '{"a":"\\u0061"}'],
    ["an escaped slash", '{"a":"\\/"}'],
    ["another case of an escape", '{"a":"\\u000F"}'],
    ["a space", '{"a": 1}'],
    ["a line end behind", '{"a":1}\n'],
    ["another order", '{"b":1,"a":2}'],
    ["an order by number", '{"9":1,"10":2}'],
    ["half a character", '{"a":"\\ud800"}'],
    ["a pair of escapes for a character", '{"a":"\\ud83d\\ude00"}'],
    ["a byte order mark", '\ufeff{"a":1}'],
    ["too deep nesting", `${"[".repeat(501)}${"]".repeat(501)}`],
  ])("refuses %s", (_title, text) => {
    const parsed = JSON.parse(text.replace("\ufeff", "")) as JsonValue;
    expect(isCanonical(text, parsed)).toBe(false);
  });

  test("is not misled by text that spells an escape", () => {
    const text = canonicalJson({ note: "write \\ud800 like this" });
    expect(isCanonical(text, JSON.parse(text) as JsonValue)).toBe(true);
  });
});

test("a digest names its algorithm and is over the canonical text", () => {
  expect(digest({ b: 1, a: [] })).toBe(digest(JSON.parse('{ "a": [], "b": 1.0 }')));
  expect(digest("")).toBe("sha256:12ae32cb1ec02d01eda3581b127c1fee3b0dc53572ed6baf239721a03d82e126");
});

test("the plan digest binds every part of a plan", () => {
  const plan = { workflow: "git_push", payload: { a: 1 }, step: { b: 2 }, identity: { c: 3 }, config_digest: "sha256:0" };
  const others = [
    { ...plan, workflow: "git_commit" },
    { ...plan, payload: { a: 2 } },
    { ...plan, step: { b: "2" } },
    { ...plan, identity: {} },
    { ...plan, config_digest: "sha256:1" },
    // Moved from one part to another: joined texts would not tell these apart.
    { ...plan, payload: { b: 2 }, step: { a: 1 } },
  ];
  const digests = [plan, ...others].map(planDigest);
  expect(new Set(digests).size).toBe(digests.length);
  expect(planDigest({ ...plan, extra: 1 } as never)).toBe(planDigest(plan));
});

import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

import { findSecrets } from "../../src/facts/secrets.js";
import type { JsonValue } from "../../src/receipts/receipt.js";
import type { FindSecrets, SecretSpan } from "../../src/receipts/redact.js";
import { Redactor } from "../../src/receipts/redact.js";
import { secretName } from "../../src/receipts/secret-names.js";

const redact = (value: JsonValue, find: FindSecrets, known: readonly string[]) => new Redactor(find, known).redact(value);
const nothing = (): readonly SecretSpan[] => [];
const bare = (value: JsonValue, known: readonly string[] = []) => redact(value, nothing, known);

/** Finds the word XSECRETX, so that these tests do not hang on the real detector. */
const marked = (text: string): readonly SecretSpan[] =>
  [...text.matchAll(/XSECRETX/g)].map(({ index }) => ({ kind: "marked", start: index, end: index + 8 }));

test("what the detector finds goes, wherever it stands, and the receipt says where", () => {
  const value = { a: ["XSECRETX", { "b/c~d": "key XSECRETX and XSECRETX." }], n: 1, ok: true, nil: null };
  expect(redact(value, marked, [])).toEqual({
    value: { a: ["[redacted:marked]", { "b/c~d": "key [redacted:marked] and [redacted:marked]." }], n: 1, ok: true, nil: null },
    redacted: ["/a/0", "/a/1/b~1c~0d"],
  });
});

test("a secret used as a name goes too, and its pointer does not repeat it", () => {
  const { value, redacted } = redact({ XSECRETX: { XSECRETX: 1 }, "[redacted:marked]": 2 }, marked, []);
  expect(value).toEqual({ "[redacted:marked]": { "[redacted:marked]": 1 }, "[redacted:marked]#2": 2 });
  expect(redacted).toEqual(["/[redacted:marked]", "/[redacted:marked]/[redacted:marked]", "/[redacted:marked]#2"].toSorted());
  expect(JSON.stringify(redacted)).not.toContain("XSECRETX");
});

test("a member called __proto__ neither vanishes nor changes the copy", () => {
  const value = JSON.parse('{"__proto__":{"x":"XSECRETX"}}') as JsonValue;
  const copy = redact(value, marked, []).value;
  expect(JSON.stringify(copy)).toBe('{"__proto__":{"x":"[redacted:marked]"}}');
  expect(Object.getPrototypeOf(copy)).toBe(Object.prototype);
});

describe("a detector that fails hides everything rather than nothing", () => {
  const answers: readonly (readonly [string, unknown])[] = [
    ["throws", null],
    ["answers nothing", undefined],
    ["answers no list", { length: 1 }],
    ["begins behind the end", [{ kind: "x", start: 5, end: 2 }]],
    ["ends behind the text", [{ kind: "x", start: 0, end: 900 }]],
    ["begins before the text", [{ kind: "x", start: -1, end: 2 }]],
    ["is empty", [{ kind: "x", start: 3, end: 3 }]],
    ["is no number", [{ kind: "x", start: Number.NaN, end: 4 }]],
    ["has mistyped members", [{ kind: "x", from: 0, to: 4 }]],
    ["has no kind", [{ start: 0, end: 4 }]],
    ["holds nothing", [null]],
  ];
  test.each(answers)("one that %s", (_title, answer) => {
    const broken = (): readonly SecretSpan[] => {
      if (answer === null) throw new Error("the text was hunter2-hunter2");
      return answer as readonly SecretSpan[];
    };
    const result = redact({ text: "hunter2-hunter2", n: 1 }, broken, []);
    expect(result.value).toMatchObject({ "[redacted:unchecked]": "[redacted:unchecked]" });
    expect(JSON.stringify(result)).not.toContain("hunter2");
    expect(result.redacted.length).toBeGreaterThan(0);
  });

  test("one that cuts a character in half", () => {
    const half = (text: string): readonly SecretSpan[] => (text.includes("😀") ? [{ kind: "x", start: 0, end: 1 }] : []);
    expect(redact({ text: "😀hunter2" }, half, []).value).toEqual({ text: "[redacted:unchecked]" });
  });

  test("a kind that is no name does not get into the text", () => {
    const odd = (): readonly SecretSpan[] => [{ kind: "hunter2 \n[redacted", start: 0, end: 1 }];
    expect(redact("x", odd, []).value).toBe("[redacted:secret]");
  });

  test("a list of known secrets that cannot be read is an error, not an empty list", () => {
    expect(() => bare("x", [undefined as never])).toThrow(TypeError);
    expect(() => bare("x", null as never)).toThrow(TypeError);
  });
});

describe("known secrets go wherever they appear", () => {
  const known = "p@ss/w0rd:1 %";

  test.each([
    ["as they are", known],
    ["inside a longer word", `xx${known}yy`],
    ["percent-encoded", `postgres://u:${encodeURIComponent(known)}@h/db`],
    ["percent-encoded in small letters", encodeURIComponent(known).toLowerCase()],
    ["in base64", `Authorization: ${Buffer.from(known).toString("base64")}`],
    ["in base64url", Buffer.from(known).toString("base64url")],
    ["twice, overlapping nothing", `${known}${known}`],
  ])("%s", (_title, text) => {
    const { value, redacted } = bare({ text }, [known]);
    expect(redacted).toEqual(["/text"]);
    for (const form of [known, encodeURIComponent(known), Buffer.from(known).toString("base64url")]) {
      expect(JSON.stringify(value)).not.toContain(form);
    }
    expect(JSON.stringify(value)).toMatch(/\[redacted:(known_secret|url_password)\]/);
  });

  test("as a name, and as a number", () => {
    expect(bare({ [known]: 12345678 }, [known, "12345678"])).toEqual({
      value: { "[redacted:known_secret]": "[redacted:known_secret]" },
      redacted: ["/[redacted:known_secret]"],
    });
  });

  test("overlapping occurrences leave no rest", () => {
    expect(bare("abab1abab1abab", ["abab1abab"]).value).toBe("[redacted:known_secret]");
  });

  test("a short one, or a plain word, only as a word of its own: texts must stay readable", () => {
    expect(bare("SELECT 1 FROM abc, abcd; 'abc'", ["abc"]).value).toBe("SELECT 1 FROM [redacted:known_secret], abcd; '[redacted:known_secret]'");
    expect(bare("postgresql is not postgres", ["postgres"]).value).toBe("postgresql is not [redacted:known_secret]");
  });

  test("an empty one redacts nothing", () => {
    expect(bare("abc", [""])).toEqual({ value: "abc", redacted: [] });
  });
});

describe("passwords in URLs", () => {
  test.each([
    ["postgres://app:hunter2@db.example.com/x", "postgres://app:[redacted:url_password]@db.example.com/x"],
    ["postgres://app:p@ss:w@rd@db/x", "postgres://app:[redacted:url_password]@db/x"],
    ["https://:hunter2@h", "https://:[redacted:url_password]@h"],
    ["git clone https://u:hunter2@h/a.git and smtp://a:b@h", "git clone https://u:[redacted:url_password]@h/a.git and smtp://a:[redacted:url_password]@h"],
    ["https://0123456789abcdef0123@github.com/o/r", "https://[redacted:url_password]@github.com/o/r"],
  ])("%s", (text, clean) => {
    expect(bare(text)).toEqual({ value: clean, redacted: [""] });
  });

  test.each([
    "https://example.com:443/a@b", "http://localhost:3000/@scope/pkg", "ssh://git@github.com/o/r.git", "git@github.com:o/r.git",
    "https://user@example.com/", "mailto:bob@example.com", "https://example.com/?q=a:b@c", "s3://bucket/key", "https://u:@h/",
  ])("%s holds none", (text) => {
    expect(bare(text)).toEqual({ value: text, redacted: [] });
  });
});

describe("names that tell of a secret", () => {
  test.each([
    "password", "PASSWORD", "db_password", "dbPassword", "new-password", "passwd", "pwd", "token", "accessToken", "access_token",
    "Authorization", "X-Api-Key", "apiKey", "apikey", "APIKey", "api_key", "client_secret", "clientSecret", "aws_secret_access_key",
    "private_key", "cookie", "Set-Cookie", "passphrase", "password_hash", "SMTP.pass", "ｐａｓｓｗｏｒｄ", "bearer",
  ])("%s", (name) => {
    expect(secretName(name)).toBe("one");
    expect(bare({ [name]: "hunter2" })).toEqual({ value: { [name]: "[redacted:named_secret]" }, redacted: [`/${name}`] });
    expect(bare({ [name]: { deep: ["hunter2", 7, true, null, ""] } }).value).toEqual({
      [name]: { deep: ["[redacted:named_secret]", "[redacted:named_secret]", true, null, ""] },
    });
  });

  test.each([
    "token_count", "secrets_found", "max_tokens_used", "password_changed_at", "has_password_field", "key", "keys", "tokenizer", "secretary", "author",
    "authorized", "passed", "compass_bearings", "token_type", "next_page_token", "continuationToken", "access_key_id", "monkey", "keyboard",
    "public_key", "passes", "path", "",
  ])("%s tells of none", (name) => {
    expect(secretName(name)).toBe(false);
    expect(bare({ [name]: "hunter2" }).redacted).toEqual([]);
  });

  test("facts about secrets stay: a list of objects, a count, a yes or no, what is not known", () => {
    const facts = {
      secrets: [{ kind: "aws_key", where: "line 3" }], tokens: 812, credentials: { source: "environment" }, has_password: true, password: null,
      token: { $unknown: "the server did not say" },
    };
    expect(bare(facts)).toEqual({ value: facts, redacted: [] });
    expect(bare({ secrets: ["hunter2", { kind: "x" }], passwords: "hunter2" })).toEqual({
      value: { secrets: ["[redacted:named_secret]", { kind: "x" }], passwords: "[redacted:named_secret]" },
      redacted: ["/passwords", "/secrets/0"],
    });
  });
});

test("redacting twice changes nothing", () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 3 }), fc.array(fc.string({ minLength: 1, maxLength: 12 }), { maxLength: 3 }), (json, known) => {
      // A known secret that is part of a mark would be found in the mark itself.
      fc.pre(known.every((secret) => !/[a-z_[\]:]/i.test(secret)));
      const value = JSON.parse(JSON.stringify(json)) as JsonValue;
      const once = redact(value, marked, known);
      const twice = redact(once.value, marked, known);
      expect(JSON.stringify(twice.value)).toBe(JSON.stringify(once.value));
    }),
    { seed: 7, numRuns: 500 },
  );
});

test("no known secret survives anywhere, whatever surrounds it", () => {
  const secret = "Zq9-known_secret/42+x";
  fc.assert(
    fc.property(fc.string(), fc.string(), fc.jsonValue({ maxDepth: 2 }), (before, after, rest) => {
      const value = JSON.parse(JSON.stringify({ [`${before}${secret}`]: [`${before}${secret}${after}`, rest], s: `${secret}${after}` })) as JsonValue;
      const { value: clean, redacted } = bare(value, [secret]);
      expect(JSON.stringify({ clean, redacted })).not.toContain(secret);
    }),
    { seed: 8, numRuns: 500 },
  );
});

test("works with the real detector", () => {
  const token = `ghp_${"aB3".repeat(12)}`;
  const { value, redacted } = redact({ note: `use ${token} for it`, [token]: 1 }, findSecrets, []);
  expect(JSON.stringify({ value, redacted })).not.toContain(token);
  expect(redacted).toHaveLength(2);
});

describe("what a redactor remembers from one receipt to the next", () => {
  test("is what was harmless: that is not looked at again, and a secret is taken out each time", () => {
    const asked: string[] = [];
    const redactor = new Redactor((text) => {
      asked.push(text);
      return marked(text);
    }, ["hunter2-hunter2"]);
    const value = { reason: "No rows are deleted", note: "XSECRETX", known: "hunter2-hunter2", XSECRETX: 1 };
    const [first, second] = [redactor.redact(value), redactor.redact(value)];
    expect(second).toEqual(first);
    expect(JSON.stringify(second)).not.toMatch(/XSECRETX|hunter2/u);
    expect(asked.filter((text) => text === "No rows are deleted")).toHaveLength(1);
    expect(asked.filter((text) => text === "XSECRETX")).toHaveLength(4);
  });

  test("is little, however much it has seen", () => {
    let asked = 0;
    const redactor = new Redactor((text) => {
      asked += 1;
      return marked(text);
    }, []);
    const long = "x".repeat(5000);
    const again = () => redactor.redact([long, ...Array.from({ length: 3000 }, (_, index) => `text ${String(index)}`), "XSECRETX"]);
    expect((again().value as unknown[]).at(-1)).toBe("[redacted:marked]");
    asked = 0;
    expect((again().value as unknown[]).at(-1)).toBe("[redacted:marked]");
    expect(asked).toBeGreaterThan(1000);
  });
});

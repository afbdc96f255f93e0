import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

import { asciiDomain, parseAddress } from "../../src/facts/email.js";

const at = (local: string, domain = "example.com") => `${local}@${domain}`;
const parsed = (text: string) => {
  const result = parseAddress(text);
  if ("problem" in result) throw new Error(`${text}: ${result.problem}`);
  return result;
};
const problem = (text: string) => {
  const result = parseAddress(text);
  return "problem" in result ? result.problem : `taken as ${result.address}`;
};

describe("one address", () => {
  test.each([
    ["bob@example.com", "bob@example.com", "bob@example.com", null],
    ["  bob@example.com\t", "bob@example.com", "bob@example.com", null],
    ["<bob@example.com>", "bob@example.com", "bob@example.com", null],
    ["Bob <bob@example.com>", "bob@example.com", "bob@example.com", "Bob"],
    ["Bob<bob@example.com>", "bob@example.com", "bob@example.com", "Bob"],
    ['"Smith, Bob" <bob@example.com>', "bob@example.com", "bob@example.com", "Smith, Bob"],
    ['"Bob \\"the\\" Smith" <bob@example.com>', "bob@example.com", "bob@example.com", 'Bob "the" Smith'],
    ["John Q. Public <jqp@example.com>", "jqp@example.com", "jqp@example.com", "John Q. Public"],
    ["Jürgen Müller <jm@example.com>", "jm@example.com", "jm@example.com", "Jürgen Müller"],
    ['"bob@example.com" <bob@example.com>', "bob@example.com", "bob@example.com", "bob@example.com"],
    ["bob@example.com (Bob, of the (second) kind)", "bob@example.com", "bob@example.com", null],
    ["bob(a comment)@example.com", "bob@example.com", "bob@example.com", null],
    ["bob @ example.com", "bob@example.com", "bob@example.com", null],
    ["Bob@Example.COM", "Bob@example.com", "bob@example.com", null],
    ["bob+news@example.com", "bob+news@example.com", "bob@example.com", null],
    ["Bob+A+B@example.com", "Bob+A+B@example.com", "bob@example.com", null],
    ["+bob@example.com", "+bob@example.com", "+bob@example.com", null],
    ["o'brien@example.com", "o'brien@example.com", "o'brien@example.com", null],
    ["b_o-b.x@mail.example.co.uk", "b_o-b.x@mail.example.co.uk", "b_o-b.x@mail.example.co.uk", null],
    ['"bob"@example.com', "bob@example.com", "bob@example.com", null],
    ['"bob+x"@example.com', "bob+x@example.com", "bob@example.com", null],
    ['"b..b"@example.com', '"b..b"@example.com', '"b..b"@example.com', null],
    ["bob@bücher.example", "bob@xn--bcher-kva.example", "bob@xn--bcher-kva.example", null],
    ["bob@XN--bcher-KVA.example", "bob@xn--bcher-kva.example", "bob@xn--bcher-kva.example", null],
    ["bob@exаmple.com", "bob@xn--exmple-4nf.com", "bob@xn--exmple-4nf.com", null],
    ["bob@ｅｘａｍｐｌｅ.com", "bob@example.com", "bob@example.com", null],
    ["jürgen@example.com", "jürgen@example.com", "jürgen@example.com", null],
    ["b.o.b+x@gmail.com", "b.o.b+x@gmail.com", "bob@gmail.com", null],
    ["bob@googlemail.com", "bob@googlemail.com", "bob@gmail.com", null],
    ["bob@localhost", "bob@localhost", "bob@localhost", null],
  ])("%s", (text, address, normalised, name) => {
    expect(parseAddress(text)).toEqual({ address, normalised, name });
  });
});

describe("what is not one address, or is read in different ways", () => {
  test.each([
    ["", "empty"],
    ["   ", "empty"],
    ["bob", "no @"],
    ["Bob <bob>", "no @"],
    ["@example.com", "nothing before"],
    ["bob@", "nothing behind"],
    ["bob@example.com, eve@evil.example", "more than one"],
    ["bob@example.com,", "more than one"],
    ["bob@example.com;eve@evil.example", "group"],
    ["bob@example.com eve@evil.example", "more than one"],
    ["Bob <bob@example.com>, Eve <eve@evil.example>", "more than one"],
    ["<bob@example.com> <eve@evil.example>", "more than one"],
    ["bob@example.com <eve@evil.example>", "more than one"],
    ["<bob@example.com> eve", "more than one"],
    ["Team: bob@example.com, eve@evil.example;", "more than one"],
    ["Team: bob@example.com;", "group"],
    ["undisclosed-recipients:;", "group"],
    ["mailto:bob@example.com", "group"],
    ["<@evil.example,@b.example:bob@example.com>", "more than one"],
    ["<@evil.example:bob@example.com>", "group"],
    ["bob@example.com\r\nBcc: eve@evil.example", "line break"],
    ["bob@example.com\nRCPT TO:<eve@evil.example>", "line break"],
    ["bob@example.com\u2028eve@evil.example", "line break"],
    ["bob\0@example.com", "control"],
    ["\ud800@example.com", "control"],
    ["bob@@example.com", "more than one @"],
    ["bob@evil.example@example.com", "more than one @"],
    ["eve%evil.example@example.com", "relays"],
    ["evil.example!eve@example.com", "relays"],
    ['"eve@evil.example x"@example.com', "servers read"],
    ['"eve@evil.example"@example.com', "servers read"],
    ['"a,b"@example.com', "servers read"],
    ['"bob smith"@example.com', "servers read"],
    ['"a\\"b"@example.com', "servers read"],
    ['"a> ORCPT=x"@example.com', "servers read"],
    ['"eve%evil.example"@example.com', "servers read"],
    ['""@example.com', "servers read"],
    [".bob@example.com", "not"],
    ["bob.@example.com", "not"],
    ["b..b@example.com", "not"],
    ["bob .smith@example.com", "not"],
    ["bob＠example.com", "no @"],
    ["bob@example.com＠evil.example", "domain"],
    ["b\u200bob@example.com", "character"],
    ["bob@exam\u00adple.com", "domain"],
    ["bob@exam\u200bple.com", "domain"],
    ["bob@[127.0.0.1]", "numeric"],
    ["bob@127.0.0.1", "domain"],
    ["bob@0x7f.1", "domain"],
    ["bob@example.com.", "domain"],
    ["bob@-example.com", "domain"],
    ["bob@exa_mple.com", "domain"],
    ["bob@example..com", "domain"],
    ["bob@example.com/path", "domain"],
    ["bob@example.com:25", "group"],
    ["bob@example.com#x", "domain"],
    ["bob@%65xample.com", "domain"],
    ["bob@xn--a.com", "domain"],
    [at("x".repeat(65)), "longer"],
    [at("bob", `${"a".repeat(64)}.com`), "domain"],
    [at("bobby-tables", Array.from({ length: 50 }, () => "abcd").join(".")), "longer"],
    ["x".repeat(600), "longer"],
    ['"bob@example.com', "not closed"],
    ["bob@example.com (comment", "not closed"],
    ["Bob <bob@example.com", "more than one"],
    ["bob@example.com>", "without"],
    ['"ceo@company.com" <eve@evil.example>', "another address"],
    ["ceo＠company.com <eve@evil.example>", "another address"],
    ["=?utf-8?Q?ceo=40company.com?= <eve@evil.example>", "MIME's encoding"],
    ['"=?UTF-8*en?b?Y2VvQGNvbXBhbnkuY29t?=" <eve@evil.example>', "MIME's encoding"],
    ['"Bob\u202e" <eve@evil.example>', "invisible"],
    ["Bob] <bob@example.com>", "quote the name"],
  ])("%j is refused: %s", (text, why) => {
    expect(problem(text)).toContain(why);
  });
});

describe("names of domains", () => {
  test.each([
    ["Company.com", "company.com"],
    ["münchen.de", "xn--mnchen-3ya.de"],
    ["MÜNCHEN.de", "xn--mnchen-3ya.de"],
    ["co", "co"],
  ])("%s is %s", (domain, ascii) => {
    expect(asciiDomain(domain)).toBe(ascii);
  });

  test.each(["", ".", "a b.com", "a@b.com", "http://a.com", "a.com/", "a.com:1", "*.com", "1.2.3.4", "a_b.com", "-a.com", "a%2ecom", "a".repeat(254)])("'%s' is none", (domain) => {
    expect(asciiDomain(domain)).toBeNull();
  });
});

test("whatever is taken is one plain address for a mail server, and stays the same when it is read again", () => {
  const piece = fc.constantFrom("bob", "eve", "@", "@", ".", "example", "com", ".com", "<", ">", '"', ",", ";", ":", " ", "(", ")", "\\", "+", "%", "!", "\r\n", "ü", "а", "\u200b", "[", "]", "＠", "Bob <", "xn--", "\t");
  fc.assert(
    fc.property(fc.array(piece, { minLength: 3, maxLength: 14 }), (pieces) => {
      const result = parseAddress(pieces.join(""));
      if ("problem" in result) return;
      expect(result.address).toMatch(/^(?:[^\s@"<>,;:\\()[\]%!]+|"[^@"<>,;:\\()[\]\r\n]+")@[a-z0-9.-]+$/u);
      expect(parsed(result.address).address).toBe(result.address);
      expect(parsed(result.address).normalised).toBe(result.normalised);
      expect(parsed(result.normalised).normalised).toBe(result.normalised);
    }),
    { seed: 149, numRuns: 5_000 },
  );
});

test("a hostile address is read in linear time", () => {
  for (const text of ["(".repeat(512), '"'.repeat(511), "<".repeat(512), "a.".repeat(256), "\\".repeat(512), "@".repeat(512)]) {
    const began = performance.now();
    for (let round = 0; round < 50; round += 1) parseAddress(text);
    expect(performance.now() - began).toBeLessThan(500);
  }
});

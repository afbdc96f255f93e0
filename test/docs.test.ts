import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

interface Pages {
  readonly fillRegions: (text: string, regions: Readonly<Record<string, string>>, path: string) => string;
}
interface Texts {
  readonly yaml: (value: unknown) => string;
  readonly kind: (schema: object) => string;
  readonly table: (heads: readonly string[], rows: readonly (readonly string[])[]) => string;
}

const script = (name: string): string => new URL(`../scripts/${name}`, import.meta.url).href;

describe("the printed documentation", () => {
  test("is current", () => {
    const check = () => execFileSync(process.execPath, [fileURLToPath(script("docs.mjs")), "--check"], { encoding: "utf8", stdio: "pipe" });
    expect(check()).toBe("The documentation is current.\n");
  });

  test("fills the marked regions again and again, and leaves the rest alone", async () => {
    const { fillRegions } = (await import(script("docs/configuration.mjs"))) as Pages;
    const page = "before\n<!-- generated:a -->\nold $1\n<!-- /generated -->\nbetween\n<!-- generated:b --><!-- /generated -->\nafter\n";
    const filled = fillRegions(page, { a: "new $& A", b: "B" }, "x.md");
    expect(filled).toBe("before\n<!-- generated:a -->\n\nnew $& A\n\n<!-- /generated -->\nbetween\n<!-- generated:b -->\n\nB\n\n<!-- /generated -->\nafter\n");
    expect(fillRegions(filled, { a: "new $& A", b: "B" }, "x.md")).toBe(filled);
  });

  test("fails on a mark that is misspelt or not closed, rather than leaving old text", async () => {
    const { fillRegions } = (await import(script("docs/configuration.mjs"))) as Pages;
    expect(() => fillRegions("<!-- generated:polices -->\n<!-- /generated -->", { policies: "" }, "x.md")).toThrow("x.md: there is no table polices");
    expect(() => fillRegions("<!-- generated:a -->\nold", { a: "" }, "x.md")).toThrow("x.md: a mark is not closed");
  });

  test("writes values as one would in enact.yaml, and cells that stay in their table", async () => {
    const { yaml, kind, table } = (await import(script("docs/text.mjs"))) as Texts;
    expect(yaml({ a: ["x y", "5", "true", ""], b: 5, c: null })).toBe('{ a: [x y, "5", "true", ""], b: 5, c: null }');
    expect(kind({ anyOf: [{ type: "object", properties: { $unknown: { type: "string" } } }, { type: ["string", "null"] }] })).toBe("text or nothing or unknown");
    expect(kind({ type: "array", items: { type: "integer" } })).toBe("list of whole number");
    expect(table(["a"], [["x | y\nz"]])).toBe("| a |\n| --- |\n| x \\| y z |");
  });
});

import { createHash, generateKeyPairSync } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { Browser } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";

import type { NoteSigner } from "../../src/receipts/checkpoint.js";
import { checkpointText, noteSigner, originOf, signNote } from "../../src/receipts/checkpoint.js";
import { proofText } from "../../src/receipts/checkpoint-proof.js";
import { digestBytes } from "../../src/receipts/canonical.js";
import { MerkleTree, NodePath, leafHash } from "../../src/receipts/merkle.js";
import { ed25519Key, hmacKey } from "../../src/receipts/signing.js";
import { chainOf, newKey, someDrafts } from "../support/chains.js";
import { draft } from "../support/ledger-sandbox.js";
import type { GivenFile } from "../support/verifier-page.js";
import { VERIFIER, VerifierPage, whyNoBrowser } from "../support/verifier-page.js";

const reason = whyNoBrowser();
const SECRET = "a secret of the tests, long enough to be one";
const pem = generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" }) as string;
const signer = noteSigner(pem);
const key = ed25519Key(pem);
const PUBLIC: GivenFile = { name: "ed25519.pub", content: signer.pem };
const { texts, head } = chainOf(someDrafts(8), key);
const log = (lines: readonly string[] = texts): GivenFile => ({ name: "receipts.jsonl", content: lines.map((text) => `${text}\n`).join("") });

/** A checkpoint over the first lines of a log, as a file. */
function kept(size: number, lines: readonly string[] = texts, by: NoteSigner = signer, name = `checkpoint-${size}.txt`): GivenFile {
  const tree = new MerkleTree();
  for (const text of lines.slice(0, size)) tree.append(leafHash(Buffer.from(text)));
  const origin = originOf(digestBytes(lines[0] ?? ""));
  return { name, content: signNote(checkpointText({ origin, size, root: tree.root() }), origin, by) };
}

const inclusion = (index: number, entry = texts[index] ?? ""): GivenFile => {
  const path = NodePath.ofLeaf(index);
  const tree = new MerkleTree([path]);
  for (const text of texts) tree.append(leafHash(Buffer.from(text)));
  const note = String(kept(texts.length).content);
  return { name: "one.tlog-proof", content: proofText({ kind: "inclusion", index, path: path.auditPath(tree), entry: Buffer.from(entry), note }) };
};
const consistency = (oldSize: number): GivenFile => {
  const path = NodePath.fromSize(oldSize);
  const tree = new MerkleTree([path]);
  for (const text of texts) tree.append(leafHash(Buffer.from(text)));
  return { name: "since.txt", content: proofText({ kind: "consistency", oldSize, path: path.consistencyProof(tree), note: String(kept(texts.length).content) }) };
};

test("the page's policy names the very script and style that it holds, and lets nothing else in", () => {
  const page = readFileSync(VERIFIER, "utf8");
  const [, policy = ""] = /http-equiv="Content-Security-Policy" content="([^"]+)"/u.exec(page) ?? [];
  const hashOf = (tag: string) => `'sha256-${createHash("sha256").update(new RegExp(`<${tag}>([^]*?)</${tag}>`, "u").exec(page)?.[1] ?? "").digest("base64")}'`;
  expect(policy.split("; "), "run: node scripts/verifier.mjs").toEqual([
    "default-src 'none'", `script-src ${hashOf("script")}`, `style-src ${hashOf("style")}`, "connect-src 'none'", "form-action 'none'", "base-uri 'none'",
    "require-trusted-types-for 'script'", "trusted-types 'none'",
  ]);
  expect(page.match(/<script/gu)).toHaveLength(1);
  expect(page).not.toMatch(/innerHTML|outerHTML|insertAdjacent|document\.write|\beval\b|new Function|https?:\/\/|\bimport\b\s*[({"']|localStorage|sessionStorage|indexedDB|cookie/u);
});

describe.skipIf(reason !== undefined)(`the page that checks exports${reason === undefined ? "" : ` (skipped: ${reason})`}`, () => {
  let browser: Browser;
  let opened: VerifierPage;
  beforeAll(async () => {
    browser = await VerifierPage.browser();
  });
  afterAll(() => browser.close());
  beforeEach(async () => {
    opened = await VerifierPage.open(browser);
  });
  afterEach(async () => {
    await opened.page.close();
    const heard = [...opened.errors, ...opened.requests];
    if (heard.length > 0) throw new Error(`the page had errors, or asked for something: ${heard.join("; ")}`);
  });

  describe("kept checkpoints", () => {
    test("hold, at every size that is asked for at once", async () => {
      const said = await opened.check([log(), PUBLIC, ...[1, 2, 3, 17, 32, 63, 64].map((size) => kept(size))]);
      expect(said).toMatchObject({ mood: "good", entries: 64 });
      expect(said.checks.filter((name) => name === "Checkpoint:good")).toHaveLength(7);
      expect(said.checks).toContain("End:good");
    });

    test("of fewer receipts than the log: the end beyond them is not proved", async () => {
      expect((await opened.check([log(), PUBLIC, kept(40)])).checks).toContain("End:open");
      expect((await opened.check([log(), PUBLIC])).checks).toContain("End:open");
    });

    test("show that the end was cut, although all that is left is right", async () => {
      const said = await opened.check([log(texts.slice(0, 50)), PUBLIC, kept(64)]);
      expect(said).toMatchObject({ mood: "bad", kind: "checkpoint", entries: 50, headline: "✗ The log breaks a checkpoint that was kept" });
      await expect(opened.page.locator("#explained").textContent()).resolves.toContain("it promises 64 receipts, and there are 50: at least 14 were removed");
    });

    test("show that all of it was written anew and signed with the real key", async () => {
      const anew = chainOf(someDrafts(8), key);
      expect(await opened.check([log(anew.texts), PUBLIC, kept(64)], { known: anew.head })).toMatchObject({ mood: "bad", kind: "checkpoint", entries: 64 });
      await expect(opened.page.locator("#explained").textContent()).resolves.toContain("began with another receipt");
      const begun = chainOf(someDrafts(8), key, { sequence: 1, hash: digestBytes(texts[0] ?? "") });
      const same = [texts[0] ?? "", ...begun.texts];
      expect(await opened.check([log(same), PUBLIC, kept(64)])).toMatchObject({ mood: "bad", kind: "checkpoint", entries: 65 });
      await expect(opened.page.locator("#explained").textContent()).resolves.toContain("at least one was changed, removed, added or moved");
    });

    test("prove nothing when somebody else signed them, or they were changed", async () => {
      const stranger = noteSigner(generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" }) as string);
      expect(await opened.check([log(), PUBLIC, kept(64, texts, stranger)])).toMatchObject({ mood: "bad", headline: "✗ A checkpoint is not signed by any key that was given" });
      const changed = { name: "c.txt", content: String(kept(64).content).replace("\n64\n", "\n63\n") };
      expect(await opened.check([log(), PUBLIC, changed])).toMatchObject({ mood: "bad", headline: "✗ A checkpoint cannot be believed" });
      expect(await opened.check([log(), PUBLIC, { name: "s.pub", content: stranger.pem }, kept(64, texts, stranger)])).toMatchObject({ mood: "good" });
    });

    test("of a log signed with HMAC are signed with a key of their own", async () => {
      const hmac = newKey("hmac-sha256");
      const secretLog = chainOf([draft(), draft()], hmac);
      const said = await opened.check([log(secretLog.texts), PUBLIC, kept(2, secretLog.texts)]);
      expect(said).toMatchObject({ mood: "open", kind: "unknown_key", sequence: 1 });
      await expect(opened.page.locator("#explained").textContent()).resolves.toContain("Type the secret above.");
    });
  });

  describe("proofs", () => {
    test("of a receipt and of an older checkpoint hold by themselves, without the log", async () => {
      expect(await opened.check([inclusion(0), PUBLIC])).toMatchObject({ mood: "good", headline: "✓ The proof holds" });
      for (const index of [7, 40, 63]) expect(await opened.check([inclusion(index), PUBLIC])).toMatchObject({ mood: "good" });
      for (const size of [1, 8, 33, 64]) expect(await opened.check([consistency(size), kept(size), PUBLIC])).toMatchObject({ mood: "good" });
      expect(await opened.check([consistency(33), PUBLIC])).toMatchObject({ mood: "open", headline: "! The proof needs one more file" });
    });

    test("of what was changed, moved or never there do not hold", async () => {
      const elsewhere = String(inclusion(7).content);
      const faulty: readonly (readonly GivenFile[])[] = [
        [inclusion(7, (texts[7] ?? "").replace("agent", "other"))],
        [inclusion(7, texts[8])],
        [{ name: "p", content: elsewhere.replace("index 7", "index 6") }],
        [{ name: "p", content: elsewhere.replace("index 7", "index 71") }],
        [{ name: "p", content: elsewhere.replace(/\n[A-Za-z0-9+/]{43}=\n/u, "\n") }],
        [{ name: "p", content: elsewhere.replace("\n64\n", "\n65\n") }],
        [{ name: "p", content: String(consistency(33).content).replace(/\n[A-Za-z0-9+/]{43}=\n/u, "\n") }, kept(33)],
        [consistency(33), kept(33, texts.with(5, texts[6] ?? ""))],
      ];
      for (const files of faulty) expect(await opened.check([...files, PUBLIC])).toMatchObject({ mood: "bad", headline: "✗ A proof does not hold" });
      expect(await opened.check([inclusion(7)])).toMatchObject({ mood: "bad" });
    });
  });

  describe("a part of a log", () => {
    const index = (from: number, last: object | null = head) => {
      const tree = new MerkleTree();
      for (const text of texts.slice(0, from - 1)) tree.append(leafHash(Buffer.from(text)));
      const before = { size: from - 1, peaks: tree.peaks().map((peak) => Buffer.from(peak).toString("base64")) };
      return { name: "bundle.json", content: JSON.stringify({ format: "enact-guard bundle 1", receipts: { from, last }, before }) };
    };

    test("is verified as a part, and says so, with the checkpoint over the whole", async () => {
      for (const from of [2, 8, 33, 64]) {
        const said = await opened.check([log(texts.slice(from - 1)), PUBLIC, index(from), kept(64)]);
        expect(said).toMatchObject({ mood: "good", entries: 65 - from });
        expect(said.checks).toEqual(expect.arrayContaining(["Beginning:open", "Checkpoint:good", "End:good"]));
      }
      expect(await opened.check([log(texts.slice(9)), PUBLIC], { from: 10 })).toMatchObject({ mood: "good", entries: 55 });
    });

    test("that is not the part it says, or lost one, is found", async () => {
      expect(await opened.check([log(texts.slice(9)), PUBLIC])).toMatchObject({ mood: "bad", kind: "removed", sequence: 1 });
      expect(await opened.check([log(texts.slice(9)), PUBLIC, index(9)])).toMatchObject({ mood: "bad", kind: "removed", sequence: 9 });
      expect(await opened.check([log(texts.slice(9, -1)), PUBLIC, index(10)])).toMatchObject({ mood: "bad", kind: "cut", sequence: 64 });
      expect(await opened.check([log(texts.slice(9).toSpliced(3, 1)), PUBLIC, index(10, null)])).toMatchObject({ mood: "bad", kind: "removed", sequence: 13 });
      const forged = index(10);
      expect(await opened.check([log(texts.slice(9)), PUBLIC, { ...forged, content: forged.content.replace(/"peaks":\["../u, '"peaks":["AA') }, kept(64)])).toMatchObject({ mood: "bad", kind: "checkpoint" });
    });
  });

  describe("the secret", () => {
    const hmac = newKey("hmac-sha256");

    test("that is wrong or too short is said to be", async () => {
      const secretLog = chainOf([draft()], hmac);
      expect(await opened.check([log(secretLog.texts)], { secret: "z".repeat(40) })).toMatchObject({ mood: "open", kind: "unknown_key" });
      expect(await opened.check([log(secretLog.texts)], { secret: "short" })).toMatchObject({ mood: "open", headline: "! Nothing was checked" });
    });

    test("is not shown, and is gone when the page is left", async () => {
      await opened.page.locator("#more summary").click();
      await opened.page.locator("#secret").fill("a secret that is long enough for it");
      await expect(opened.page.locator("#secret").getAttribute("type")).resolves.toBe("password");
      await opened.page.goto("about:blank");
      await opened.page.goBack();
      await expect(opened.page.locator("#secret").inputValue()).resolves.toBe("");
      opened.requests.length = 0;
    });
  });

  test("what receipts say stays text: no markup, no script, no direction tricks", async () => {
    const evil = `<img src=x onerror="document.title='owned'"><script>document.title='owned'</script>\u202e\u0007${"x".repeat(3000)}`;
    const { texts: hostile } = chainOf(
      [draft({ workflow: evil, user_email: evil, run_id: evil, payload: { [evil]: evil }, decision: "BLOCK", policy_results: [{ policy: evil, passed: false, reason: evil }] })],
      key,
    );
    const said = await opened.check([{ name: `${evil.slice(0, 200)}.jsonl`, content: `${hostile[0]}\n` }, PUBLIC]);
    expect(said).toMatchObject({ mood: "good", entries: 1 });
    await opened.page.locator("#rows button").click();
    await opened.page.locator(".entry summary").click();
    await expect(opened.page.title()).resolves.toBe("Check receipts · Enact Guard");
    await expect(opened.page.locator("main img, main script, main iframe").count()).resolves.toBe(0);
    const shown = await opened.page.locator("main").innerText();
    expect(shown).toContain("<img src=x");
    expect(shown).toContain("\\u{202e}\\u{7}");
    expect(["\u202e", "\u0007"].filter((character) => shown.includes(character))).toEqual([]);
    const edited = await opened.check([log([(hostile[0] ?? "").replace("BLOCK", "PASS")]), PUBLIC]);
    expect(edited.kind).toBe("edited");
    await opened.page.locator("#wrong summary").click();
    await expect(opened.page.locator("#wrong-line").innerText()).resolves.toContain("<img src=x");
  });

  test("its policy stops what would be sent or run, even if somebody got that far", async () => {
    const outcomes = await opened.page.evaluate(async () => {
      interface World { fetch(url: string): Promise<unknown>; document: { createElement(tag: string): { innerHTML: string; text: string }; body: { append(node: unknown): void }; title: string } }
      const world = globalThis as unknown as World;
      const { document } = world;
      const attempt = async (work: () => unknown): Promise<string> => {
        try {
          await work();
          return "went through";
        } catch (error) {
          return (error as Error).name;
        }
      };
      return [
        await attempt(() => world.fetch("http://127.0.0.1:9/")),
        await attempt(() => { document.createElement("div").innerHTML = "<b>x</b>"; }),
        await attempt(() => { document.createElement("script").text = "document.title = 'owned'"; }),
      ];
    });
    expect(outcomes).toEqual(["TypeError", "TypeError", "TypeError"]);
    expect(opened.errors.join("\n")).toMatch(/Content Security Policy/u);
    opened.errors.length = 0;
  });

  test("takes files that are dropped on it, anywhere", async () => {
    const given = [log(), PUBLIC].map(({ name, content }) => ({ name, content: String(content) }));
    const transfer = await opened.page.evaluateHandle((files) => {
      interface Transfer { readonly items: { add(file: unknown): void } }
      const world = globalThis as unknown as { DataTransfer: new () => Transfer; File: new (parts: string[], name: string) => unknown };
      const made = new world.DataTransfer();
      for (const { name, content } of files) made.items.add(new world.File([content], name));
      return made;
    }, given);
    await opened.page.dispatchEvent("body", "dragover", { dataTransfer: transfer });
    await expect(opened.page.locator("#drop.over").count()).resolves.toBe(1);
    await opened.page.dispatchEvent("body", "drop", { dataTransfer: transfer });
    await opened.page.locator("#verdict[data-verdict]").waitFor();
    expect(await opened.verdict()).toMatchObject({ mood: "good", entries: 64 });
    await expect(opened.page.locator("#drop.over").count()).resolves.toBe(0);
  });

  test("says what a file is that is of no use here, and never reads a private key", async () => {
    const rsa = generateKeyPairSync("rsa", { modulusLength: 1024 }).publicKey.export({ type: "spki", format: "pem" }) as string;
    await opened.check([log(), PUBLIC, { name: "ed25519.pem", content: pem }, { name: "rsa.pub", content: rsa }, { name: "README.txt", content: "hello" }, { name: "approvers.json", content: '{"version":1,"approvers":[]}' }, { name: "package.json", content: '{"name":"x"}' }, { name: "verify.html", content: "<!doctype html>" }]);
    const kinds = await opened.page.locator("#given li").evaluateAll((items) => (items as unknown as { dataset: { kind: string } }[]).map(({ dataset }) => dataset.kind));
    expect(kinds).toEqual(["log", "key", "faulty", "faulty", "other", "approvers", "other", "other"]);
    await expect(opened.page.locator("#given").innerText()).resolves.toContain("A private key does not belong here");
    expect((await opened.verdict()).mood).toBe("good");
  });

  test("can be used with the keyboard alone", async () => {
    await opened.check([log(), PUBLIC]);
    const { keyboard } = opened.page;
    const focused = () => opened.page.evaluate(() => {
      const { activeElement } = (globalThis as unknown as { document: { activeElement: { id: string; className: string; tagName: string } } }).document;
      return activeElement.id === "" ? activeElement.tagName : activeElement.id;
    });
    const stops: string[] = [];
    await opened.page.locator("#files").focus();
    for (let step = 0; step < 10; step += 1) {
      stops.push(await focused());
      await keyboard.press("Tab");
    }
    // The file field, the two files that can be taken away, the settings, the button, the filters, the runs.
    expect(stops).toEqual(["files", "BUTTON", "BUTTON", "SUMMARY", "start", "find", "only", "BUTTON", "BUTTON", "BUTTON"]);
    await opened.page.locator("#rows button").first().focus();
    await keyboard.press("Enter");
    await opened.page.locator(".entry").first().waitFor();
    await expect(opened.page.locator("#rows button").first().getAttribute("aria-expanded")).resolves.toBe("true");
    await keyboard.press("Enter");
    await expect(opened.page.locator(".entry").count()).resolves.toBe(0);
  });

  test("finds runs by word and by result, and shows a page of them at a time", async () => {
    const many = chainOf(Array.from({ length: 250 }, (_, index) => draft({ workflow: index % 2 === 0 ? "sql_query" : "git_push", decision: "BLOCK" })), key);
    await opened.check([log([...many.texts]), PUBLIC]);
    const rows = () => opened.page.locator("#rows tr").count();
    expect(await rows()).toBe(100);
    await opened.page.locator("#next").click();
    await opened.page.locator("#next").click();
    expect(await rows()).toBe(250);
    await opened.page.locator("#find").fill("SQL");
    expect([await rows(), await opened.page.locator("#counted").textContent()]).toEqual([100, "125 of 250 runs"]);
    await opened.page.locator("#only").selectOption("PASS");
    expect(await rows()).toBe(0);
  });

  test("taking the log away takes its verdict away", async () => {
    await opened.check([log(), PUBLIC]);
    await opened.page.locator("#given button").first().click();
    await opened.page.locator("#result").waitFor({ state: "hidden" });
    await expect(opened.page.locator("#start").isDisabled()).resolves.toBe(true);
  });

  test.each(["light", "dark"] as const)("can be read on a narrow screen, %s", async (colorScheme) => {
    const narrow = await VerifierPage.open(browser, { viewport: { width: 340, height: 700 }, colorScheme });
    await narrow.check([log(), PUBLIC, kept(64)]);
    await narrow.page.locator("#rows button").first().click();
    await narrow.page.locator(".entry summary").first().click();
    const { wide, inside, paper, ink } = await narrow.page.evaluate(() => {
      const world = globalThis as unknown as { document: { documentElement: { scrollWidth: number } }; innerWidth: number; getComputedStyle(node: unknown): { backgroundColor: string; color: string } };
      const { backgroundColor, color } = world.getComputedStyle(world.document.documentElement);
      return { wide: world.document.documentElement.scrollWidth, inside: world.innerWidth, paper: backgroundColor, ink: color };
    });
    expect(wide).toBeLessThanOrEqual(inside);
    const light = (colour: string) => (colour.match(/\d+/gu) ?? []).reduce((sum, part) => sum + Number(part), 0) / 3;
    expect(Math.abs(light(paper) - light(ink))).toBeGreaterThan(150);
    expect(light(paper) > 128).toBe(colorScheme === "light");
    await narrow.page.close();
  });

  test("reads ten thousand receipts without holding the page up", async () => {
    const { texts: many } = chainOf(Array.from({ length: 1250 }, () => someDrafts()).flat(), hmacKey(SECRET));
    const folder = mkdtempSync(join(tmpdir(), "enact-page-"));
    try {
      const file = join(folder, "receipts.jsonl");
      writeFileSync(file, many.join("\n"));
      await opened.page.locator("#more summary").click();
      await opened.page.locator("#secret").fill(SECRET);
      await opened.page.evaluate(() => {
        const world = globalThis as unknown as { gaps: number[]; performance: { now(): number }; setTimeout(work: () => void, delay: number): void };
        world.gaps = [];
        let last = world.performance.now();
        const look = (): void => {
          const now = world.performance.now();
          world.gaps.push(now - last);
          last = now;
          world.setTimeout(look, 0);
        };
        look();
      });
      expect(await opened.give(file)).toMatchObject({ mood: "good", entries: 10_000 });
      const gaps = await opened.page.evaluate(() => (globalThis as unknown as { gaps: number[] }).gaps);
      // Under load everything takes longer, a turn of the page as well as the whole.
      const whole = gaps.reduce((sum, gap) => sum + gap, 0);
      expect(Math.max(...gaps)).toBeLessThan(Math.max(300, whole / 3));
      expect(gaps.length).toBeGreaterThan(20);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

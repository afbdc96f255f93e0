import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, linkSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { afterEach, beforeEach, describe, expect, test } from "vitest";

import type { KeyOptions } from "../../src/receipts/keys.js";
import { openKeys } from "../../src/receipts/keys.js";
import { hmacKey, isSignedBy, signatureText } from "../../src/receipts/signing.js";
import { compileScript, startScript } from "../support/child-script.js";

let root: string;
let options: KeyOptions;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "enact-keys-"));
  mkdirSync(join(root, "project"));
  options = { enactHome: join(root, "config", "enact"), project: join(root, "project"), signing: "ed25519" };
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const keysFolder = (): string => join(options.enactHome, "keys");
const mode = (path: string): string => (statSync(path).mode & 0o777).toString(8);
const unusable = (words: string) => expect.objectContaining({ code: "KEY_UNUSABLE", message: expect.stringContaining(words) as string });

test("opening makes nothing; the first signature makes the key, for its owner only", () => {
  const keys = openKeys(options);
  expect(keys.find("ed25519:unknown")).toBeUndefined();
  expect(existsSync(options.enactHome)).toBe(false);
  keys.signer();
  expect([options.enactHome, keysFolder()].map(mode)).toEqual(["700", "700"]);
  expect(readdirSync(keysFolder()).toSorted()).toEqual(["ed25519.pem", "ed25519.pub"]);
  expect(mode(join(keysFolder(), "ed25519.pem"))).toBe("600");
});

test.each(["ed25519", "hmac"] as const)("a second process finds the %s key of the first, to sign and to verify", (signing) => {
  const bytes = Buffer.from("x");
  const first = openKeys({ ...options, signing }).signer();
  const second = openKeys({ ...options, signing });
  expect(second.find(first.key_id)?.key_id).toBe(first.key_id);
  expect(isSignedBy(second.signer(), bytes, signatureText(first, bytes))).toBe(true);
  // Found under either way of signing: a project may change its mind.
  expect(openKeys({ ...options, signing: signing === "hmac" ? "ed25519" : "hmac" }).find(first.key_id)).toBeDefined();
});

test("processes that make the key at the same moment end up with one", async () => {
  const script = await compileScript(fileURLToPath(new URL("make-key-child.ts", import.meta.url)));
  for (const signing of ["ed25519", "hmac"] as const) {
    const at = String(Date.now() + 400);
    const children = Array.from({ length: 6 }, () => startScript(script, [options.enactHome, options.project, signing, at]));
    expect(await Promise.all(children.map((child) => child.ended))).toEqual([0, 0, 0, 0, 0, 0]);
    const ids = children.map((child) => child.lines.join());
    const { key_id } = openKeys({ ...options, signing }).signer();
    expect(ids).toEqual([key_id, key_id, key_id, key_id, key_id, key_id]);
  }
  expect(readdirSync(keysFolder()).toSorted()).toEqual(["ed25519.pem", "ed25519.pub", "hmac.key"]);
});

test("ENACT_SECRET signs without a file, and the key file is still found", () => {
  const secret = "correct horse battery staple, and more";
  const file = openKeys({ ...options, signing: "hmac" }).signer();
  const keys = openKeys({ ...options, signing: "hmac", secret });
  expect(keys.signer().key_id).toBe(hmacKey(secret).key_id);
  expect(keys.find(file.key_id)).toBeDefined();
  const text = readFileSync(join(keysFolder(), "hmac.key"), "utf8");
  expect(hmacKey(text.trim()).key_id).toBe(file.key_id);
});

test("a short ENACT_SECRET is refused before anything is made", () => {
  expect(() => openKeys({ ...options, signing: "hmac", secret: "short" }).signer()).toThrow(unusable("at least 32 characters"));
  expect(existsSync(options.enactHome)).toBe(false);
});

describe("a key file that someone else could know or choose is refused", () => {
  beforeEach(() => openKeys(options).signer());
  const pem = (): string => join(keysFolder(), "ed25519.pem");
  const expectRefused = (words: string): void => {
    expect(() => openKeys(options).signer()).toThrow(unusable(words));
  };

  test.each([["640"], ["604"], ["660"], ["644"]])("mode %s", (bits) => {
    chmodSync(pem(), Number.parseInt(bits, 8));
    expectRefused("open to other users");
  });
  test("a folder that others may write", () => {
    chmodSync(keysFolder(), 0o770);
    expectRefused("can be changed by other users");
  });
  test("a public key that others may write", () => {
    chmodSync(join(keysFolder(), "ed25519.pub"), 0o666);
    expectRefused("can be changed by other users");
  });
  test("a link", () => {
    renameSync(pem(), join(root, "elsewhere.pem"));
    symlinkSync(join(root, "elsewhere.pem"), pem());
    expectRefused("symbolic link");
  });
  test("a folder that is a link", () => {
    renameSync(keysFolder(), join(root, "elsewhere"));
    symlinkSync(join(root, "elsewhere"), keysFolder());
    expectRefused("not a folder");
  });
  test("a pipe, without waiting for it", () => {
    rmSync(pem());
    execFileSync("mkfifo", ["-m", "600", pem()]);
    expectRefused("not a regular file");
  });
  test("a folder in its place", () => {
    rmSync(pem());
    mkdirSync(pem(), { mode: 0o700 });
    expectRefused("not a regular file");
  });
  test("text that is no key", () => {
    writeFileSync(pem(), "hunter2");
    expect(() => openKeys(options).signer()).toThrow(expect.objectContaining({ message: expect.not.stringContaining("hunter2") as string }));
    expectRefused("not an Ed25519 private key");
  });
  test("something far too large", () => {
    writeFileSync(pem(), "x".repeat(1_000_000));
    expectRefused("too large");
  });
  test("an empty file", () => {
    writeFileSync(pem(), "");
    expectRefused("not an Ed25519 private key");
  });
  test("a public key of another pair", () => {
    rmSync(pem());
    rmSync(join(keysFolder(), "ed25519.pub"));
    const other = { ...options, enactHome: join(root, "other") };
    openKeys(other).signer();
    openKeys(options).signer();
    writeFileSync(join(keysFolder(), "ed25519.pub"), readFileSync(join(other.enactHome, "keys", "ed25519.pub")));
    expectRefused("does not belong to");
  });
  test("a private key that is missing while the public one is there: no new pair is made in silence", () => {
    rmSync(pem());
    expectRefused("private key");
    expect(existsSync(pem())).toBe(false);
  });
  test("the public key comes back from the private one", () => {
    const path = join(keysFolder(), "ed25519.pub");
    const before = readFileSync(path, "utf8");
    rmSync(path);
    openKeys(options).signer();
    expect(readFileSync(path, "utf8")).toBe(before);
  });
  test.runIf(process.getuid?.() === 0)("a file of another user", () => {
    execFileSync("chown", ["nobody", pem()]);
    expectRefused("belongs to another user");
  });
});

describe("keys may not lie inside the project", () => {
  test.each([
    ["in it", () => join(root, "project", ".enact")],
    ["deep in it", () => join(root, "project", "a", "b")],
    ["the project itself", () => join(root, "project")],
    ["in it through dots", () => join(root, "project", "x", "..", "home")],
    ["in it through a link", () => {
      mkdirSync(join(root, "project", "home"));
      symlinkSync(join(root, "project", "home"), join(root, "home-link"));
      return join(root, "home-link");
    }],
    ["in it, the project being reached through a link", () => {
      symlinkSync(join(root, "project"), join(root, "project-link"));
      options = { ...options, project: join(root, "project-link") };
      return join(root, "project", "home");
    }],
  ])("%s", (_title, place) => {
    const enactHome = place();
    for (const signing of ["ed25519", "hmac"] as const) {
      expect(() => openKeys({ ...options, enactHome, signing }).signer()).toThrow(unusable("inside the project"));
    }
    expect(existsSync(join(enactHome, "keys"))).toBe(false);
  });

  test("a folder beside it whose name begins alike is fine", () => {
    openKeys({ ...options, enactHome: join(root, "project-keys") }).signer();
    expect(existsSync(join(root, "project-keys", "keys", "ed25519.pem"))).toBe(true);
  });

  test("settings kept elsewhere and linked to are fine", () => {
    mkdirSync(join(root, "dotfiles"), { mode: 0o700 });
    symlinkSync(join(root, "dotfiles"), join(root, "enact"));
    openKeys({ ...options, enactHome: join(root, "enact") }).signer();
    expect(existsSync(join(root, "dotfiles", "keys", "ed25519.pem"))).toBe(true);
  });
});

test("a hard link elsewhere does not keep two processes from agreeing", () => {
  const { key_id } = openKeys(options).signer();
  linkSync(join(keysFolder(), "ed25519.pem"), join(root, "backup.pem"));
  expect(openKeys(options).signer().key_id).toBe(key_id);
});

import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, test } from "vitest";

import type { ApproverDraft } from "../../src/approvals/approvers.js";
import { enrolmentChallenge, personOf } from "../../src/approvals/approvers.js";
import { hasPersonKey, makePersonKey, openPersonKey, passphraseProblem } from "../../src/approvals/person-key.js";
import { approversForProofs, openRegistry } from "../../src/approvals/registry.js";
import { hasSigned } from "../../src/approvals/signatures.js";
import type { Person } from "../support/approval-world.js";
import { keyPerson, passkeyPerson, START } from "../support/approval-world.js";

let root: string;
let enactHome: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "enact-registry-"));
  enactHome = join(root, "home");
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const later = new Date("2026-11-22T13:00:00.000Z");
const path = () => join(enactHome, "approvers.json");
const confirmedBy = (by: Person, draft: ApproverDraft) => ({ approver_id: by.draft.id, signature: by.sign(enrolmentChallenge(draft)) });
const stored = () => JSON.parse(readFileSync(path(), "utf8")) as { version: number; approvers: Record<string, unknown>[] };
const overwrite = (approvers: unknown) => writeFileSync(path(), JSON.stringify({ version: 1, approvers }), { mode: 0o600 });

describe("who is in", () => {
  test("reading makes nothing", () => {
    const registry = openRegistry({ enactHome });
    expect(registry.all()).toEqual([]);
    expect(registry.find("0".repeat(16))).toBeUndefined();
    expect(existsSync(enactHome)).toBe(false);
  });

  test("the first needs nobody's word; the next ones need one's who is there, by key or by passkey", () => {
    const registry = openRegistry({ enactHome });
    const [ann, bob, cy] = [keyPerson("ann@example.com", START), passkeyPerson("bob@example.com", START), keyPerson("cy@example.com", START)];
    registry.add(ann.draft, null);
    expect(() => registry.add(bob.draft, null)).toThrow(/none of them has confirmed/);
    registry.add(bob.draft, confirmedBy(ann, bob.draft));
    registry.add(cy.draft, confirmedBy(bob, cy.draft));
    expect(openRegistry({ enactHome }).all().map(({ email }) => email)).toEqual(["ann@example.com", "bob@example.com", "cy@example.com"]);
    expect(statSync(path()).mode & 0o777).toBe(0o600);
    expect(readdirSync(enactHome)).toEqual(["approvers.json"]);
  });

  test("a confirmation of somebody else, by nobody, by a revoked one or by oneself does not hold", () => {
    const registry = openRegistry({ enactHome });
    const [ann, bob, cy] = [keyPerson("ann@example.com", START), keyPerson("bob@example.com", START), keyPerson("cy@example.com", "2026-11-22T14:00:00.000Z")];
    registry.add(ann.draft, null);
    expect(() => registry.add(bob.draft, confirmedBy(ann, cy.draft))).toThrow(/does not hold/);
    expect(() => registry.add(bob.draft, confirmedBy(bob, bob.draft))).toThrow(/does not hold/);
    expect(() => registry.add(bob.draft, confirmedBy(cy, bob.draft))).toThrow(/does not hold/);
    registry.add(bob.draft, confirmedBy(ann, bob.draft));
    registry.revoke(bob.draft.id, later);
    expect(() => registry.add(cy.draft, confirmedBy(bob, cy.draft))).toThrow(/does not hold/);
    expect(registry.all()).toHaveLength(2);
  });

  test("when all are revoked nobody gets in quietly", () => {
    const registry = openRegistry({ enactHome });
    const [ann, mallory] = [keyPerson("ann@example.com", START), keyPerson("mallory@example.com", "2026-11-22T14:00:00.000Z")];
    registry.add(ann.draft, null);
    registry.revoke(ann.draft.id, later);
    expect(() => registry.add(mallory.draft, null)).toThrow(/none of them has confirmed/);
  });

  test("what somebody wrote into the file does not count, and is named", () => {
    const registry = openRegistry({ enactHome });
    const [ann, mallory] = [keyPerson("ann@example.com", START), keyPerson("mallory@example.com", START)];
    registry.add(ann.draft, null);
    const entry = { ...mallory.draft, confirmation: null, revoked_at: null };
    overwrite([...stored().approvers, entry]);
    expect(registry.all().map(({ email }) => email)).toEqual(["ann@example.com"]);
    expect(registry.unconfirmed().map(({ email }) => email)).toEqual(["mallory@example.com"]);
    expect(registry.find(mallory.draft.id)).toBeUndefined();
    // In front of everybody, it would be the first: then those who were there before it are not confirmed any more, which shows.
    overwrite([entry, ...stored().approvers.slice(0, 1)]);
    expect(registry.unconfirmed().map(({ email }) => email)).toEqual(["ann@example.com"]);
  });

  test.each(["email", "public_key", "kind", "created_at", "id"])("a confirmed entry whose %s was changed is no longer confirmed", (field) => {
    const registry = openRegistry({ enactHome });
    const [ann, bob, eve] = [keyPerson("ann@example.com", START), keyPerson("bob@example.com", START), keyPerson("eve@example.com", "2026-11-22T12:00:01.000Z")];
    registry.add(ann.draft, null);
    registry.add(bob.draft, confirmedBy(ann, bob.draft));
    const other: Record<string, unknown> = { ...eve.draft, kind: "passkey" };
    const [first, second] = stored().approvers;
    overwrite([first, { ...second, [field]: other[field] }]);
    expect(registry.all()).toHaveLength(1);
    expect(registry.unconfirmed()).toHaveLength(1);
  });

  test("the same key twice is refused, and a draft whose key cannot be checked as well", () => {
    const registry = openRegistry({ enactHome });
    const ann = keyPerson("ann@example.com", START);
    registry.add(ann.draft, null);
    const twin = { ...ann.draft, id: "1".repeat(16), email: "bob@example.com" };
    expect(() => registry.add(twin, confirmedBy(ann, twin))).toThrow(/among the approvers already/);
    const broken = { ...keyPerson("cy@example.com", START).draft, public_key: "AAAA" };
    expect(() => registry.add(broken, confirmedBy(ann, broken))).toThrow(/cannot be checked/);
  });

  test("revoking keeps the first instant, and somebody unknown is named", () => {
    const registry = openRegistry({ enactHome });
    const ann = keyPerson("ann@example.com", START);
    registry.add(ann.draft, null);
    expect(registry.revoke(ann.draft.id, later).revoked_at).toBe(later.toISOString());
    expect(registry.revoke(ann.draft.id, new Date(later.getTime() + 5)).revoked_at).toBe(later.toISOString());
    expect(() => registry.revoke("nobody", later)).toThrow(/no approver 'nobody'/);
  });

  test("a link answers by its own id, is in no list, and confirms nobody", () => {
    const registry = openRegistry({ enactHome });
    const link = keyPerson("lead@example.com", START);
    const draft: ApproverDraft = { ...link.draft, kind: "link", link: { request_id: "a".repeat(32), expires_at: later.toISOString() } };
    registry.addLink(draft);
    expect(registry.find(draft.id)).toMatchObject({ kind: "link", email: "lead@example.com" });
    expect(registry.all()).toEqual([]);
    registry.add(keyPerson("ann@example.com", START).draft, null);
    const bob = keyPerson("bob@example.com", START);
    expect(() => registry.add(bob.draft, confirmedBy({ ...link, draft }, bob.draft))).toThrow(/does not hold/);
    expect(() => registry.add(draft, null)).toThrow(/addLink/);
  });

  test("a registry that was put aside proves what was, and approves nothing", () => {
    const registry = openRegistry({ enactHome });
    const [ann, bob] = [keyPerson("ann@example.com", START), keyPerson("bob@example.com", START)];
    registry.add(ann.draft, null);
    renameSync(path(), join(enactHome, "approvers-2026.json"));
    registry.add(bob.draft, null);
    expect(registry.all().map(({ email }) => email)).toEqual(["bob@example.com"]);
    expect(registry.find(ann.draft.id)).toBeUndefined();
    const proofs = approversForProofs({ enactHome });
    expect([ann, bob].map(({ draft }) => proofs.find(draft.id)?.email)).toEqual(["ann@example.com", "bob@example.com"]);
    expect(approversForProofs({ enactHome: join(root, "nowhere") }).find(ann.draft.id)).toBeUndefined();
  });
});

describe("the files", () => {
  test.each(["../../../etc/passwd", "..", "", "0".repeat(15), `${"0".repeat(16)}/x`])("an id such as '%s' leads nowhere", (id) => {
    expect(openRegistry({ enactHome }).find(id)).toBeUndefined();
  });

  test("a registry that others can read or that is a link is refused, one that is damaged is named", () => {
    const registry = openRegistry({ enactHome });
    registry.add(keyPerson("ann@example.com", START).draft, null);
    chmodSync(path(), 0o644);
    expect(() => registry.all()).toThrow(/open to other users/);
    chmodSync(path(), 0o600);
    for (const content of ["", "{", "[]", '{"version":2,"approvers":[]}', '{"version":1,"approvers":[{}]}', '{"version":1,"approvers":[],"x":1}']) {
      writeFileSync(path(), content);
      expect(() => registry.all()).toThrow(/cannot be understood/);
    }
    const elsewhere = join(root, "elsewhere.json");
    renameSync(path(), elsewhere);
    symlinkSync(elsewhere, path());
    expect(() => registry.all()).toThrow(/symbolic link/);
  });

  test("one change at a time; a lock that somebody left behind is taken over", () => {
    const registry = openRegistry({ enactHome });
    mkdirSync(enactHome, { mode: 0o700 });
    const lock = `${path()}.lock`;
    writeFileSync(lock, "");
    const { draft } = keyPerson("ann@example.com", START);
    expect(() => registry.add(draft, null)).toThrow(/Another command is changing the approvers/);
    utimesSync(lock, new Date(Date.now() - 60_000), new Date(Date.now() - 60_000));
    registry.add(draft, null);
    expect(existsSync(lock)).toBe(false);
  });
});

describe("a key under a passphrase", () => {
  const passphrase = "correct horse battery staple";

  test("opens with the passphrase alone, signs for its approver, and lies there encrypted", async () => {
    const made = makePersonKey("ann@example.com");
    await made.store(enactHome, passphrase);
    const file = join(enactHome, "approvers", `${made.id}.json`);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(JSON.parse(readFileSync(file, "utf8"))).toMatchObject({ kdf: { name: "scrypt", N: 131_072, r: 8, p: 1 }, cipher: "aes-256-gcm" });
    expect(hasPersonKey(enactHome, made.id)).toBe(true);
    const opened = await openPersonKey(enactHome, made.id, passphrase);
    const challenge = new Uint8Array(32);
    const draft = { ...keyPerson("ann@example.com", START).draft, public_key: made.public_key };
    expect(hasSigned(draft, challenge, opened.sign(challenge))).toBe(true);
    await expect(openPersonKey(enactHome, made.id, `${passphrase} `)).rejects.toMatchObject({ code: "REFUSED" });
  });

  test("a file that was changed, weakened or put in another's place does not open", async () => {
    const [ann, bob] = [makePersonKey("ann@example.com"), makePersonKey("bob@example.com")];
    await ann.store(enactHome, passphrase);
    const file = join(enactHome, "approvers", `${ann.id}.json`);
    const good = JSON.parse(readFileSync(file, "utf8")) as Record<string, unknown> & { kdf: object };
    writeFileSync(file, JSON.stringify({ ...good, email: "mallory@example.com" }));
    await expect(openPersonKey(enactHome, ann.id, passphrase)).rejects.toMatchObject({ code: "REFUSED" });
    writeFileSync(file, JSON.stringify({ ...good, kdf: { ...good.kdf, N: 2 } }));
    await expect(openPersonKey(enactHome, ann.id, passphrase)).rejects.toThrow(/damaged/);
    writeFileSync(join(enactHome, "approvers", `${bob.id}.json`), JSON.stringify(good), { mode: 0o600 });
    await expect(openPersonKey(enactHome, bob.id, passphrase)).rejects.toThrow(/damaged/);
    await expect(openPersonKey(enactHome, "0".repeat(16), passphrase)).rejects.toMatchObject({ code: "NOT_FOUND" });
    await expect(openPersonKey(enactHome, "../../x", passphrase)).rejects.toMatchObject({ code: "INVALID_INPUT" });
  });

  test("passphrases that are short or repeat themselves are refused; the same words in another form of Unicode are the same", async () => {
    expect(passphraseProblem("elevenchars")).toMatch(/12 characters/);
    expect(passphraseProblem("aaaaaaaaaaaaaaaa")).toMatch(/repeats/);
    expect(passphraseProblem(passphrase)).toBeNull();
    const made = makePersonKey("ann@example.com");
    await made.store(enactHome, "Kälte über Köln".normalize("NFD"));
    await expect(openPersonKey(enactHome, made.id, "Kälte über Köln".normalize("NFC"))).resolves.toMatchObject({ email: "ann@example.com" });
  });
});

test("a person is an address, however it is spelled", () => {
  const ann = "ann@example.com";
  for (const spelling of ["ann@example.com", "ANN@Example.com", " ann@example.com ", "ann+a@example.com", "ann+b+c@example.com", "ａnn@example.com"]) expect(personOf(spelling)).toBe(ann);
  for (const other of ["anna@example.com", "ann@example.org", "an.n@example.com"]) expect(personOf(other)).not.toBe(ann);
});

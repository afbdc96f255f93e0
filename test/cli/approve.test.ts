import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";

import { enrolmentChallenge } from "../../src/approvals/approvers.js";
import { makePersonKey } from "../../src/approvals/person-key.js";
import { approvalsCommand } from "../../src/cli/approvals.js";
import type { ApprovalsArgs } from "../../src/cli/approvals.js";
import { approveCommand } from "../../src/cli/approve.js";
import { approversCommand } from "../../src/cli/approvers.js";
import type { Terminal } from "../../src/cli/terminal.js";
import { EnactError } from "../../src/errors.js";
import { ApprovalWorld, keyPerson, passkeyPerson } from "../support/approval-world.js";
import { capturedIo } from "../support/cli-io.js";

let world: ApprovalWorld;
beforeEach(() => {
  world = new ApprovalWorld();
});
afterEach(() => world.remove());

const PASSPHRASE = "correct horse battery staple";

/** A terminal at which everything that is typed was decided before. */
function typing(...lines: readonly string[]): Terminal & { readonly seen: () => string } {
  const [left, seen] = [[...lines], [] as string[]];
  const next = (question: string): Promise<string> => {
    seen.push(question);
    const line = left.shift();
    return line === undefined ? Promise.reject(new EnactError("CANCELLED", "Nothing was decided")) : Promise.resolve(line);
  };
  return { isInteractive: true, write: (text) => void seen.push(text), ask: next, askHidden: next, seen: () => seen.join("") };
}

const pipe: Terminal = { ...typing(), isInteractive: false };

function deps(terminal: Terminal) {
  const { inbox, registry, enactHome, clock } = world;
  return { inbox, registry, enactHome, clock, terminal, userName: "ann" };
}

/** Keys under the passphrase, made once: to make or open one takes half a second, as it should. */
const template = mkdtempSync(join(tmpdir(), "enact-keys-"));
const made = new Map(["ann@example.com", "bob@example.com", "agent@company.example"].map((email) => [email, makePersonKey(email)]));
beforeAll(async () => {
  await Promise.all([...made.values()].map((key) => key.store(template, PASSPHRASE)));
});
afterAll(() => rmSync(template, { recursive: true, force: true }));

/** An approver with a key on this machine, confirmed by the one before. */
function approver(email: string): string {
  const key = made.get(email);
  if (key === undefined) throw new Error(`no key was made for ${email}`);
  mkdirSync(world.enactHome, { recursive: true, mode: 0o700 });
  mkdirSync(join(world.enactHome, "approvers"), { recursive: true, mode: 0o700 });
  copyFileSync(join(template, "approvers", `${key.id}.json`), join(world.enactHome, "approvers", `${key.id}.json`));
  const draft = { id: key.id, email, kind: "key", public_key: key.public_key, created_at: world.now.toISOString() } as const;
  const before = world.registry.all().at(-1);
  const by = before === undefined ? undefined : made.get(before.email);
  world.registry.add(draft, by === undefined ? null : { approver_id: by.id, signature: by.sign(enrolmentChallenge(draft)) });
  return key.id;
}

/** The command itself. @returns what it wrote */
async function add(email: string, ...lines: readonly string[]): Promise<string> {
  const io = capturedIo();
  await approversCommand({ action: "add", name: email, passkey: false, json: false }, io, deps(typing(...lines)));
  return io.out();
}

async function approve(args: Partial<Parameters<typeof approveCommand>[0]>, terminal: Terminal) {
  const io = capturedIo();
  const { id } = await world.request();
  const code = await approveCommand({ id: id.slice(0, 8), deny: false, ...args }, io, deps(terminal));
  return { code, out: io.out() };
}

const ask = (text = "hello") => world.guard().call("note_write", { text });

describe("approve", () => {
  test("shows everything, takes the passphrase, and the call runs", async () => {
    approver("ann@example.com");
    await ask();
    const terminal = typing("approve", "not it", PASSPHRASE);
    const { code, out } = await approve({}, terminal);
    expect({ code, out }).toEqual({ code: 0, out: expect.stringMatching(/approved, not used yet .*Tell the agent to make the same call again/) as string });
    for (const part of ["note_write  note hello", "agent@company.example, as engineer", "require_human_ok: note_write runs only after", 'text: "hello"', "seen: null", "That is not it"]) expect(terminal.seen()).toContain(part);
    expect((await ask()).status).toBe("done");
    expect(await world.verify()).toMatchObject({ ok: true });
  });

  test("characters that deceive are named, in what is shown as in the count", async () => {
    approver("ann@example.com");
    await ask("send to \u202Etxt.exe\u200B of pаypal\n\nrm -rf /");
    const { out } = await list({ id: (await world.request()).id.slice(0, 8) });
    expect(out).toContain("<RLO>");
    expect(out).toContain("<zero-width space>");
    expect(out).toContain("а<U+0430>ypal");
    expect(out).toMatch(/! \d+ characters above are not what they seem/);
    expect(out).not.toMatch(/[\u202E\u200B]/u);
  });

  test("a text of ten thousand lines is shown to its end", async () => {
    const text = Array.from({ length: 10_000 }, (_, index) => `line ${String(index)}`).join("\n");
    await ask(`${text}\nthe last one`);
    const { out } = await list({ id: (await world.request()).id });
    expect(out.split("\n").filter((line) => line.includes("line 9999"))).not.toEqual([]);
    expect(out).toContain("the last one");
  });

  test("three wrong passphrases end it; leaving, and an interrupted question, decide nothing", async () => {
    approver("ann@example.com");
    await ask();
    await expect(approve({}, typing("approve", "a", "b", "c"))).rejects.toMatchObject({ code: "REFUSED", message: "The passphrase is not right" });
    expect((await approve({}, typing(""))).code).toBe(1);
    expect((await approve({}, typing("yes"))).code).toBe(1);
    await expect(approve({}, typing())).rejects.toMatchObject({ code: "CANCELLED" });
    expect((await world.request()).answers).toEqual([]);
  });

  test("without a terminal nobody says yes, whatever is piped in; anybody may say no", async () => {
    approver("ann@example.com");
    await ask();
    await expect(approve({}, pipe)).rejects.toMatchObject({ code: "REFUSED", message: "A yes is only taken from a person at a terminal" });
    const { code, out } = await approve({ deny: true, reason: "Not on a Friday" }, pipe);
    expect({ code, out }).toEqual({ code: 0, out: expect.stringContaining("denied") as string });
    expect((await ask()).text).toContain("ann (at a terminal) said no: Not on a Friday");
  });

  test("deny at the prompt asks why", async () => {
    await ask();
    await approve({}, typing("deny", "because"));
    expect((await world.request()).answers[0]).toMatchObject({ decision: "deny", reason: "because", signature: null });
  });

  test("nobody with a key here, somebody who has answered, and the one who asks cannot approve, and read why", async () => {
    await ask();
    const none = typing("");
    await approve({}, none);
    expect(none.seen()).toContain("No approver has a key on this machine. To become one: enact-guard approvers add");
    approver("agent@company.example");
    const guard = world.guard({ desk: world.desk({ approverDiffers: true }) });
    await guard.call("note_write", { text: "bye" });
    const own = typing("approve", PASSPHRASE);
    expect((await approve({}, own)).code).toBe(1);
    expect(own.seen()).toContain("somebody else must");
  });

  test("two people at one machine must say who they are", async () => {
    approver("ann@example.com");
    approver("bob@example.com");
    await ask();
    await expect(approve({}, typing("approve"))).rejects.toThrow(/Several people can approve here: ann@example.com, bob@example.com/);
    await approve({ as: "Bob@Example.com" }, typing("approve", PASSPHRASE));
    expect((await world.request()).answers[0]?.who).toBe("bob@example.com");
  });

  test("a request that somebody changed is not shown as one and not signed", async () => {
    approver("ann@example.com");
    await ask();
    world.sql("UPDATE requests SET target = 'nothing of importance'");
    const terminal = typing("approve", PASSPHRASE);
    expect((await approve({}, terminal)).code).toBe(1);
    expect(terminal.seen()).toContain("not genuine and cannot be answered");
    expect(terminal.seen()).not.toContain("Passphrase");
  });

  test.each(["", "xyz", "12", "../../x", "zzzzzzzz"])("'%s' is no id", async (id) => {
    await ask();
    await expect(approve({ id }, typing())).rejects.toMatchObject({ code: "USAGE" });
  });
});

async function list(args: Partial<ApprovalsArgs> = {}) {
  const io = capturedIo();
  const code = await approvalsCommand({ all: false, watch: false, json: false, ...args }, io, world);
  return { code, out: io.out() };
}

describe("approvals", () => {
  test("lists what waits, of all projects or of one, and what is over when asked", async () => {
    expect(await list()).toEqual({ code: 0, out: "Nothing waits for a person.\n" });
    await ask();
    await world.guard({ desk: world.desk({ project: "/another" }) }).call("note_write", { text: "bye" });
    const { out } = await list();
    expect(out.split("\n")).toHaveLength(3);
    expect(out).toMatch(/^[0-9a-f]{8} {2}note_write {2}note hello {2}agent@company.example in .* {2}waiting for 1 person \(until 13:00 UTC, 60 min left\)/m);
    expect((await list({ project: "/another" })).out).toContain("note bye");
    world.later(3_600_000);
    expect((await list()).out).toBe("Nothing waits for a person.\n");
    expect((await list({ all: true })).out).toContain("expired");
  });

  test("as JSON, with one request in full by the first digits of its id", async () => {
    const ann = world.person("ann@example.com");
    await ask();
    await world.approve(ann);
    const { id } = await world.request();
    expect(JSON.parse((await list({ json: true })).out)).toMatchObject({ requests: [{ id, state: "approved", needed: 1, approved: 1, answers: [{ decision: "approve", who: "ann@example.com", method: "key" }] }] });
    const one = JSON.parse((await list({ json: true, id: id.slice(0, 6) })).out) as { request: { plan: { step: unknown } } };
    expect(one.request.plan.step).toEqual({ text: "hello", seen: null });
    await expect(list({ id: "0000" })).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  test("digits that mean several requests are refused, and they are named", async () => {
    await ask();
    await ask("bye");
    const [one, two] = (await world.inbox.list({}, world.now)).map(({ id }) => id) as [string, string];
    world.sql("UPDATE requests SET id = ? WHERE id = ?", `${one.slice(0, 6)}${two.slice(6)}`, two);
    await expect(list({ id: one.slice(0, 6) })).rejects.toMatchObject({ code: "USAGE", message: expect.stringContaining(one) as string });
  });

  test("a request that is not genuine ends with 1", async () => {
    await ask();
    world.sql("UPDATE requests SET workflow = 'file_read'");
    const { code, out } = await list();
    expect(code).toBe(1);
    expect(out).toContain("not genuine");
  });

  test("--watch says what comes and how it goes on", async () => {
    const ann = world.person("ann@example.com");
    const io = capturedIo();
    const over = new AbortController();
    const watching = approvalsCommand({ all: false, watch: true, json: true }, io, { inbox: world.newInbox(), registry: world.registry, clock: world.clock, signal: over.signal, pollMs: 10 });
    const states = () => io.out().split("\n").filter((line) => line !== "").map((line) => (JSON.parse(line) as { state: string }).state);
    await ask();
    await expect.poll(states).toEqual(["waiting"]);
    await world.approve(ann);
    await expect.poll(states).toEqual(["waiting", "approved"]);
    await ask();
    await expect.poll(states).toEqual(["waiting", "approved", "used"]);
    over.abort();
    expect(await watching).toBe(0);
  });
});

describe("approvers", () => {
  test("the first is added by himself, the next with his passphrase, and all are listed", async () => {
    const empty = capturedIo();
    expect(await approversCommand({ passkey: false, json: false }, empty, deps(pipe))).toBe(0);
    expect(empty.out()).toContain("Nobody can approve yet");
    const idIn = (text: string) => /\((?<id>[0-9a-f]{16})\)/u.exec(text)?.groups?.["id"] ?? "";
    const ann = idIn(await add("ann@example.com", PASSPHRASE, PASSPHRASE));
    const bob = idIn(await add("bob@example.com", PASSPHRASE, PASSPHRASE, PASSPHRASE));
    const io = capturedIo();
    await approversCommand({ passkey: false, json: false }, io, deps(pipe));
    expect(io.out()).toBe(`${ann}  key      ann@example.com  since 2026-11-22\n${bob}  key      bob@example.com  since 2026-11-22\n`);
    const json = capturedIo();
    await approversCommand({ passkey: false, json: true }, json, deps(pipe));
    expect(JSON.parse(json.out())).toMatchObject({ approvers: [{ id: ann, kind: "key", revoked_at: null }, { id: bob }], unconfirmed: [] });
  });

  test("a passphrase is typed twice, and too short a one is asked for again", async () => {
    const terminal = typing("short", PASSPHRASE, "another phrase", PASSPHRASE, PASSPHRASE);
    await approversCommand({ action: "add", name: "ann@example.com", passkey: false, json: false }, capturedIo(), deps(terminal));
    expect(terminal.seen()).toContain("at least 12 characters");
    expect(terminal.seen()).toContain("These were not the same");
    expect(world.registry.all()).toHaveLength(1);
  });

  test("without a terminal nobody is added or revoked", async () => {
    const ann = approver("ann@example.com");
    for (const args of [{ action: "add", name: "eve@example.com" }, { action: "add", name: "eve@example.com", passkey: true }, { action: "revoke", name: ann }]) {
      await expect(approversCommand({ passkey: false, json: false, ...args }, capturedIo(), deps(pipe))).rejects.toMatchObject({ code: "REFUSED" });
    }
    expect(world.registry.all()).toMatchObject([{ email: "ann@example.com", revoked_at: null }]);
  });

  test("with a wrong passphrase of the one who is there nobody is added", async () => {
    approver("ann@example.com");
    const eve = approversCommand({ action: "add", name: "eve@example.com", passkey: false, json: false }, capturedIo(), deps(typing("a", "b", "c", PASSPHRASE, PASSPHRASE)));
    await expect(eve).rejects.toMatchObject({ code: "REFUSED" });
    expect(world.registry.all()).toHaveLength(1);
  });

  test("where only passkeys are left, the terminal says where to confirm", async () => {
    world.add(passkeyPerson("ann@example.com", world.now.toISOString()));
    const eve = approversCommand({ action: "add", name: "eve@example.com", passkey: false, json: false }, capturedIo(), deps(typing(PASSPHRASE, PASSPHRASE)));
    await expect(eve).rejects.toMatchObject({ code: "REFUSED", hint: expect.stringContaining("--passkey") as string });
  });

  test("revoking asks, takes the word 'revoke' and no other, and warns of the last one", async () => {
    const ann = approver("ann@example.com");
    const revoke = async (...lines: string[]) => {
      const terminal = typing(...lines);
      const code = await approversCommand({ action: "revoke", name: ann, passkey: false, json: false }, capturedIo(), deps(terminal));
      return { code, seen: terminal.seen() };
    };
    expect(await revoke("yes")).toMatchObject({ code: 1, seen: expect.stringContaining("This is the last one") as string });
    expect(world.registry.all()[0]?.revoked_at).toBeNull();
    expect((await revoke("revoke")).code).toBe(0);
    expect(world.registry.all()[0]?.revoked_at).not.toBeNull();
  });

  test("an entry that somebody wrote into the file is named, and the exit code says so", async () => {
    approver("ann@example.com");
    const { draft } = keyPerson("eve@example.com", world.now.toISOString());
    const path = `${world.enactHome}/approvers.json`;
    const { approvers } = JSON.parse(readFileSync(path, "utf8")) as { approvers: unknown[] };
    writeFileSync(path, JSON.stringify({ version: 1, approvers: [...approvers, { ...draft, confirmation: null, revoked_at: null }] }));
    const io = capturedIo();
    expect(await approversCommand({ passkey: false, json: false }, io, deps(pipe))).toBe(1);
    expect(io.out()).toMatch(/✗ .*eve@example.com.*no approver has confirmed this entry/);
  });

  test.each([["add", undefined], ["add", "nobody"], ["add", "a@b.c, d@e.f"], ["revoke", undefined], ["promote", "ann@example.com"]])("approvers %s %s is wrong usage", async (action, name) => {
    const args = { action, passkey: false, json: false, ...(name === undefined ? {} : { name }) };
    await expect(approversCommand(args, capturedIo(), deps(typing()))).rejects.toMatchObject({ code: "USAGE" });
  });

  test("the key file of another approver in one's place is noticed", async () => {
    approver("ann@example.com");
    const bob = made.get("bob@example.com")?.id ?? "";
    const ann = world.registry.all()[0]?.id ?? "";
    const stolen = JSON.parse(readFileSync(`${template}/approvers/${bob}.json`, "utf8")) as object;
    writeFileSync(`${world.enactHome}/approvers/${ann}.json`, JSON.stringify({ ...stolen, id: ann }));
    await ask();
    await expect(approve({}, typing("approve", PASSPHRASE, PASSPHRASE, PASSPHRASE))).rejects.toThrow(/passphrase is not right/);
  });
});

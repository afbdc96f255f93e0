import { chmodSync, existsSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { answerRequest, progressOf } from "../../src/approvals/answering.js";
import type { Inbox } from "../../src/approvals/inbox.js";
import type { ApprovalRequest } from "../../src/approvals/request.js";
import { newRequestId, statementOf } from "../../src/approvals/request.js";
import { planDigest } from "../../src/receipts/canonical.js";
import { openInbox } from "../../src/stores/inbox.js";
import { ApprovalWorld, START } from "../support/approval-world.js";

let world: ApprovalWorld;
let inbox: Inbox;
beforeEach(() => {
  world = new ApprovalWorld();
  inbox = world.inbox;
});
afterEach(() => world.remove());

const NOW = new Date(START);
const HOUR = 3_600_000;
const at = (ms: number) => new Date(NOW.getTime() + ms);

function request(changes: { readonly text?: string; readonly id?: string; readonly project?: string; readonly size?: number; readonly now?: Date } = {}): ApprovalRequest {
  const { text = "hello", id = newRequestId(), project = "/project", size = 0, now = NOW } = changes;
  const identity = { user_email: "agent@company.example", actor_role: "engineer", user_attributes: {} };
  const plan = { workflow: "note_write", payload: { text }, step: { text, secret: "the contents", filler: "x".repeat(size) }, identity, config_digest: "sha256:0" };
  return {
    id,
    project,
    plan: { ...plan, target: `note ${text}`, plan_digest: planDigest(plan) },
    demand: { policies: [{ policy: "require_human_ok", reason: "nobody has" }], min_approvals: 1, approver_differs: false },
    created_at: now.toISOString(),
    expires_at: new Date(now.getTime() + HOUR).toISOString(),
  };
}

describe("what it keeps", () => {
  test("looking makes nothing", async () => {
    expect(await inbox.list({}, NOW)).toEqual([]);
    expect(await inbox.get(newRequestId(), NOW)).toBeNull();
    expect(existsSync(world.enactHome)).toBe(false);
  });

  test("a request comes back as it was, and lies there encrypted, for its owner alone", async () => {
    const asked = request();
    const stored = await inbox.file(asked, NOW);
    expect(stored).toMatchObject({ id: asked.id, state: "open", problem: null, answers: [], run_id: null, request: asked });
    expect(await openInbox(world).get(asked.id, NOW)).toEqual(stored);
    expect(statSync(inbox.location).mode & 0o777).toBe(0o600);
    await inbox.close();
    for (const name of readdirSync(world.enactHome).filter((file) => file.startsWith("inbox"))) {
      expect(statSync(join(world.enactHome, name)).mode & 0o077).toBe(0);
      expect(readBytes(join(world.enactHome, name))).not.toContain("the contents");
    }
  });

  test("filing again changes nothing; another request about the same plan leads to the first", async () => {
    const [first, second, other] = [request(), request(), request({ text: "bye" })];
    await inbox.file(first, NOW);
    expect((await inbox.file({ ...first, expires_at: at(9 * HOUR).toISOString() }, at(1))).expires_at).toBe(first.expires_at);
    expect((await inbox.file(second, at(1))).id).toBe(first.id);
    expect((await inbox.get(second.id, NOW))?.id).toBe(first.id);
    expect((await inbox.list({ prefix: second.id.slice(0, 8) }, NOW)).map(({ id }) => id)).toEqual([first.id]);
    await inbox.file(other, at(2));
    await inbox.file(request({ project: "/another" }), at(3));
    expect(await inbox.list({}, NOW)).toHaveLength(3);
    expect((await inbox.list({ project: "/project" }, NOW)).map(({ target }) => target)).toEqual(["note bye", "note hello"]);
  });

  test("a prefix is digits and no pattern", async () => {
    await inbox.file(request({ id: `0a${"1".repeat(30)}` }), NOW);
    await inbox.file(request({ id: `0b${"1".repeat(30)}`, text: "bye" }), NOW);
    expect(await inbox.list({ prefix: "0a" }, NOW)).toHaveLength(1);
    expect(await inbox.list({ prefix: "0" }, NOW)).toHaveLength(2);
    for (const prefix of ["%", "_a", "0%", "*", "' OR 1=1 --"]) expect(await inbox.list({ prefix }, NOW)).toEqual([]);
  });

  test("an agent that asks for too much at once, or for more than anybody reads, is refused", async () => {
    for (let n = 0; n < 100; n += 1) await inbox.file(request({ text: `call ${String(n)}` }), NOW);
    await expect(inbox.file(request({ text: "one more" }), NOW)).rejects.toThrow(/100 requests of this project are waiting/);
    await inbox.file(request({ text: "one more", project: "/another" }), NOW);
    await inbox.file(request({ text: "one more", now: at(HOUR) }), at(HOUR));
    await expect(inbox.file(request({ text: "huge", project: "/huge", size: 33_000_000 }), NOW)).rejects.toThrow(/too large for a person to read/);
  });

  test("an agent that asks for large things, hour after hour, does not fill the disk", async () => {
    const small = openInbox({ enactHome: world.enactHome, maxProjectBytes: 10_000 });
    const ask = (text: string, ms: number) => small.file(request({ text, size: 3000, now: at(ms) }), at(ms));
    const held = async () => (await small.list({}, at(3 * HOUR))).filter(({ request: whole }) => whole !== null).map(({ target }) => target);
    await ask("one", 0);
    await ask("two", 1);
    await expect(ask("three", 2)).rejects.toMatchObject({ code: "REFUSED", message: expect.stringContaining("all the room") as string });
    expect(await held()).toEqual(["note two", "note one"]);
    await small.file(request({ text: "elsewhere", project: "/another", size: 3000 }), NOW);
    await ask("four", HOUR);
    expect((await held()).toSorted()).toEqual(["note elsewhere", "note four", "note two"]);
    await small.close();
  });

  test("what is over is forgotten: first what it held, later that it was", async () => {
    const asked = request();
    await inbox.file(asked, NOW);
    const day = 24 * HOUR;
    await inbox.file(request({ text: "wakes it", now: at(HOUR) }), at(HOUR));
    expect((await inbox.get(asked.id, at(HOUR)))).toMatchObject({ state: "expired", request: { id: asked.id } });
    await inbox.file(request({ text: "two", now: at(4 * day) }), at(4 * day));
    expect(await inbox.get(asked.id, at(4 * day))).toMatchObject({ state: "expired", target: "note hello", request: null, problem: null });
    expect(world.sql("SELECT sealed FROM requests WHERE id = ?", asked.id)).toEqual([{ sealed: null }]);
    await inbox.file(request({ text: "three", now: at(100 * day) }), at(100 * day));
    expect(await inbox.get(asked.id, at(100 * day))).toBeNull();
  });
});

describe("answering", () => {
  test("each approver answers once, and whoever comes after a no comes too late", async () => {
    const [ann, bob] = [world.person("ann@example.com"), world.person("bob@example.com")];
    const asked = request();
    await inbox.file(asked, NOW);
    const yes = world.answerOf(ann, statementOf(asked, "approve"));
    await answerRequest(world, yes, NOW);
    await expect(answerRequest(world, yes, NOW)).rejects.toThrow(/ann@example.com has answered/);
    await answerRequest(world, { ...yes, decision: "deny", approver_id: null, signature: null, method: "page", who: "somebody", reason: "no" }, NOW);
    await expect(answerRequest(world, world.answerOf(bob, statementOf(asked, "approve")), NOW)).rejects.toThrow(/somebody has said no/);
    expect((await inbox.get(asked.id, NOW))?.answers.map(({ decision }) => decision)).toEqual(["approve", "deny"]);
  });

  test("of ten answers at once with one key, through four connections, one counts", async () => {
    const ann = world.person("ann@example.com");
    const asked = request();
    await inbox.file(asked, NOW);
    const yes = world.answerOf(ann, statementOf(asked, "approve"));
    const inboxes = Array.from({ length: 4 }, () => world.newInbox());
    const given = await Promise.allSettled(Array.from({ length: 10 }, (_, n) => answerRequest({ registry: world.registry, inbox: inboxes[n % 4] ?? inbox }, yes, NOW)));
    expect(given.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    expect(world.sql("SELECT * FROM answers")).toHaveLength(1);
  });

  test.each([
    ["a forged signature", (answer: ReturnType<ApprovalWorld["answerOf"]>) => ({ ...answer, signature: { kind: "key", signature: "A".repeat(86) } as const }), /signature that does not fit/],
    ["no signature", (answer: ReturnType<ApprovalWorld["answerOf"]>) => ({ ...answer, signature: null }), /is not signed/],
    ["another person's name", (answer: ReturnType<ApprovalWorld["answerOf"]>) => ({ ...answer, who: "bob@example.com" }), /names another person/],
    ["another way than the key's", (answer: ReturnType<ApprovalWorld["answerOf"]>) => ({ ...answer, method: "passkey" as const }), /in another way/],
    ["an approver who is none", (answer: ReturnType<ApprovalWorld["answerOf"]>) => ({ ...answer, approver_id: "0".repeat(16) }), /not among the approvers/],
  ])("a yes with %s is none, and nothing is recorded", async (_fear, change, says) => {
    const ann = world.person("ann@example.com");
    const asked = request();
    await inbox.file(asked, NOW);
    await expect(answerRequest(world, change(world.answerOf(ann, statementOf(asked, "approve"))), NOW)).rejects.toThrow(says);
    expect((await inbox.get(asked.id, NOW))?.answers).toEqual([]);
  });

  test("the yes to one request is none to another, nor to the same one with other terms", async () => {
    const ann = world.person("ann@example.com");
    const [one, two] = [request(), request({ text: "bye" })];
    await inbox.file(one, NOW);
    await inbox.file(two, NOW);
    const yes = world.answerOf(ann, statementOf(one, "approve"));
    await expect(answerRequest(world, { ...yes, request_id: two.id }, NOW)).rejects.toThrow(/does not fit/);
    const longer = world.answerOf(ann, statementOf({ ...one, expires_at: at(9 * HOUR).toISOString() }, "approve"));
    await expect(answerRequest(world, longer, NOW)).rejects.toThrow(/does not fit/);
    const denial = world.answerOf(ann, statementOf(one, "deny"), "deny");
    await expect(answerRequest(world, { ...denial, decision: "approve" }, NOW)).rejects.toThrow(/does not fit/);
  });

  test("a no may be signed, and then it must be rightly", async () => {
    const ann = world.person("ann@example.com");
    const asked = request();
    await inbox.file(asked, NOW);
    const denial = { ...world.answerOf(ann, statementOf(asked, "deny"), "deny"), reason: "No.".repeat(400) };
    await expect(answerRequest(world, { ...denial, signature: null }, NOW)).rejects.toThrow(/names an approver and has no signature/);
    await expect(answerRequest(world, { ...denial, who: "bob@example.com" }, NOW)).rejects.toThrow(/does not fit/);
    const denied = await answerRequest(world, denial, NOW);
    expect(denied).toMatchObject({ state: "denied", answers: [{ who: "ann@example.com" }] });
    expect(denied.answers[0]?.reason).toHaveLength(500);
  });

  test("a request that is over or that is not there cannot be answered", async () => {
    const ann = world.person("ann@example.com");
    const asked = request();
    const yes = world.answerOf(ann, statementOf(asked, "approve"));
    await expect(answerRequest(world, yes, NOW)).rejects.toMatchObject({ code: "NOT_FOUND" });
    await inbox.file(asked, NOW);
    await inbox.used(asked.id, "run-1", NOW);
    await expect(answerRequest(world, yes, NOW)).rejects.toThrow(/it was approved and used/);
    await expect(answerRequest(world, yes, at(HOUR))).rejects.toMatchObject({ code: "REFUSED" });
  });
});

describe("somebody at the file", () => {
  const COLUMNS: Readonly<Record<string, string | number | Uint8Array | null>> = {
    id: "f".repeat(32),
    project: "/elsewhere",
    workflow: "git_push",
    target: "nothing of importance",
    user_email: "ceo@company.example",
    plan_digest: `sha256:${"f".repeat(64)}`,
    created_at: "2026-11-22T11:00:00.000Z",
    expires_at: "2026-11-23T12:00:00.000Z",
    sealed: Buffer.from("{}"),
  };

  test("these are the columns that say what is asked", async () => {
    await inbox.file(request(), NOW);
    const [row = {}] = world.sql("SELECT * FROM requests");
    expect([...Object.keys(COLUMNS), "state", "over_at", "run_id"].toSorted()).toEqual(Object.keys(row).toSorted());
  });

  test.each(Object.entries(COLUMNS))("with another %s the request is named as not genuine, cannot be answered, and lets nothing through", async (column, value) => {
    const ann = world.person("ann@example.com");
    const asked = request();
    await inbox.file(asked, NOW);
    await answerRequest(world, world.answerOf(ann, statementOf(asked, "approve")), NOW);
    world.sql(`UPDATE requests SET ${column} = ?`, value);
    const [stored] = await inbox.list({}, NOW);
    expect(stored).toMatchObject({ request: null, problem: expect.any(String) as string });
    if (stored === undefined) return;
    expect(progressOf(stored, world.registry)).toMatchObject({ state: "tampered", counted: [] });
    const bob = world.person("bob@example.com");
    await expect(answerRequest(world, { ...world.answerOf(bob, statementOf(asked, "approve")), request_id: stored.id }, NOW)).rejects.toThrow(/cannot be answered/);
    await expect(inbox.record({ ...world.answerOf(bob, statementOf(asked, "approve")), request_id: stored.id }, NOW)).rejects.toThrow(/cannot be answered/);
  });

  test("contents exchanged with another request's, or taken out, are noticed", async () => {
    const [one, two] = [request(), request({ text: "bye" })];
    await inbox.file(one, NOW);
    await inbox.file(two, NOW);
    world.sql("UPDATE requests SET sealed = (SELECT sealed FROM requests WHERE id = ?) WHERE id = ?", two.id, one.id);
    expect((await inbox.get(one.id, NOW))?.problem).toMatch(/changed/);
    expect((await inbox.get(two.id, NOW))?.problem).toBeNull();
    world.sql("UPDATE requests SET sealed = NULL WHERE id = ?", two.id);
    expect((await inbox.get(two.id, NOW))?.problem).toMatch(/taken out/);
  });

  test("a denial that is turned back in the list stays one; an answer moved, changed or copied is noticed", async () => {
    const ann = world.person("ann@example.com");
    const [one, two] = [request(), request({ text: "bye" })];
    await inbox.file(one, NOW);
    await inbox.file(two, NOW);
    await answerRequest(world, { ...world.answerOf(ann, statementOf(one, "approve")), decision: "deny", approver_id: null, signature: null, method: "page", who: "x", reason: null }, NOW);
    world.sql("UPDATE requests SET state = 'open', over_at = NULL");
    expect((await inbox.get(one.id, NOW))?.state).toBe("denied");
    world.sql("UPDATE answers SET request_id = ?", two.id);
    expect((await inbox.get(two.id, NOW))?.problem).toMatch(/an answer to it/);
    world.sql("DELETE FROM answers");
    await answerRequest(world, world.answerOf(ann, statementOf(two, "approve")), NOW);
    for (const [column, value] of [["approver_id", "0".repeat(16)], ["number", 7], ["sealed", Buffer.from("x")]] as const) {
      const [before] = world.sql("SELECT * FROM answers");
      world.sql(`UPDATE answers SET ${column} = ?`, value);
      expect((await inbox.get(two.id, NOW))?.problem).toMatch(/an answer to it/);
      world.sql("UPDATE answers SET approver_id = ?, number = ?, sealed = ?", ...(["approver_id", "number", "sealed"].map((name) => before?.[name]) as [string, number, Uint8Array]));
      expect((await inbox.get(two.id, NOW))?.problem).toBeNull();
    }
  });

  test("without the key that sealed it, or with another one, nothing is shown as a request", async () => {
    const asked = request();
    await inbox.file(asked, NOW);
    const key = join(world.enactHome, "keys", "private.key");
    rmSync(key);
    expect((await openInbox(world).get(asked.id, NOW))?.problem).toEqual(expect.any(String));
    writeFileSync(key, `${Buffer.alloc(32, 7).toString("base64url")}\n`, { mode: 0o600 });
    expect((await openInbox(world).get(asked.id, NOW))).toMatchObject({ request: null, problem: expect.stringMatching(/changed, or sealed with another key/) as string });
  });

  test("an inbox that others can read, that is a link, or of a newer version is refused in words", async () => {
    await inbox.file(request(), NOW);
    world.sql("PRAGMA user_version = 99");
    await expect(world.newInbox().list({}, NOW)).rejects.toThrow(/newer version/);
    await inbox.close();
    chmodSync(inbox.location, 0o644);
    await expect(world.newInbox().list({}, NOW)).rejects.toThrow(/open to other users/);
    rmSync(inbox.location);
    symlinkSync("/dev/null", inbox.location);
    await expect(world.newInbox().list({}, NOW)).rejects.toMatchObject({ code: "APPROVALS_UNAVAILABLE" });
  });

  test("a file that is no database, and one that another process holds, are named", async () => {
    await inbox.file(request(), NOW);
    await inbox.close();
    for (const suffix of ["-wal", "-shm"]) rmSync(`${inbox.location}${suffix}`, { force: true });
    writeFileSync(inbox.location, "this is no database, but it is long enough to be one ".repeat(100), { mode: 0o600 });
    await expect(world.newInbox().list({}, NOW)).rejects.toMatchObject({ code: "APPROVALS_UNAVAILABLE" });
  });
});

function readBytes(path: string): string {
  return readFileSync(path, "latin1");
}

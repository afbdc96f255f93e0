import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { DatabaseSync } from "@photostructure/sqlite";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";

import type { ApprovalDesk } from "../../src/approvals/desk.js";
import { approvalSubject } from "../../src/approvals/proof.js";
import { EnactError } from "../../src/errors.js";
import type { CallReport, Guard } from "../../src/guard/guard.js";
import { requireHumanOkPolicy } from "../../src/policies/access/require_human_ok.js";
import { definePolicy } from "../../src/policies/policy.js";
import type { Policy } from "../../src/policies/policy.js";
import { subjectDigest } from "../../src/receipts/entry.js";
import { ApprovalWorld, keyPerson, passkeyPerson, START } from "../support/approval-world.js";
import { noteTool } from "../support/guard-sandbox.js";

let world: ApprovalWorld;
beforeEach(() => {
  world = new ApprovalWorld();
});
afterEach(() => world.remove());

const write = (guard: Guard, text = "hello") => guard.call("note_write", { text });
const stateOf = ({ receipt }: CallReport) => receipt?.approval?.["state"];
const twoPeople = { name: "require_human_ok", policy: requireHumanOkPolicy.create({ workflows: ["note_write"], min_approvals: 2 }) };
const other: Policy = ({ payload }) => ({ policy: "no_bye", passed: payload["text"] !== "bye", reason: "'bye' is never written" });

describe("asking", () => {
  test("a call that only people could let through becomes a request, and the text tells where to decide and nothing that grants", async () => {
    const ann = world.person("ann@example.com");
    const report = await write(world.guard());
    const stored = await world.request();
    expect(report).toMatchObject({ status: "blocked", isError: true, receipt: { decision: "BLOCK", approval: { state: "requested", id: stored.id, expires_at: stored.expires_at } } });
    expect(report.text).toContain(`enact-guard approve ${stored.id.slice(0, 8)}`);
    expect(report.text).toContain("make the same call again, with the same arguments");
    expect(stored).toMatchObject({ state: "open", workflow: "note_write", target: "note hello", problem: null, expires_at: "2026-11-22T13:00:00.000Z" });
    expect(stored.request?.demand.policies).toEqual([{ policy: "require_human_ok", reason: expect.stringContaining("note_write runs only after a person has approved") as string }]);
    // Whoever knows all that the agent was told still lacks the approver's key.
    expect(JSON.stringify(report)).not.toContain(ann.draft.id);
  });

  test("the same call again asks nobody a second time", async () => {
    world.person("ann@example.com");
    const guard = world.guard();
    await write(guard);
    const { id } = await world.request();
    const again = await write(guard);
    expect(again.receipt?.approval).toMatchObject({ state: "pending", id });
    expect(again.text).toContain(id.slice(0, 8));
    expect(await world.inbox.list({}, world.now)).toHaveLength(1);
  });

  test("many calls at the same moment make one request, and each receipt leads to it", async () => {
    const guards = Array.from({ length: 4 }, () => world.guard());
    const reports = await Promise.all(guards.flatMap((guard) => [write(guard), write(guard)]));
    expect(await world.inbox.list({}, world.now)).toHaveLength(1);
    const { id } = await world.request();
    for (const report of reports) {
      expect(report.text).toContain(id.slice(0, 8));
      expect((await world.inbox.get(report.receipt?.approval?.["id"] as string, world.now))?.id).toBe(id);
    }
  });

  test("a call that another policy blocks too is no request: people could not help", async () => {
    const guard = world.guard({ policies: [{ name: "require_human_ok", policy: requireHumanOkPolicy.create({ workflows: ["note_write"] }) }, { name: "no_bye", policy: other }] });
    const report = await write(guard, "bye");
    expect(report.status).toBe("blocked");
    expect(report.receipt?.approval).toBeNull();
    expect(await world.inbox.list({}, world.now)).toEqual([]);
    expect(report.text).not.toContain("enact-guard approve");
  });

  test("a policy of one's own that heeds the approval waits for it too", async () => {
    const ann = world.person("ann@example.com");
    const heedful: Policy = ({ approval }) => ({ policy: "heedful", passed: approval?.approvers.includes("ann@example.com") === true, reason: "Ann must approve" });
    const guard = world.guard({ policies: [{ name: "require_human_ok", policy: requireHumanOkPolicy.create({ workflows: ["note_write"] }) }, { name: "heedful", policy: heedful }] });
    const lenient = world.guard({ policies: [{ name: "require_human_ok", policy: requireHumanOkPolicy.create({ workflows: ["note_write"] }) }, { name: "any", policy: ({ approval }) => ({ policy: "any", passed: approval !== null, reason: "Somebody must approve" }) }] });
    // Whether Ann will be among those who approve cannot be known before, so only the second one can ask.
    expect((await write(guard)).receipt?.approval).toBeNull();
    expect(stateOf(await write(lenient))).toBe("requested");
    await world.approve(ann);
    expect((await write(guard)).status).toBe("done");
  });

  test("a policy that would still block with an approval in hand makes no request", async () => {
    const hopeless = definePolicy({
      id: "hopeless",
      category: "access",
      workflows: ["note_write"],
      reads: [],
      mayBeApproved: true,
      options: z.strictObject({}),
      description: "Never passes.",
      hint: "Give up.",
      examples: [{ title: "any", passes: false, workflow: "note_write", payload: {} }],
      judge: () => ({ passed: false, reason: "never" }),
    }).create({});
    await write(world.guard({ policies: [{ name: "hopeless", policy: hopeless }] }));
    expect(await world.inbox.list({}, world.now)).toEqual([]);
  });

  test("a check asks nobody and says that a person would have to decide", async () => {
    const guard = world.guard();
    const checked = await guard.check("note_write", { text: "hello" });
    expect(checked.text).toMatch(/A person must decide.*nobody was asked by this check/);
    expect(await world.inbox.list({}, world.now)).toEqual([]);
    await write(guard);
    expect((await guard.check("note_write", { text: "hello" })).text).toContain("A person has been asked");
  });

  test("a request that cannot be filed is said, and the call stays blocked", async () => {
    const desk: ApprovalDesk = { ...bare(world.desk()), file: () => Promise.reject(new EnactError("APPROVALS_UNAVAILABLE", "The inbox cannot grow: the disk is full", { hint: "Free some space." })) };
    const report = await write(world.guard({ desk }));
    expect(report).toMatchObject({ status: "blocked", receipt: { decision: "BLOCK" } });
    expect(report.text).toMatch(/could not be asked: The inbox cannot grow: the disk is full\. Free some space\./);
  });

  test("an inbox that cannot be read blocks and is named", async () => {
    const desk: ApprovalDesk = { ...bare(world.desk()), find: () => Promise.reject(new EnactError("APPROVALS_UNAVAILABLE", "The inbox is damaged")) };
    const report = await write(world.guard({ desk }));
    expect(report.status).toBe("blocked");
    expect(report.text).toContain("What people have said cannot be read: The inbox is damaged");
  });

  test("without a desk it blocks as ever", async () => {
    const report = await write(world.guardWithoutDesk());
    expect(report).toMatchObject({ status: "blocked", receipt: { approval: null } });
    expect(report.text).toContain("Tell the person what you want to do and why");
  });

  test("secrets of the configuration reach no receipt by way of a request", async () => {
    const secret = "hunter2-is-not-a-good-one";
    const report = await write(world.guard({ secrets: [secret] }), `say ${secret}`);
    expect(JSON.stringify(report)).not.toContain(secret);
    const { request } = await world.request();
    // The person who decides must see what would be written, word for word.
    expect(JSON.stringify(request?.plan.step)).toContain(secret);
    expect(request?.plan.target).not.toContain(secret);
    const raw = JSON.stringify(world.sql("SELECT * FROM requests"));
    expect(raw).not.toContain(secret);
  });
});

describe("using", () => {
  test.each(["key", "passkey"] as const)("approved with a %s, the same call runs once, and its receipt proves who let it", async (kind) => {
    const ann = kind === "key" ? keyPerson("ann@example.com", START) : passkeyPerson("ann@example.com", START);
    world.add(ann);
    const guard = world.guard();
    await write(guard);
    const { id } = await world.approve(ann);
    world.later(1000);
    const done = await write(guard);
    expect(done).toMatchObject({ status: "done", receipt: { phase: "outcome", approval: { state: "used", id, approvers: ["ann@example.com"], method: kind } } });
    const [decision] = await guard.receipts({ run_id: done.receipt?.run_id ?? "", phase: "decision" });
    expect(decision).toMatchObject({ decision: "PASS", approval: { state: "granted", id, statement: { plan_digest: decision?.plan_digest } } });
    expect(decision?.policy_results[0]?.reason).toBe(`Approved by ann@example.com (${kind})`);
    expect(decision?.subjects).toContain(subjectDigest(approvalSubject(id)));
    expect((await world.inbox.get(id, world.now))?.state).toBe("used");
    expect(await world.verify()).toMatchObject({ ok: true });
  });

  test("once is once: replayed at once and later, it asks anew", async () => {
    const ann = world.person("ann@example.com");
    // The note is the same again afterwards, so that the plan has the same digest.
    const tool = noteTool(world.file, { execute: (act) => ({ ...act(), result: rmSync(world.file) ?? null }) });
    const guard = world.guard({ tools: [tool] });
    await write(guard);
    const { id } = await world.approve(ann);
    expect((await write(guard)).status).toBe("done");
    const again = await write(guard);
    expect(again.status).toBe("blocked");
    expect(again.text).toContain(`Approval ${id.slice(0, 8)} was used already`);
    expect(stateOf(again)).toBe("requested");
    expect((await world.request()).id).not.toBe(id);
    expect(await world.verify()).toMatchObject({ ok: true });
  });

  test("the inbox set back to before the use brings nothing back: the ledger remembers", async () => {
    const ann = world.person("ann@example.com");
    const tool = noteTool(world.file, { execute: (act) => ({ ...act(), result: rmSync(world.file) ?? null }) });
    const guard = world.guard({ tools: [tool] });
    await write(guard);
    const { id } = await world.approve(ann);
    await write(guard);
    world.sql("UPDATE requests SET state = 'open', over_at = NULL, run_id = NULL");
    const again = await write(guard);
    expect(again.text).toContain(`Approval ${id.slice(0, 8)} was used already (run `);
    expect(stateOf(again)).toBe("requested");
    expect((await world.request()).id).not.toBe(id);
  });

  test("a run that failed has used it up", async () => {
    const ann = world.person("ann@example.com");
    let fail = true;
    const tool = noteTool(world.file, {
      execute: (act) => {
        if (fail) throw new EnactError("ACTION_FAILED", "The disk is full");
        return act();
      },
    });
    const guard = world.guard({ tools: [tool] });
    await write(guard);
    await world.approve(ann);
    expect((await write(guard)).status).toBe("failed");
    fail = false;
    expect((await write(guard)).text).toContain("was used already");
  });

  test("a check sees the approval and leaves it", async () => {
    const ann = world.person("ann@example.com");
    const guard = world.guard();
    await write(guard);
    const { id } = await world.approve(ann);
    for (let n = 0; n < 3; n += 1) {
      const checked = await guard.check("note_write", { text: "hello" });
      expect(checked.text).toContain(`would use up approval ${id.slice(0, 8)}`);
    }
    expect((await write(guard)).status).toBe("done");
  });

  test("expires at its instant, not a millisecond later, and in time a millisecond before", async () => {
    const ann = world.person("ann@example.com");
    const guard = world.guard();
    await write(guard);
    const { expires_at, id } = await world.approve(ann);
    world.now = new Date(Date.parse(expires_at));
    const late = await write(guard);
    expect(late.status).toBe("blocked");
    expect(late.text).toContain(`Approval ${id.slice(0, 8)} expired at ${expires_at}`);
    expect(stateOf(late)).toBe("requested");

    const { expires_at: next } = await world.approve(ann);
    world.now = new Date(Date.parse(next) - 1);
    expect((await write(guard)).status).toBe("done");
    expect(await world.verify()).toMatchObject({ ok: true });
  });

  test("found in time and recorded too late is too late: the instant of the receipt counts", async () => {
    const ann = world.person("ann@example.com");
    const first = world.guard();
    await write(first);
    const { expires_at } = await world.approve(ann);
    const desk = world.desk();
    const slow: ApprovalDesk = {
      ...bare(desk),
      find: async (plan, now) => {
        const found = await desk.find(plan, now);
        world.now = new Date(Date.parse(expires_at));
        return found;
      },
    };
    world.now = new Date(Date.parse(expires_at) - 1);
    const late = await write(world.guard({ desk: slow }));
    expect(late.status).toBe("blocked");
    expect(late.text).toContain("expired at");
  });

  test("an answer that comes at the instant of expiry is refused", async () => {
    const ann = world.person("ann@example.com");
    await write(world.guard());
    const { expires_at } = await world.request();
    world.now = new Date(Date.parse(expires_at));
    await expect(world.approve(ann)).rejects.toMatchObject({ code: "REFUSED" });
    await expect(world.deny("too late")).rejects.toMatchObject({ code: "REFUSED" });
  });

  test("a clock that is set back does not revive what was seen expired, nor what the ledger's runs have outlived", async () => {
    const ann = world.person("ann@example.com");
    const guard = world.guard();
    await write(guard);
    const { expires_at } = await world.approve(ann);
    world.now = new Date(Date.parse(expires_at) + 60_000);
    expect((await write(guard)).text).toContain("expired at");
    world.now = new Date(Date.parse(expires_at) - 60_000);
    expect((await write(guard)).status).toBe("blocked");

    // Nobody looked while it was expired, but another call ran: the ledger knows that it was later once.
    world.now = new Date(Date.parse(expires_at) + 120_000);
    await world.approve(ann);
    const free = world.guard({ policies: [{ name: "free", policy: () => ({ policy: "free", passed: true, reason: "fine" }) }] });
    const before = world.now;
    world.now = new Date(before.getTime() + 2 * 3_600_000);
    expect((await write(free, "other")).status).toBe("done");
    rmSync(world.file);
    world.now = before;
    const back = await write(guard);
    expect(back.status).toBe("blocked");
    expect(back.text).toContain("the clock was set back");
  });

  test("before the answer was given there is none, whatever the clock says", async () => {
    const ann = world.person("ann@example.com");
    const guard = world.guard();
    await write(guard);
    world.later(120_000);
    await world.approve(ann);
    world.later(-60_000);
    const back = await write(guard);
    expect(back.status).toBe("blocked");
    expect(back.text).toContain("it was set back");
  });
});

describe("a plan that is another one", () => {
  const approved = async () => {
    const ann = world.person("ann@example.com");
    await write(world.guard());
    return (await world.approve(ann)).id.slice(0, 8);
  };

  test("other arguments: the approval for A is none for B, and the difference is named", async () => {
    const short = await approved();
    const report = await write(world.guard(), "something else");
    expect(report.status).toBe("blocked");
    expect(report.text).toContain(`Approval ${short} of ann@example.com is for another call: 'text' is no longer the same`);
  });

  test("the world has moved on: what would be done is another thing", async () => {
    const short = await approved();
    writeFileSync(world.file, "somebody wrote this meanwhile");
    const report = await write(world.guard());
    expect(report.status).toBe("blocked");
    expect(report.text).toContain(`Approval ${short} of ann@example.com is for another call: what would be done is no longer the same`);
  });

  test.each([
    ["another identity", { identity: { user_email: "agent@company.example", actor_role: "intern", user_attributes: {} } }, "another identity acts"],
    ["another configuration", { configDigest: `sha256:${"1".repeat(64)}` }, "the configuration is another"],
    ["another environment", { ambient: () => ({ freeze_env: "1", freeze_file: null }) }, "'environment' is no longer the same"],
  ])("%s", async (_title, change, words) => {
    await approved();
    const report = await write(world.guard(change));
    expect(report.status).toBe("blocked");
    expect(report.text).toContain(words);
  });

  test("another project of the same user with the very same plan", async () => {
    await approved();
    const elsewhere = world.desk({ project: join(world.root, "another") });
    const report = await write(world.guard({ desk: elsewhere }));
    expect(report.status).toBe("blocked");
    expect(stateOf(report)).toBe("requested");
  });
});

describe("people", () => {
  test("a denial is told to the agent with its reason, asks nobody again, and ends with the request's time", async () => {
    world.person("ann@example.com");
    const guard = world.guard();
    await write(guard);
    const { id } = await world.deny("Not while the customers\nare awake");
    const report = await write(guard);
    expect(report.text).toContain("ann (at a terminal) said no: Not while the customers\\nare awake");
    expect(report.receipt?.approval).toEqual({ state: "denied", id });
    expect(await world.inbox.list({}, world.now)).toHaveLength(1);
    world.later(3_600_000);
    expect(stateOf(await write(guard))).toBe("requested");
  });

  test("a yes that is followed by a no is a no", async () => {
    const ann = world.person("ann@example.com");
    const guard = world.guard();
    await write(guard);
    await world.approve(ann);
    await world.deny(null);
    expect(stateOf(await write(guard))).toBe("denied");
  });

  test("two people must approve: one is not enough, nor is one of them twice with two keys", async () => {
    const [ann, bob] = [world.person("ann@example.com"), world.person("bob@example.com")];
    const annAgain = passkeyPerson("Ann+work@Example.com", world.now.toISOString());
    world.add(annAgain);
    const guard = world.guard({ policies: [twoPeople] });
    await write(guard);
    await world.approve(ann);
    const one = await write(guard);
    expect(one.text).toContain("ann@example.com approved, and 2 different people must");
    await world.approve(annAgain);
    expect((await write(guard)).status).toBe("blocked");
    await world.approve(bob);
    const done = await write(guard);
    expect(done.status).toBe("done");
    expect(done.receipt?.approval?.["approvers"]).toEqual(["ann@example.com", "bob@example.com"]);
    expect(await world.verify()).toMatchObject({ ok: true });
  });

  test("the configuration may want more people than the policy", async () => {
    const [ann, bob] = [world.person("ann@example.com"), world.person("bob@example.com")];
    const guard = world.guard({ desk: world.desk({ minApprovals: 2 }) });
    await write(guard);
    await world.approve(ann);
    expect((await write(guard)).status).toBe("blocked");
    await world.approve(bob);
    expect((await write(guard)).status).toBe("done");
  });

  test("the acting user's own approval does not count where somebody else must approve", async () => {
    const own = world.person("Agent+me@company.example");
    const ann = world.person("ann@example.com");
    const guard = world.guard({ desk: world.desk({ approverDiffers: true }) });
    await write(guard);
    await expect(world.approve(own)).rejects.toThrow(/acting user's own/);
    await world.approve(ann);
    expect((await write(guard)).status).toBe("done");
  });

  test("an approver who is revoked after the answer and before the use lets nothing through", async () => {
    const ann = world.person("ann@example.com");
    const guard = world.guard();
    await write(guard);
    await world.approve(ann);
    world.later(1000);
    world.registry.revoke(ann.draft.id, world.now);
    const report = await write(guard);
    expect(report.status).toBe("blocked");
    expect(report.text).toContain("The answer of ann@example.com comes from an approver who has been revoked");
  });

  test("an approver who is revoked after the use leaves the receipt provable", async () => {
    const ann = world.person("ann@example.com");
    const guard = world.guard();
    await write(guard);
    await world.approve(ann);
    await write(guard);
    world.later(1000);
    world.registry.revoke(ann.draft.id, world.now);
    expect(await world.verify()).toMatchObject({ ok: true });
  });

  test("somebody who wrote himself into the registry approves nothing", async () => {
    world.person("ann@example.com");
    const mallory = keyPerson("mallory@example.com", world.now.toISOString());
    const path = join(world.enactHome, "approvers.json");
    const { approvers } = JSON.parse(readFileSync(path, "utf8")) as { approvers: unknown[] };
    writeFileSync(path, JSON.stringify({ version: 1, approvers: [...approvers, { ...mallory.draft, confirmation: null, revoked_at: null }] }), { mode: 0o600 });
    await write(world.guard());
    await expect(world.approve(mallory)).rejects.toThrow(/not among the approvers/);
  });
});

describe("somebody at the files", () => {
  test("the inbox deleted after the approval: nothing is granted, and people are asked anew", async () => {
    const ann = world.person("ann@example.com");
    const guard = world.guard();
    await write(guard);
    await world.approve(ann);
    await world.inbox.close();
    for (const suffix of ["", "-wal", "-shm"]) rmSync(join(world.enactHome, `inbox.sqlite${suffix}`), { force: true });
    const report = await write(world.guard());
    expect(report.status).toBe("blocked");
    expect(stateOf(report)).toBe("requested");
    // The first guard still holds the file that is gone, and must not go on with it.
    expect((await write(guard)).receipt?.approval).toMatchObject({ state: "pending", id: report.receipt?.approval?.["id"] });
  });

  test("rows of the ledger deleted to use an approval again: the whole ledger is refused", async () => {
    const ann = world.person("ann@example.com");
    const tool = noteTool(world.file, { execute: (act) => ({ ...act(), result: rmSync(world.file) ?? null }) });
    const guard = world.guard({ tools: [tool] });
    await write(guard);
    await world.approve(ann);
    expect((await write(guard)).status).toBe("done");
    const ledger = new DatabaseSync(join(world.project, ".enact", "ledger.sqlite"));
    ledger.exec("DELETE FROM entries WHERE sequence > 1");
    ledger.close();
    world.sql("UPDATE requests SET state = 'open', over_at = NULL, run_id = NULL");
    const report = await write(guard);
    expect(report).toMatchObject({ status: "blocked", code: "TAMPERED" });
  });

  test("a desk that lies about the plan or the time is not believed by the guard", async () => {
    const ann = world.person("ann@example.com");
    await write(world.guard());
    await world.approve(ann);
    const desk = world.desk();
    for (const lie of [{ plan_digest: `sha256:${"9".repeat(64)}` }, { expires_at: START }]) {
      const liar: ApprovalDesk = {
        ...bare(desk),
        find: async (plan, now) => {
          const found = await desk.find(plan, now);
          return found.state === "granted" ? { state: "granted", grant: { ...found.grant, ...lie } } : found;
        },
      };
      expect((await write(world.guard({ desk: liar }))).status).toBe("blocked");
    }
  });
});

test("measured effects are judged with the approval that let the call run", async () => {
  const ann = world.person("ann@example.com");
  const judged: boolean[] = [];
  const tool = noteTool(world.file, {
    execute: async (act, control) => {
      judged.push(await control.judge({ text: "hello", measured: 3 }));
      return act();
    },
  });
  const guard = world.guard({ tools: [tool] });
  await write(guard);
  await world.approve(ann);
  expect((await write(guard)).status).toBe("done");
  expect(judged).toEqual([true]);
});

function bare(desk: ApprovalDesk): ApprovalDesk {
  return {
    find: (plan, now) => desk.find(plan, now),
    expiresAt: (now) => desk.expiresAt(now),
    file: (id, plan, demand, now) => desk.file(id, plan, demand, now),
    where: (id) => desk.where(id),
    used: (id, runId, now) => desk.used(id, runId, now),
    close: () => desk.close(),
  };
}

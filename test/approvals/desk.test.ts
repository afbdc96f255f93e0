import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import type { PlanForApproval } from "../../src/approvals/desk.js";
import { differenceOf } from "../../src/approvals/difference.js";
import type { Announcer } from "../../src/approvals/open-desk.js";
import { newRequestId } from "../../src/approvals/request.js";
import { planDigest } from "../../src/receipts/canonical.js";
import { ApprovalWorld } from "../support/approval-world.js";

let world: ApprovalWorld;
beforeEach(() => {
  world = new ApprovalWorld();
});
afterEach(() => world.remove());

const DEMAND = { policies: [{ policy: "require_human_ok", reason: "nobody has" }], min_approvals: 1, approver_differs: false };

function plan(changes: Partial<Pick<PlanForApproval, "payload" | "step" | "identity" | "config_digest">> = {}): PlanForApproval {
  const identity = { user_email: "agent@company.example", actor_role: "engineer", user_attributes: {} };
  const whole = { workflow: "s3_delete", payload: { bucket: "b", objects: [1, 2] }, step: { keys: ["a"] }, identity, config_digest: "sha256:0", ...changes };
  return { ...whole, target: "s3://b/", plan_digest: planDigest(whole) };
}

describe("what the agent is told to tell", () => {
  test("the command, the page where there is one, and nothing that grants", async () => {
    world.person("ann@example.com");
    const desk = world.desk({ page: "http://localhost:4663" });
    const { id, where, expires_at } = await desk.file(newRequestId(), plan(), DEMAND, world.now);
    const short = id.slice(0, 8);
    expect(where).toEqual([
      `A person must decide: they run 'enact-guard approve ${short}' in a terminal, or open http://localhost:4663/approvals/${short}.`,
      "Then make the same call again, with the same arguments.",
    ]);
    expect(expires_at).toBe("2026-11-22T13:00:00.000Z");
    expect(where.join(" ")).not.toContain(id);
  });

  test("that nobody can approve yet, and how the person changes that", async () => {
    expect(world.desk().where(newRequestId()).join(" ")).toContain("Nobody can approve yet: the person first runs 'enact-guard approvers add'");
    const ann = world.person("ann@example.com");
    expect(world.desk().where(newRequestId()).join(" ")).not.toContain("Nobody can approve");
    world.registry.revoke(ann.draft.id, world.now);
    expect(world.desk().where(newRequestId()).join(" ")).toContain("Nobody can approve yet");
  });
});

describe("announcing", () => {
  test("each new request once, with what it says added for the agent", async () => {
    const announced: string[] = [];
    const announce: Announcer = (request) => {
      announced.push(request.id);
      return Promise.resolve(["A link is on its way."]);
    };
    const desk = world.desk({ announcers: [announce] });
    const first = await desk.file(newRequestId(), plan(), DEMAND, world.now);
    expect(first.where.at(-1)).toBe("A link is on its way.");
    const again = await desk.file(newRequestId(), plan(), DEMAND, world.now);
    expect(again.id).toBe(first.id);
    await desk.file(first.id, plan(), DEMAND, world.now);
    expect(announced).toEqual([first.id]);
  });

  test("one that fails is said and one that hangs is not waited for; the request is there either way", async () => {
    const fails: Announcer = () => Promise.reject(new Error("smtp.example: password hunter2 refused"));
    const desk = world.desk({ announcers: [fails] });
    const { id, where } = await desk.file(newRequestId(), plan(), DEMAND, world.now);
    expect(where.join(" ")).toContain("could be told of it");
    expect(where.join(" ")).not.toContain("hunter2");
    expect(await world.inbox.get(id, world.now)).not.toBeNull();

    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      const hangs: Announcer = () => new Promise<never>(() => undefined);
      const filing = world.desk({ announcers: [hangs] }).file(newRequestId(), plan({ step: {} }), DEMAND, world.now);
      await vi.waitFor(() => expect(vi.getTimerCount()).toBeGreaterThan(0), { timeout: 5000 });
      await vi.advanceTimersByTimeAsync(3000);
      expect((await filing).where).toHaveLength(3);
    } finally {
      vi.useRealTimers();
    }
  });
});

test("a difference names facts and no values, and not too many", () => {
  const before = plan();
  expect(differenceOf(before, plan())).toBeNull();
  expect(differenceOf(before, plan({ payload: { bucket: "secret-bucket", objects: [1, 2] } }))).toBe("'bucket' is no longer the same");
  expect(differenceOf(before, plan({ payload: { objects: [1] } }))).toBe("'bucket' and 'objects' are no longer the same");
  expect(differenceOf(before, plan({ step: { keys: ["b"] } }))).toBe("what would be done is no longer the same");
  const other = plan({ identity: { user_email: "eve@company.example", actor_role: "engineer", user_attributes: {} }, config_digest: "sha256:1" });
  expect(differenceOf(before, other)).toBe("another identity acts, and the configuration is another");
  const many = Object.fromEntries(Array.from({ length: 9 }, (_, index) => [`fact_${String(index)}`, index]));
  expect(differenceOf(before, plan({ payload: many }))).toMatch(/^'bucket', 'objects', 'fact_0', 'fact_1', 'fact_2', 'fact_3' and 5 more are/);
});

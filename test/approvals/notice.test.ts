import { expect, test } from "vitest";

import { desktopNotice } from "../../src/approvals/notice.js";
import type { ApprovalRequest } from "../../src/approvals/request.js";

const request = (workflow: string): ApprovalRequest => ({ id: "3f2a9c1b".repeat(4), plan: { workflow, target: "main'; rm -rf /" } }) as unknown as ApprovalRequest;

async function started(platform: string, workflow = "s3_delete") {
  const calls: (readonly [string, readonly string[]])[] = [];
  const told = await desktopNotice(platform, (program, args) => void calls.push([program, args]))(request(workflow));
  return { calls, told };
}

test("a notice names the tool and the request, and tells the agent nothing", async () => {
  const text = "An agent asks for your approval: s3_delete. enact-guard approve 3f2a9c1b";
  expect(await started("linux")).toEqual({ calls: [["notify-send", ["--app-name", "Enact Guard", "Enact Guard", text]]], told: [] });
  expect(await started("darwin")).toEqual({ calls: [["osascript", ["-e", `display notification "${text}" with title "Enact Guard"`]]], told: [] });
  expect((await started("win32")).calls).toEqual([]);
});

test("nothing that a call or a tool's name brings gets into the script", async () => {
  for (const platform of ["linux", "darwin"]) {
    const { calls } = await started(platform, 'x" & do shell script "id');
    expect(JSON.stringify(calls)).not.toMatch(/rm -rf|do shell|&/);
  }
});

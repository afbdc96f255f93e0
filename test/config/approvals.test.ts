import { afterEach, beforeEach, describe, expect, test } from "vitest";

import type { Sandbox } from "../support/config-sandbox.js";
import { configSandbox } from "../support/config-sandbox.js";

let sandbox: Sandbox;
beforeEach(() => {
  sandbox = configSandbox();
});
afterEach(() => sandbox.remove());

const RIGHT = `identity: { user_email: agent@company.com, actor_role: engineer }
systems: { git: { repo: . } }
tools: [git_push]
policies: [dont_push_to_main]
`;
const MAIL = "systems: { git: { repo: . }, email: { smtp: smtps://mail.example, from: agent@company.com } }";

const load = (more: string, base = RIGHT) => {
  sandbox.write("enact.yaml", `${base}${more}`);
  return sandbox.load();
};

describe("how people are asked", () => {
  test("by default: one person, one hour, the page, no mail, no notice", async () => {
    const config = await load("");
    expect(config.approvals).toEqual({ expires_minutes: 60, min_approvals: 1, approver_differs: false, page: true, port: 4663, notify: false });
    expect(Object.isFrozen(config.approvals)).toBe(true);
  });

  test("everything can be said", async () => {
    const base = RIGHT.replace("systems: { git: { repo: . } }", MAIL);
    const { approvals } = await load("approvals: { expires_minutes: 5, min_approvals: 2, approver_differs: true, page: false, port: 5000, notify: true, mail: { to: [lead@company.com], base_url: https://approve.example/x } }\n", base);
    expect(approvals).toEqual({
      expires_minutes: 5, min_approvals: 2, approver_differs: true, page: false, port: 5000, notify: true,
      mail: { to: ["lead@company.com"], base_url: "https://approve.example/x" },
    });
  });

  test.each([
    ["approvals: { expires: 5 }", /unknown key 'expires' in approvals/],
    ["approvals: { expires_minutes: 0 }", /approvals\.expires_minutes must be at least 1/],
    ["approvals: { min_approvals: 0 }", /approvals\.min_approvals must be at least 1/],
    ["approvals: { min_approvals: 1.5 }", /approvals\.min_approvals must be a whole number/],
    ["approvals: { approver_differs: yes }", /approvals\.approver_differs must be true or false/],
    ["approvals: { port: 80 }", /approvals\.port must be at least 1024/],
    ["approvals: { mail: { to: [], base_url: https://x.example } }", /approvals\.mail\.to must name at least one/],
    ["approvals: { mail: { to: [nobody], base_url: https://x.example } }", /approvals\.mail\.to\[0\] must be one e-mail address/],
    ["approvals: { mail: { to: [a@b.c], base_url: http://x.example } }", /approvals\.mail\.base_url must be an address that begins with https/],
    ["approvals: { mail: { to: [a@b.c], base_url: https://x.example/?a=b } }", /approvals\.mail\.base_url must be/],
    ["approvals: { mail: { to: [a@b.c], base_url: https://x.example } }", /approvals\.mail needs a mail server. Write email below 'systems'/],
  ])("%s is refused in words", async (text, says) => {
    sandbox.write("enact.yaml", `${RIGHT}${text}\n`);
    expect(await sandbox.problem()).toMatch(says);
  });

  test("it is part of what an approval is bound to: another number of people is another configuration", async () => {
    const digest = async (text: string) => (await load(text)).digest;
    const standard = await digest("");
    expect(await digest("approvals: { min_approvals: 1, page: true }\n")).toBe(standard);
    const others = ["min_approvals: 2", "approver_differs: true", "expires_minutes: 61"].map((text) => `approvals: { ${text} }\n`);
    for (const other of others) expect(await digest(other)).not.toBe(standard);
  });
});

import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { unknown } from "../../src/facts/unknown.js";
import { judge } from "../../src/guard/judge.js";
import { selfTest } from "../../src/guard/selftest.js";
import { policies } from "../../src/policies/index.js";
import { policyMeta, type Policy, type PolicyDefinition } from "../../src/policies/policy.js";
import { tools } from "../../src/tools/index.js";
import { configSandbox, type Sandbox } from "../support/config-sandbox.js";

/** Options under which the policy judges mail, from its own examples. */
function forMail(definition: PolicyDefinition): Policy | undefined {
  const given = [{}, ...definition.examples.map((example) => example.options ?? {})];
  const made = given.filter((options) => definition.options.safeParse(options).success).map((options) => definition.create(options));
  return made.find((policy) => {
    const { workflows } = policyMeta(policy) ?? {};
    return workflows !== "all" && workflows?.includes("email_send") === true;
  });
}

const MAIL_POLICIES = policies.flatMap((definition) => {
  const policy = forMail(definition);
  return policy === undefined ? [] : [{ definition, policy }];
});
const PARTIAL = MAIL_POLICIES.filter(({ definition }) => definition.judgesPartOf.includes("email_send"));
const identity = { user_email: "a@b.example", actor_role: "x", user_attributes: { clearance_level: 99 } };

/** A mail of which nothing is known but that no file is attached, to whomever. */
function letsUnknownMailPass(policy: Policy): boolean {
  const facts = ["to", "cc", "bcc", "recipients", "recipient_count", "domains", "secrets"];
  const payload = { ...Object.fromEntries(facts.map((fact) => [fact, { ...unknown("test") }])), attachments: [] };
  const history = { runs: () => [], count: () => 0 };
  return judge([{ name: policy.name, policy }], { workflow: "email_send", identity, payload, now: new Date(0), history, approval: null }).passed;
}

let sandbox: Sandbox;
beforeEach(() => {
  sandbox = configSandbox();
});
afterEach(() => sandbox.remove());

function load(list: string) {
  const systems = "systems: { filesystem: { root: . }, email: { smtp: 'smtp://127.0.0.1:1' } }";
  sandbox.write("enact.yaml", `identity: { user_email: a@b.example, actor_role: x }\n${systems}\ntools: [email_send]\npolicies: ${list}\n`);
  return sandbox.load({ tools, policies });
}

describe("policies that judge only what is attached to a mail", () => {
  test("are exactly those that let a mail without attachments pass, whoever gets it", () => {
    expect(PARTIAL.map(({ definition }) => definition.id)).toEqual(["dont_read_sensitive_paths", "require_clearance_for_path", "block_extensions", "restrict_paths"]);
    // How often something happens is judged of the whole call, whatever is in it.
    const blind = MAIL_POLICIES.filter(({ policy, definition }) => definition.category !== "time" && letsUnknownMailPass(policy));
    expect(blind.map(({ definition }) => definition.id)).toEqual(PARTIAL.map(({ definition }) => definition.id));
  });

  test("do not make mail a judged tool: the server does not start", async () => {
    const list = "[{ restrict_paths: { allowed_dirs: [docs] } }, { block_extensions: { extensions: [.pem] } }]";
    await expect(load(list)).rejects.toThrow(
      "enact.yaml:3:9: no policy judges email_send as a whole (restrict_paths, block_extensions judging only what may be attached). " +
        "Add one such as dont_send_secrets, no_mass_emails, no_repeat_emails, require_recipient_domain",
    );
  });

  test("are welcome beside one that judges the mail, and alone where a person waives it", async () => {
    await expect(load("[{ restrict_paths: { allowed_dirs: [docs] } }, no_mass_emails]")).resolves.toMatchObject({ tools: ["email_send"] });
    await expect(load("[{ restrict_paths: { allowed_dirs: [docs] } }]\nunguarded: [email_send]")).resolves.toMatchObject({ tools: ["email_send"] });
  });

  test.each(PARTIAL.map(({ definition, policy }) => [definition.id, policy] as const))("%s alone does not pass the guard's own self-test either", (id, policy) => {
    const email = tools.filter(({ name }) => name === "email_send");
    const options = { tools: email as never, unguarded: [], identity };
    expect(selfTest({ ...options, policies: [{ name: id, policy }] })).toMatchObject({ ok: false, failures: ["email_send is enabled and no policy judges it as a whole."] });
    const [whole] = MAIL_POLICIES.filter(({ definition }) => definition.id === "no_mass_emails");
    const both = [{ name: id, policy }, ...(whole === undefined ? [] : [{ name: "no_mass_emails", policy: whole.policy }])];
    expect(selfTest({ ...options, policies: both })).toMatchObject({ ok: true });
  });
});

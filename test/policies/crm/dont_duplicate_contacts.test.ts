import { expect, test } from "vitest";

import type { History, PastRun } from "../../../src/facts/context.js";
import { dontDuplicateContacts, dontDuplicateContactsPolicy } from "../../../src/policies/crm/index.js";
import { testPolicy } from "../../support/policy-examples.js";
import { blockedBy } from "../../support/tool-calls.js";

testPolicy(dontDuplicateContactsPolicy);

const NOW = new Date("2026-11-22T12:00:00.000Z");
const MINUTE = 60;

test.each<[PastRun["state"], number, boolean]>([
  ["running", 1, false],
  ["running", 600 * MINUTE, false],
  ["running", 1441 * MINUTE, true],
  ["unknown", 1, false],
  ["unknown", 1439 * MINUTE, false],
  ["failed", 1, true],
  ["done", 14 * MINUTE, false],
  ["done", 15 * MINUTE, true],
])("a %s run of %s seconds ago, which the CRM does not show: passes is %s", (state, ago, passes) => {
  const run = { run_id: "r1", workflow: "crm_create_contact", user_email: "a@x", timestamp: new Date(NOW.getTime() - ago * 1000), state };
  const runs: History["runs"] = ({ subject, since }) => (subject === "crm:contact:bob@example.com" && run.timestamp >= since ? [run] : []);
  const payload = { email: "Bob@Example.com", email_normalised: "bob@example.com", existing_contacts: [] };
  const blocked = blockedBy("crm_create_contact", payload, [dontDuplicateContacts], { now: NOW, history: { runs, count: (query) => runs(query).length } });
  expect(blocked === null).toBe(passes);
});

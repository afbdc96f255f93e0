import fc from "fast-check";
import { describe, expect, test } from "vitest";

import type { JsonValue } from "../../../src/receipts/receipt.js";
import { html } from "../../../src/web/approvals/html.js";
import { page } from "../../../src/web/approvals/layout.js";
import { drawRequest } from "../../../src/web/approvals/request-page.js";
import { HOSTILE, planOf, requestOf, SAMPLES, type SamplePlan } from "../../support/approval-samples.js";

const NOW = new Date("2026-11-22T12:00:00.000Z");

function draw(sample: SamplePlan): { readonly title: string; readonly markup: string } {
  const { title, content } = drawRequest(requestOf({ plan: planOf(sample), now: NOW }));
  return { title, markup: content.toString() };
}

/** What stands in the page as text, as a browser would read it. */
function textOf(markup: string): string {
  return markup
    .replaceAll(/<mark[^>]*>([^<]*)<span>([^<]*)<\/span><\/mark>/gu, "$1[$2]")
    .replaceAll(/<[^>]*>/gu, "\u0001")
    .replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&quot;", '"').replaceAll("&#39;", "'").replaceAll("&#96;", "`").replaceAll("&amp;", "&");
}

function withoutDetails(markup: string): string {
  return markup.replaceAll(/<details(?! class="card" open)[^]*?<\/details>/gu, "");
}

function leavesOf(value: JsonValue): string[] {
  if (typeof value === "string") return [value];
  if (typeof value !== "object" || value === null) return [String(value)];
  return Object.values(value).flatMap((child) => leavesOf(child));
}

describe.each(Object.entries(SAMPLES))("a request of %s", (_name, sample) => {
  const { markup } = draw(sample);

  test("shows every value of the plan and of its facts, whole", () => {
    const text = textOf(markup);
    const missing = [...leavesOf(sample.step), ...leavesOf(sample.payload)].filter((leaf) => !text.includes(leaf));
    expect(missing).toEqual([]);
  });

  test("says who asks, for which project, and why it was stopped", () => {
    const text = textOf(withoutDetails(markup));
    for (const part of ["agent@shop.example", "engineer", "/home/ann/work/shop", sample.workflow, "require_human_ok", `A person must approve every ${sample.workflow}`]) expect(text).toContain(part);
  });
});

/** By tool: what an agent can put into a call. All of it must be read without opening anything. */
const GIVEN: Readonly<Record<string, readonly string[]>> = {
  s3_delete: ["acme-backups", "db/2026-10/customers.dump", "db/2026-10/orders.dump", "db/2026-11/README.txt", "db/2026-1"],
  sql_query: ["-- customers who never came back\nDELETE FROM customers\nWHERE last_seen < now() - $1::interval\n  AND country = $2", "3 years", "DE"],
  email_send: ["customer@example.org", "The Customer", "lead@shop.example", "archive@shop.example", "Your refund", "Dear customer,\n\nwe have refunded 120.00 EUR.\n\nKind regards\nShop", "<script>alert(1)</script>", "refund.pdf"],
  slack_post: ["C024BE91L", "<!channel> the shop is down, we are on it", "1700000000.123456", "The shop is *down*"],
  file_write: ["config/production.yaml", "database:\n  host: db.shop.example\n  pool: 20\nfeatures:\n  checkout: off\n", "config/new"],
  file_delete: ["uploads", "212", "2026/001.jpg", "2026/216.jpg"],
  git_push: ["main", "origin", "https://git.shop.example/shop.git", "b".repeat(40), "a".repeat(40), "Fix the checkout"],
  git_commit: ["Round prices once\n\nTwice lost a cent.", "src/cart.ts", "src/old.ts", "agent/fix-149"],
  git_merge: ["main", "agent/fix-149", "a".repeat(40), "b".repeat(40)],
  git_delete_branch: ["old/experiment", "origin", "Try another cart"],
  gdrive_delete: ["1aB", "Board meetings"],
  crm_create_contact: ["ann@example.org", "firstname", "Ann", "Example & Sons <Ltd>"],
  crm_create_task: ["77", "Call back", "About the refund.\nShe prefers mornings."],
  enact_rollback: ["uploads/ comes back with 212 files", "a link outside the project is not made again", "rebuild"],
  deploy_service: ["checkout", "registry.shop.example/checkout@sha256:9", "12", "eu"],
};

test("there is a sample of each, and each says what the agent gave", () => {
  expect(Object.keys(GIVEN).toSorted()).toEqual(Object.keys(SAMPLES).toSorted());
});

test.each(Object.entries(GIVEN))("what an agent gives to %s is in sight", (name, given) => {
  const text = textOf(withoutDetails(draw(SAMPLES[name] as SamplePlan).markup));
  expect(given.filter((part) => !text.includes(part))).toEqual([]);
});

test("a thousand objects are a thousand rows", () => {
  const objects = Array.from({ length: 1000 }, (_, index) => ({ key: `logs/${String(index)}.gz`, delete_version: null, seen: null, effect: "destroy" }));
  const sample = SAMPLES["s3_delete"] as SamplePlan;
  const text = textOf(withoutDetails(draw({ ...sample, step: { bucket: "b", versioning: "never", objects } }).markup));
  expect(objects.filter(({ key }) => !text.includes(key))).toEqual([]);
  expect(text).toContain("Delete 1,000 objects from b");
});

test("a plan that lacks what its tool always has, or holds something else, is shown all the same", () => {
  for (const sample of Object.values(SAMPLES)) {
    for (const step of [null, {}, [], "text", { objects: 7, order: "x", push: null, commit: [], recipients: {}, place: 1 }]) {
      const { markup } = draw({ ...sample, payload: { secret: "a fact of another shape" }, step });
      expect(textOf(markup)).toContain("a fact of another shape");
    }
  }
});

/** The elements that the page may consist of; anything else came from a text. */
const OURS = new Set("p bdi code h1 h2 ul ol li dl dt dd div span mark section details summary table caption thead tbody tr th td pre time".split(" "));

function strangers(markup: string): string[] {
  return [...markup.matchAll(/<\/?([a-z0-9]+)/giu)].map(([, name = ""]) => name).filter((name) => !OURS.has(name));
}

const ANYTHING = fc.oneof(
  fc.string({ unit: "binary", maxLength: 30 }),
  fc.constantFrom(...Object.values(HOSTILE), "<b onmouseover=alert(1)>", "</pre></code></section>", "&lt;script&gt;", "&#x3c;img&#x3e;", "javascript:alert(1)", "\u2028<script>", "</script\u0000>", "{{7*7}}", "${7*7}", "`"),
);

test("no text becomes markup, wherever it stands", () => {
  fc.assert(
    fc.property(fc.constantFrom(...Object.values(SAMPLES)), ANYTHING, (sample, given) => {
      const text = given.toWellFormed();
      const step = replaced(sample.step, text);
      const payload = replaced(sample.payload, text) as SamplePlan["payload"];
      const { markup, title } = draw({ ...sample, target: text, payload, step });
      expect(strangers(markup)).toEqual([]);
      expect(/<[a-z][^>]*\son[a-z]+=/iu.test(markup)).toBe(false);
      const whole = page({ title, assets: "/", home: "/approvals", hasScript: true, main: html`<p>${text}</p>` });
      expect(whole.match(/<script/gu)).toHaveLength(1);
      expect(whole.match(/<\/title>/gu)).toHaveLength(1);
    }),
    { seed: 4663, numRuns: 400 },
  );
});

/** Every text of it in the place of another. */
function replaced(value: JsonValue, text: string): JsonValue {
  if (typeof value === "string") return text;
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return (value as readonly JsonValue[]).map((child) => replaced(child, text));
  return Object.fromEntries(Object.entries(value).map(([name, child]) => [name, replaced(child, text)]));
}

test("what is not what it seems is named, counted and said at the top", () => {
  const sample = SAMPLES["email_send"] as SamplePlan;
  const step = { ...(sample.step as Record<string, JsonValue>), subject: HOSTILE.bidi, text: HOSTILE.hidden, to: [{ name: HOSTILE.lookAlike, address: HOSTILE.invisible }] };
  const text = textOf(draw({ ...sample, step }).markup);
  for (const part of ["invoice[RLO]gnp.exe", "p\u0430[U+0430]ypal.example", "ann[zero-width space]@shop.example", "DELETE FROM drafts;[299 empty lines]DROP TABLE customers;", "characters here are not what they seem"]) expect(text).toContain(part);
});

test("titles are orders that a person can say yes or no to", () => {
  const titles = Object.fromEntries(Object.entries(SAMPLES).map(([name, sample]) => [name, draw(sample).title]));
  expect(titles).toMatchInlineSnapshot(`
    {
      "crm_create_contact": "Create a contact for ann@example.org",
      "crm_create_task": "Create a task for ann@example.org",
      "deploy_service": "Run deploy_service: checkout v42 to production",
      "email_send": "Send a mail to 3 recipients",
      "enact_rollback": "Undo file_delete of 22 November",
      "file_delete": "Delete the folder uploads with 212 files in it",
      "file_write": "Replace the file config/production.yaml",
      "gdrive_delete": "Delete Board meetings from Google Drive for good",
      "git_commit": "Commit 2 files on agent/fix-149",
      "git_delete_branch": "Delete the branch old/experiment at origin",
      "git_merge": "Merge agent/fix-149 into main",
      "git_push": "Push main to origin",
      "s3_delete": "Delete 3 objects from acme-backups",
      "slack_post": "Post to #general (C024BE91L)",
      "sql_query": "Run DELETE on public.customers, public.orders",
    }
  `);
});

import { once } from "node:events";
import { writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

import { SMTPServer } from "smtp-server";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { answerRequest } from "../../src/approvals/answering.js";
import { openRegistry } from "../../src/approvals/registry.js";
import { challengeOf, statementOf } from "../../src/approvals/request.js";
import type { Guard } from "../../src/index.js";
import { createGuard } from "../../src/index.js";
import { tools } from "../../src/tools/index.js";
import { openInbox } from "../../src/stores/inbox.js";
import { keyPerson } from "../support/approval-world.js";
import { startGdriveStub } from "../support/gdrive-stub.js";
import { GitSandbox } from "../support/git-sandbox.js";
import { startHubspotStub, TOKEN } from "../support/hubspot-stub.js";
import { startPostgres } from "../support/postgres.js";
import { startS3Stub } from "../support/s3-stub.js";
import { startSlackEmulator } from "../support/slack-emulator.js";

/** One ordinary call of each tool. */
const CALLS: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  crm_create_contact: { email: "new@example.com", properties: { firstname: "Neo" } },
  crm_create_task: { contact: "bob@example.com", subject: "Call back" },
  email_send: { to: ["bob@example.com"], subject: "Hello", text: "Hello Bob", attachments: ["kept.txt"] },
  file_delete: { path: "old", recursive: true },
  file_read: { path: "kept.txt" },
  file_write: { path: "new/notes.txt", content: "some notes\n" },
  gdrive_delete: { file_id: "f1" },
  git_commit: { message: "Say hello to everybody", paths: ["changed.txt"] },
  git_delete_branch: { branch: "agent/old" },
  git_merge: { base: "release", head: "agent/new" },
  git_push: { branch: "agent/new" },
  s3_delete: { bucket: "bucket", prefix: "logs/" },
  slack_post: { channel: "#general", text: "The build is green" },
  sql_query: { sql: "DELETE FROM orders WHERE id <= $1", params: [2] },
};

const ann = keyPerson("ann@example.com", new Date().toISOString());
const ended: (() => Promise<unknown> | void)[] = [];
let git: GitSandbox;
let input: Parameters<typeof createGuard>[0];
let enactHome: string;
let guard: Guard;

beforeAll(async () => {
  git = new GitSandbox();
  ended.push(() => git.cleanUp());
  const project = git.work();
  enactHome = git.path("home", "enact");
  git.branch(project, "agent/old");
  git.branch(project, "agent/new");
  git.git(project, "branch", "release", "main");
  git.git(project, "checkout", "-q", "main");
  for (const [name, content] of Object.entries({ "kept.txt": "kept\n", "old/a.txt": "a\n", "old/b.txt": "b\n", "changed.txt": "hello\n" })) git.write(project, name, content);

  const [postgres, slack, mail, bucket, drive, hubspot] = await Promise.all([
    startPostgres(),
    startSlackEmulator(),
    startMail(),
    startS3Stub({ "logs/a": '"1"', "logs/b": '"2"', other: '"3"' }, () => undefined),
    startGdriveStub(),
    startHubspotStub(),
  ]);
  ended.push(() => postgres.stop(), () => slack.close(), () => bucket.close(), () => drive.close(), () => hubspot.close());
  drive.add("f1");
  hubspot.addContact("bob@example.com");
  const client = await postgres.client();
  await client.query("CREATE TABLE orders (id int PRIMARY KEY, what text); INSERT INTO orders SELECT n, 'thing ' || n FROM generate_series(1, 5) AS n");
  await client.end();
  const credentials = git.path("drive.json");
  writeFileSync(credentials, drive.credentials);
  input = {
    project,
    enactHome,
    env: git.env,
    identity: { user_email: "agent@company.example", actor_role: "engineer" },
    systems: {
      git: { repo: "." },
      filesystem: { root: "." },
      postgres: { url: postgres.url },
      slack: { token: slack.token, api_url: slack.apiUrl },
      email: { smtp: mail.url, from: "agent@company.example", allow_plaintext: true },
      s3: { region: "us-east-1", endpoint: bucket.url, access_key_id: "k", secret_access_key: "s" },
      gdrive: { credentials, root_url: drive.url },
      hubspot: { token: TOKEN, base_url: hubspot.url },
    },
    tools: Object.keys(CALLS),
    policies: [{ require_human_ok: { workflows: [...Object.keys(CALLS), "enact_rollback"] } }],
  };
  guard = await createGuard(input);
  ended.push(() => guard.close());
});

afterAll(async () => {
  for (const end of ended.toReversed()) await end();
});

/** For as long as this file runs; the one in test/support ends with its test. */
async function startMail() {
  const server = new SMTPServer({ authOptional: true, disabledCommands: ["AUTH", "STARTTLS"], onData: (stream, _session, done) => void stream.on("end", () => done()).resume() });
  server.listen(0, "127.0.0.1");
  await once(server.server, "listening");
  ended.push(() => new Promise<void>((resolve) => server.close(resolve)));
  return { url: `smtp://127.0.0.1:${String((server.server.address() as AddressInfo).port)}` };
}

test("every built-in tool is among the calls", () => {
  expect(Object.keys(CALLS)).toEqual(tools.map(({ name }) => name).toSorted());
});

test("while the world stays as it is, another process plans every call the very same way a second later", async () => {
  const digests = async (asked: Guard) => Promise.all(Object.entries(CALLS).map(async ([tool, args]) => [tool, (await asked.check(tool, args)).receipt?.plan_digest ?? null] as const));
  const first = await digests(guard);
  expect(first.filter(([, digest]) => digest === null)).toEqual([]);
  await sleep(1100);
  const another = await createGuard(input);
  ended.push(() => another.close());
  expect(await digests(another)).toEqual(first);
});

/** Calls until people are asked, lets Ann approve, and calls again. */
async function askedAndApproved(tool: string, args: Readonly<Record<string, unknown>>) {
  const registry = openRegistry({ enactHome });
  const inbox = openInbox({ enactHome });
  ended.push(() => inbox.close());
  if (registry.all().length === 0) registry.add(ann.draft, null);
  const blocked = await guard.call(tool, args);
  expect(blocked).toMatchObject({ status: "blocked", receipt: { approval: { state: "requested" } } });
  const stored = await inbox.get(blocked.receipt?.approval?.["id"] as string, new Date());
  const request = stored?.request;
  if (request === undefined || request === null) throw new Error("nothing to approve");
  expect(request.plan.plan_digest).toBe(blocked.receipt?.plan_digest);
  const signature = ann.sign(challengeOf(statementOf(request, "approve")));
  const answer = { request_id: request.id, decision: "approve", method: "key", approver_id: ann.draft.id, who: ann.draft.email, answered_at: "", reason: null, signature } as const;
  await answerRequest({ inbox, registry }, answer, new Date());
  return { request, report: await guard.call(tool, args) };
}

describe("asked, approved and done", () => {
  test.each(Object.entries(CALLS))("%s", async (tool, args) => {
    const { request, report } = await askedAndApproved(tool, args);
    expect(report).toMatchObject({ status: "done", receipt: { approval: { state: "used", id: request.id } } });
  });

  test("enact_rollback", async () => {
    const [written] = await guard.receipts({ workflow: "file_write", phase: "outcome" });
    const { request, report } = await askedAndApproved("enact_rollback", { run_id: written?.run_id ?? "" });
    expect(report).toMatchObject({ status: "done", receipt: { decision: "ROLLED_BACK", approval: { state: "used", id: request.id } } });
  });
});

import { createHash } from "node:crypto";
import { mkdirSync } from "node:fs";
import { join } from "node:path";

import { DatabaseSync } from "@photostructure/sqlite";

import type { CheckedEntry } from "../../src/receipts/check.js";
import type { ChainPosition } from "../../src/receipts/entry.js";
import { CHAIN_START, sealEntry } from "../../src/receipts/entry.js";
import type { Decision, EntryDraft, JsonValue, RecordedAction, RecordedPolicyResult } from "../../src/receipts/receipt.js";
import type { Signer } from "../../src/receipts/signing.js";
import { Database, loadSqlite } from "../../src/stores/sqlite/database.js";
import { KnownLedgers } from "../../src/stores/sqlite/known.js";
import { insertLine } from "../../src/stores/sqlite/lines.js";
import { ledgerPath } from "../../src/stores/sqlite/place.js";
import { createLedger } from "../../src/stores/sqlite/schema.js";

/** What agents of a small team did: made up, the same every time, in the shapes that the tools really write. */
export interface StoryRun {
  readonly decision: EntryDraft;
  readonly outcome: EntryDraft | null;
}

type Payload = Readonly<Record<string, JsonValue>>;

interface Scene {
  readonly workflow: string;
  readonly payload: Payload;
  readonly measured?: Payload;
  readonly results: readonly RecordedPolicyResult[];
  readonly decision?: Decision;
  readonly outcome?: Decision | null;
  readonly actions?: readonly RecordedAction[];
  readonly approval?: Payload;
}

/** A small generator of numbers (mulberry32): the story is the same on every machine. */
function numbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const hex = (text: string, length: number): string => createHash("sha256").update(text).digest("hex").slice(0, length);
const ok = (policy: string, reason: string): RecordedPolicyResult => ({ policy, passed: true, reason });
const no = (policy: string, reason: string, hint: string): RecordedPolicyResult => ({ policy, passed: false, reason, hint });

const BRANCHES = ["agent/fix-149", "agent/retry-payments", "agent/upgrade-zod", "agent/main-menu", "agent/flaky-login-test", "agent/csv-export", "agent/typo-in-docs"];
const SUBJECTS = ["Retry the card charge once when the bank is busy", "Keep the cursor where it was after saving", "Read dates in the user's own time zone", "Say which field is missing", "Test the export with an empty table", "Round half cents to even", "Drop the unused cache"];
const FILES = ["src/billing/charge.ts", "src/web/export.ts", "docs/setup.md", "test/login.test.ts", "src/time/zone.ts", "config/limits.yaml", "notes/2026-11.md"];

function push(pick: Pick, n: number): Scene {
  const branch = pick(BRANCHES);
  const commits = Array.from({ length: 1 + (n % 3) }, (_none, index) => ({ sha: hex(`commit${n}-${index}`, 40), subject: pick(SUBJECTS), file_count: 1 + ((n + index) % 7) }));
  const fileCount = Math.max(...commits.map((commit) => commit.file_count));
  const payload: Payload = {
    repo: ".", remote: "origin", branch, ref: `refs/heads/${branch}`, source: branch, force: false, protected_branches: ["main", "master"], remote_default_branch: "main",
    old_sha: n % 4 === 0 ? null : hex(`tip${branch}${n - 1}`, 40), new_sha: commits[0]?.sha ?? "", update: n % 4 === 0 ? "create" : "fast_forward", commits, commit_count: commits.length,
    file_count: fileCount, lost_commits: [], lost_commit_count: 0, push_urls: ["git@git.example.com:shop/api.git"], suspicious_characters: [], secrets: [],
  };
  const results = [
    ok("dont_force_push", "No commit leaves the branch"), ok("dont_push_to_main", `'${branch}' is not protected`), ok("max_files_per_commit", `${String(fileCount)} files, limit 50`),
    ok("require_branch_prefix", `'${branch}' begins with 'agent/'`),
  ];
  const output = { url: "git@git.example.com:shop/api.git", ref: `refs/heads/${branch}`, old_sha: payload["old_sha"] ?? null, new_sha: payload["new_sha"] ?? null, changed: true, tip_afterwards: payload["new_sha"] ?? null };
  return { workflow: "git_push", payload, results, actions: [{ system: "git", action: "push", success: true, output, reversible: true }] };
}

function pushToMain(pick: Pick, n: number): Scene {
  const { payload } = push(pick, n);
  const results = [
    ok("dont_force_push", "No commit leaves the branch"), no("dont_push_to_main", "Direct push to 'main' is blocked ('main' is the default branch of origin)", "Push to a branch such as 'agent/fix-149' and open a pull request."),
    ok("max_files_per_commit", "3 files, limit 50"), no("require_branch_prefix", "The branch 'main' does not begin with 'agent/'", "Name the branch 'agent/…'."),
  ];
  return { workflow: "git_push", payload: { ...payload, branch: "main", ref: "refs/heads/main", source: "main", update: "fast_forward" }, results, decision: "BLOCK" };
}

function forcePush(pick: Pick, n: number): Scene {
  const { payload } = push(pick, n);
  const lost = Array.from({ length: 4 }, (_none, index) => ({ sha: hex(`lost${n}-${index}`, 40), subject: pick(SUBJECTS) }));
  const results = [
    no("dont_force_push", "4 commits would leave 'agent/csv-export', the newest is 'Round half cents to even'", "Merge or rebase onto the branch, then push without losing commits."), ok("dont_push_to_main", "'agent/csv-export' is not protected"),
    ok("require_branch_prefix", "'agent/csv-export' begins with 'agent/'"),
  ];
  return { workflow: "git_push", payload: { ...payload, branch: "agent/csv-export", force: true, update: "forced", lost_commits: lost, lost_commit_count: 4 }, results, decision: "BLOCK" };
}

const sqlFacts = (sql: string, kind: string, where: string | null, tables: readonly string[]): Payload => ({
  sql, sql_sha256: hex(sql, 64), sql_length: sql.length, param_count: 0,
  statements: [{ kind, where, changes: [], tables_read: tables, tables_written: kind === "SELECT" ? [] : tables, columns_written: [], functions: [] }],
  effects: "planned", tables, tables_read: tables, tables_written: kind === "SELECT" ? [] : tables, deletes: [], ddl: [], cascades: [],
  rows_inserted: null, rows_updated: null, rows_deleted: null, rows_affected: null, counts: null,
});
const counted = (facts: Payload, counts: readonly { readonly table: string; readonly inserted: number; readonly updated: number; readonly deleted: number; readonly read: boolean }[]): Payload => {
  const sum = (key: "inserted" | "updated" | "deleted"): number => counts.reduce((total, count) => total + count[key], 0);
  return { ...facts, effects: "measured", counts, rows_inserted: sum("inserted"), rows_updated: sum("updated"), rows_deleted: sum("deleted"), rows_affected: sum("inserted") + sum("updated") + sum("deleted") };
};
const SQL_OK = [ok("block_ddl", "Changes neither the schema nor the server"), ok("dont_delete_row", "No row was deleted"), ok("max_rows_affected", "Within the limit of 100 rows"), ok("protect_tables", "Touches none of: users, payments")];

function select(pick: Pick, n: number): Scene {
  const sql = pick(["SELECT id, status, total FROM orders WHERE status = 'open' ORDER BY created_at DESC LIMIT 50", "SELECT count(*) FROM events WHERE note = 'please drop by'", `SELECT name FROM products WHERE id = ${String(n % 900)}`]);
  const table = /FROM (\w+)/u.exec(sql)?.[1] ?? "orders";
  const facts = sqlFacts(sql, "SELECT", null, [`public.${table}`]);
  const rows = n % 41;
  return {
    workflow: "sql_query", payload: facts, measured: counted(facts, [{ table: `public.${table}`, inserted: 0, updated: 0, deleted: 0, read: true }]), results: SQL_OK,
    actions: [{ system: "postgres", action: "query", success: true, output: { statements: 1, rows, truncated: false }, reversible: false }],
  };
}

function update(_pick: Pick, n: number): Scene {
  const sql = `UPDATE orders\n   SET status = 'shipped', shipped_at = now()\n WHERE id IN (${[n % 90, (n % 90) + 7, (n % 90) + 12].join(", ")})`;
  const facts = sqlFacts(sql, "UPDATE", "present", ["public.orders"]);
  const counts = [{ table: "public.orders", inserted: 0, updated: 3, deleted: 0, read: true }, { table: "public.order_log", inserted: 3, updated: 0, deleted: 0, read: false }];
  return { workflow: "sql_query", payload: facts, measured: counted(facts, counts), results: SQL_OK, actions: [{ system: "postgres", action: "query", success: true, output: { statements: 1, rows: 3 }, reversible: true }] };
}

function wipe(): Scene {
  const sql = "DELETE FROM customers;\nDROP TABLE sessions;";
  const results = [
    no("block_ddl", "DROP TABLE sessions changes the schema", "Propose the change as a migration for a person to review."), no("dont_delete_row", "Every row of public.customers would be deleted", "Mark rows as deleted in a column of your own, or ask the person."),
    no("dont_delete_without_where", "DELETE FROM public.customers has no WHERE", "Say which rows, such as WHERE id = 42."), ok("protect_tables", "Touches none of: users, payments"),
  ];
  return { workflow: "sql_query", payload: { ...sqlFacts(sql, "DELETE", "absent", ["public.customers", "public.sessions"]), deletes: ["DELETE FROM public.customers (no WHERE)"], ddl: ["DROP TABLE sessions"] }, results, decision: "BLOCK" };
}

function cascade(): Scene {
  const sql = "UPDATE customers SET merged_into = 71 WHERE id = 12";
  const facts = sqlFacts(sql, "UPDATE", "present", ["public.customers"]);
  const counts = [
    { table: "public.customers", inserted: 0, updated: 1, deleted: 0, read: true }, { table: "public.orders", inserted: 0, updated: 0, deleted: 214, read: true },
    { table: "public.order_lines", inserted: 0, updated: 0, deleted: 863, read: false },
  ];
  return {
    workflow: "sql_query", payload: facts, measured: counted(facts, counts), outcome: "BLOCK",
    results: [ok("block_ddl", "Changes neither the schema nor the server"), no("dont_delete_row", "1077 rows were deleted by a trigger on public.customers (orders 214, order_lines 863); all of it was rolled back", "Ask a person to look at the trigger 'merge_customer'."), no("max_rows_affected", "1078 rows, limit 100", "Change fewer rows at a time."), ok("protect_tables", "Touches none of: users, payments")],
    actions: [{ system: "guard", action: "rolled_back", success: true, output: { statements: 1 } }],
  };
}

const fileFacts = (path: string): Payload => ({ path, requested_path: path, real_path: `/home/mia/shop/${path}`, root: "/home/mia/shop", kind: "file", mode: "0644", hard_links: 1, links: [], extensions: [path.slice(path.indexOf("."))], tracked_by_git: true });

function write(pick: Pick, n: number): Scene {
  const path = pick(FILES);
  const [before, after] = [1200 + (n % 4000), 1260 + ((n * 7) % 4100)];
  const payload: Payload = { ...fileFacts(path), size: before, exists: true, content_size: after, content_sha256: hex(`new${n}`, 64), previous_sha256: hex(`old${n}`, 64), creates_folders: [], owner_changes: false, reversal: { possible: true, how: "what was there before is put back" } };
  const output = { path, size: after, sha256: hex(`new${n}`, 64), created: false, previous_sha256: hex(`old${n}`, 64), hard_links_left_as_they_were: 0 };
  return { workflow: "file_write", payload, results: [ok("block_extensions", `'${path}' has none of .env, .key, .pem`), ok("restrict_paths", `'${path}' is inside src, docs, test`)], actions: [{ system: "filesystem", action: "file_write", success: true, output, reversible: true }] };
}

function writeEnv(): Scene {
  const payload: Payload = { ...fileFacts(".env.local"), size: 412, exists: true, content_size: 498, content_sha256: hex("env", 64), previous_sha256: hex("env0", 64), creates_folders: [], owner_changes: false };
  return { workflow: "file_write", payload, results: [no("block_extensions", "'.env.local' holds settings and secrets (.env)", "Write the new key into .env.example and tell the person."), ok("restrict_paths", "'.env.local' is inside .")], decision: "BLOCK" };
}

function remove(): Scene {
  const payload: Payload = { ...fileFacts("build"), kind: "directory", size: null, recursive: true, file_count: 1213, folder_count: 88, bytes: 48_211_204, untracked_count: 1213, link_target: null, entries: ["build/app.js", "build/app.js.map", "build/assets/logo.svg", "build/index.html"], entries_sha256: hex("build", 64) };
  const failed = { code: "ACTION_FAILED", message: "1200 of 1213 files were removed; build/cache/lock could not be: it is open in another program." };
  return { workflow: "file_delete", payload, results: [ok("restrict_paths", "'build' is inside build, dist")], outcome: "PARTIAL", actions: [{ system: "filesystem", action: "file_delete", success: false, output: { path: "build", files: 1200, folders: 80, bytes: 47_990_110, left: 13 }, error: failed, reversible: false }] };
}

function mail(pick: Pick, n: number): Scene {
  const to = pick(["lena@client.example", "omar@client.example", "support@parts.example"]);
  const payload: Payload = { from: { address: "agent@company.com", name: null }, to: [{ address: to, normalised: to, name: null }], cc: [], bcc: [], recipients: [to], recipient_count: 1, domains: [to.split("@")[1] ?? ""], subject: pick(["Your order has left our house", "Invoice 2026-1187", "We found your parcel"]), text_size: 700 + (n % 300), html_size: null, attachments: [], attachment_bytes: 0, secrets: [], reversal: { possible: false, how: "a mail that was sent cannot be called back" } };
  return { workflow: "email_send", payload, results: [ok("no_mass_emails", "1 recipient, limit 1"), ok("no_repeat_emails", `Nothing went to ${to} in 24 hours`)], actions: [{ system: "email", action: "send", success: true, output: { message_id: `<${hex(`mail${n}`, 20)}@company.com>`, accepted: [to], reply: "250 2.0.0 OK" }, reversible: false }] };
}

function massMail(): Scene {
  const recipients = Array.from({ length: 214 }, (_none, index) => `customer${String(index + 1)}@client.example`);
  const payload: Payload = { from: { address: "agent@company.com", name: null }, to: [], cc: [], bcc: recipients.slice(0, 40).map((address) => ({ address, normalised: address, name: null })), recipients, recipient_count: 214, domains: ["client.example"], subject: "A surprise for all our customers", text_size: 2210, html_size: 9120, attachments: [], attachment_bytes: 0, secrets: [] };
  return { workflow: "email_send", payload, results: [no("no_mass_emails", "214 recipients, limit 1", "Send to one recipient, or ask the person to use the newsletter."), no("no_repeat_emails", "customer7@client.example got a mail 3 hours ago", "Wait until 24 hours have passed.")], decision: "BLOCK" };
}

function post(pick: Pick, n: number): Scene {
  const payload: Payload = { channel: "C024BE91L", channel_name: pick(["releases", "agent-log"]), channel_kind: "public", channel_is_shared_outside: false, bot_is_member: true, person: null, thread_ts: null, text_length: 90 + (n % 60), text_sha256: hex(`post${n}`, 64), block_types: [], mentions: { broadcast: [], user_groups: [], users: [] }, fetched_hosts: [], secrets: [] };
  return { workflow: "slack_post", payload, results: [ok("block_dms", "A channel, no direct message"), ok("require_channel_allowlist", "The channel is on the list")], actions: [{ system: "slack", action: "post", success: true, output: { channel: "C024BE91L", ts: `17637${String(10_000 + n)}.000200` }, reversible: true }] };
}

function postDm(): Scene {
  const payload: Payload = { channel: "D0PNCRP9N", channel_name: null, channel_kind: "im", channel_is_shared_outside: false, bot_is_member: true, person: { id: "U2147483", name: "the CEO" }, thread_ts: null, text_length: 61, text_sha256: hex("dm", 64), block_types: [], mentions: { broadcast: [], user_groups: [], users: [] }, fetched_hosts: [], secrets: [] };
  return { workflow: "slack_post", payload, results: [no("block_dms", "A direct message to the CEO", "Post to #agent-log instead."), no("require_channel_allowlist", "This conversation is not on the list", "Post to #releases or #agent-log.")], decision: "BLOCK" };
}

const s3Objects = (count: number): readonly JsonValue[] => Array.from({ length: count }, (_none, index) => ({ key: `exports/2025/${String(index + 1).padStart(2, "0")}.csv.gz`, version_id: hex(`v${index}`, 16), size: 182_000 + index * 977, etag: hex(`e${index}`, 32), last_modified: "2026-01-04T02:00:00.000Z", effect: "hide", retention: null, legal_hold: false }));
const s3Facts: Payload = { action: "delete", path: "s3://shop-backups/exports/2025/", bucket: "shop-backups", selection: "prefix", prefix: "exports/2025/", reaches: [], reaches_count: 12, whole_bucket: false, versioning: "enabled", mfa_delete: false, object_lock: false, objects: s3Objects(12), object_count: 12, total_bytes: 2_248_482, reversible: true };

function s3Asked(_pick: Pick, n: number): Scene {
  const approval = { state: "requested", id: hex(`request${n}`, 32), expires_at: "2026-11-22T18:00:00.000Z" };
  return { workflow: "s3_delete", payload: s3Facts, results: [no("dont_delete_without_human_ok", "No person has approved this deletion of s3://shop-backups/exports/2025/ (s3)", "A person must decide; then make the same call again, with the same arguments.")], decision: "BLOCK", approval };
}

function s3Approved(_pick: Pick, n: number): Scene {
  const actions = Array.from({ length: 12 }, (_none, index): RecordedAction => ({ system: "s3", action: "delete_object", success: true, reversible: true, output: { bucket: "shop-backups", key: `exports/2025/${String(index + 1).padStart(2, "0")}.csv.gz`, version_id: hex(`v${index}`, 16), precondition: "version_id", marker_version_id: hex(`m${index}`, 16) } }));
  const id = hex(`request${n}`, 32);
  const answers = [{ approver_id: hex("ann", 16), who: "ann@company.com", method: "passkey", answered_at: "2026-11-22T10:41:07.000Z", public_key: hex("key", 64), signature: hex("approval", 86) }];
  return {
    workflow: "s3_delete", payload: { ...s3Facts, reversal: { possible: true, how: "the delete markers are removed" } }, results: [ok("dont_delete_without_human_ok", "ann@company.com approved exactly this plan, with a passkey")], actions,
    approval: { state: "granted", id, approvers: ["ann@company.com"], statement: { plan_digest: `sha256:${hex("plan", 64)}` }, answers },
  };
}

function undo(): Scene {
  const payload: Payload = {
    run_id: "7c0be2d4-52f4-4c0e-9c35-2f1f0d6f7a10", undone_workflow: "file_write", undone_at: "2026-11-22T09:12:44.000Z", undone_by: "jonas@company.com", interrupted: false,
    changes: ["put back 'src/time/zone.ts' as it was (2310 bytes)"], not_undone: [],
  };
  return { workflow: "enact_rollback", payload, results: [ok("code_freeze_active", "No freeze is on")], outcome: "ROLLED_BACK", actions: [{ system: "filesystem", action: "undo_write", success: true, output: { path: "src/time/zone.ts", sha256: hex("z0", 64) }, reversible: false }] };
}

function interrupted(pick: Pick, n: number): Scene {
  return { ...mail(pick, n), outcome: null };
}

type Pick = <Value>(values: readonly Value[]) => Value;

/** How often each kind of call comes, of a hundred. */
const MIX: readonly (readonly [number, (pick: Pick, n: number) => Scene])[] = [
  [20, push], [22, select], [9, update], [16, write], [7, mail], [8, post], [3, pushToMain], [2, forcePush], [2, wipe], [2, cascade], [2, writeEnv], [1, remove], [1, massMail], [1, postDm], [2, s3Asked], [1, s3Approved], [0.6, undo], [0.4, interrupted],
];

const PEOPLE = [["mia@company.com", "engineer"], ["jonas@company.com", "engineer"], ["priya@company.com", "support"]] as const;

export interface StoryOptions {
  readonly runs: number;
  readonly seed?: number;
  /** The last run ends here. */
  readonly until?: Date;
  /** Over how many hours. */
  readonly hours?: number;
}

/** Runs in the order of their decisions. */
export function* receiptStory({ runs, seed = 7, until = new Date(), hours = 72 }: StoryOptions): Generator<StoryRun> {
  const random = numbers(seed);
  const pick: Pick = (values) => values[Math.floor(random() * values.length)] as never;
  const whole = MIX.reduce((sum, [share]) => sum + share, 0);
  const step = (hours * 3_600_000) / runs;
  for (let n = 0; n < runs; n += 1) {
    let left = random() * whole;
    const make = (MIX.find(([share]) => (left -= share) < 0) ?? MIX[0])?.[1] ?? push;
    const at = until.getTime() - (runs - n) * step + Math.floor(random() * step * 0.8);
    yield runOf(make(pick, n), { n, at, seed, person: pick(PEOPLE), took: 8 + Math.floor(random() * 900) });
  }
}

interface Frame {
  readonly n: number;
  readonly at: number;
  readonly seed: number;
  readonly person: readonly [string, string];
  readonly took: number;
}

function runOf(scene: Scene, { n, at, seed, person: [user_email, actor_role], took }: Frame): StoryRun {
  const id = hex(`run ${seed} ${n}`, 32);
  const common = {
    run_id: `${id.slice(0, 8)}-${id.slice(8, 12)}-4${id.slice(13, 16)}-a${id.slice(17, 20)}-${id.slice(20)}`,
    workflow: scene.workflow, user_email, actor_role, user_attributes: { role: actor_role, clearance_level: 2 },
    plan_digest: `sha256:${hex(`plan ${n}`, 64)}`, config_digest: `sha256:${hex("enact.yaml", 64)}`, redacted: [],
  };
  const environment = { freeze_env: null, freeze_file: null };
  const blocked = scene.decision === "BLOCK";
  // What is measured can only fail after it has run.
  const before = blocked || scene.outcome !== "BLOCK" ? scene.results : scene.results.map((result) => ok(result.policy, "Nothing against it in the text"));
  const decision: EntryDraft = {
    ...common, phase: "decision", payload: { ...scene.payload, environment }, policy_results: before, decision: blocked ? "BLOCK" : "PASS", actions_taken: [],
    approval: scene.approval ?? null, timestamp: new Date(at).toISOString(),
  };
  if (blocked || scene.outcome === null) return { decision, outcome: null };
  const outcome: EntryDraft = {
    ...common, phase: "outcome", payload: { ...scene.payload, ...scene.measured, environment }, policy_results: scene.results, decision: scene.outcome ?? "PASS", actions_taken: scene.actions ?? [],
    approval: scene.approval ?? null, timestamp: new Date(at + took).toISOString(),
  };
  return { decision, outcome };
}

export interface LedgerPlace {
  readonly project: string;
  readonly enactHome: string;
}

/** Writes a whole ledger in one go, its known head too: for tests of what a long one looks like, not of how it is written. */
export async function writeLedger({ project, enactHome }: LedgerPlace, signer: Signer, drafts: Iterable<EntryDraft>): Promise<ChainPosition> {
  mkdirSync(join(project, ".enact"), { recursive: true, mode: 0o700 });
  const sqlite = await loadSqlite();
  const path = ledgerPath(project);
  const db = new Database(sqlite, path, { busyTimeoutMs: 5000 });
  db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF");
  const known = KnownLedgers.open(sqlite, enactHome);
  known.begin(path);
  let head = CHAIN_START;
  const written: CheckedEntry[] = [];
  db.transaction("BEGIN IMMEDIATE", () => {
    createLedger(db);
    for (const draft of drafts) {
      const { entry, text, hash } = sealEntry(draft, [], head, signer);
      insertLine(db, entry.sequence, text);
      head = { sequence: entry.sequence, hash };
      written.push({ entry, hash });
    }
  });
  known.advance(path, written);
  db.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  db.close();
  known.close();
  return head;
}

export function* draftsOf(story: Iterable<StoryRun>): Generator<EntryDraft> {
  for (const { decision, outcome } of story) {
    yield decision;
    if (outcome !== null) yield outcome;
  }
}

/** Any SQL on a ledger, as someone with a SQLite client would run it. */
export function tamper(project: string, sql: string): void {
  const db = new DatabaseSync(join(project, ".enact", "ledger.sqlite"));
  try {
    db.exec(sql);
  } finally {
    db.close();
  }
}

import type { Demand, PlanForApproval } from "../../src/approvals/desk.js";
import type { ApprovalRequest } from "../../src/approvals/request.js";
import { newRequestId } from "../../src/approvals/request.js";
import { digest, planDigest } from "../../src/receipts/canonical.js";
import type { JsonValue } from "../../src/receipts/receipt.js";

type Fields = { readonly [key: string]: JsonValue };

export interface SamplePlan {
  readonly workflow: string;
  readonly target: string;
  readonly payload: Fields;
  readonly step: JsonValue;
}

/** What the guard would hand over. */
export function planOf({ workflow, target, payload, step }: SamplePlan, user = "agent@shop.example"): PlanForApproval {
  const identity = { user_email: user, actor_role: "engineer", user_attributes: { team: "data" } };
  const config_digest = digest("a configuration");
  const whole = { ...payload, environment: { freeze_env: null, freeze_file: null } };
  const plan_digest = planDigest({ workflow, payload: whole, step, identity, config_digest });
  return { workflow, target, payload: whole, step, identity, config_digest, plan_digest };
}

export interface SampleRequest extends Partial<Demand> {
  readonly plan: PlanForApproval;
  readonly now: Date;
  readonly minutes?: number;
  readonly project?: string;
}

export function requestOf({ plan, now, minutes = 60, project = "/home/ann/work/shop", ...demand }: SampleRequest): ApprovalRequest {
  return {
    id: newRequestId(),
    project,
    plan,
    demand: {
      policies: demand.policies ?? [{ policy: "require_human_ok", reason: `A person must approve every ${plan.workflow}` }],
      min_approvals: demand.min_approvals ?? 1,
      approver_differs: demand.approver_differs ?? false,
    },
    created_at: now.toISOString(),
    expires_at: new Date(now.getTime() + minutes * 60_000).toISOString(),
  };
}

const PLACE = { path: "config/production.yaml", folder: "/home/ann/work/shop/config", folders: ["64769:11", "64769:12"], names: ["production.yaml"], target: { kind: "file", dev: "64769", ino: "4711", born: "1", size: "812", modified: "2", changed: "3" } };
const FILE = { path: "config/production.yaml", requested_path: "config/production.yaml", real_path: "/home/ann/work/shop/config/production.yaml", root: "/home/ann/work/shop", kind: "file", size: 812, mode: "0644", hard_links: 1, links: [{ path: "config", target: "conf.d" }], extensions: [".yaml"], tracked_by_git: true, policy_paths: {} };
const SHA = (letter: string) => letter.repeat(40);

const s3Object = (key: string, size: number, effect: string) => ({
  key,
  delete_version: null,
  seen: { key, version_id: `v-${key.length}`, size, etag: `"${"0123456789abcdef".repeat(2)}"`, last_modified: "2026-10-02T08:14:11.000Z", retention: null, legal_hold: false },
  effect,
});

/** One plan of each tool, with everything in it that a person must see. */
export const SAMPLES: Readonly<Record<string, SamplePlan>> = {
  s3_delete: {
    workflow: "s3_delete",
    target: "3 objects beginning with s3://acme-backups/db/2026-1",
    payload: { reversal: { possible: false, how: "the bucket keeps no versions" }, action: "delete", path: "s3://acme-backups/db/2026-1", bucket: "acme-backups", selection: "prefix", prefix: "db/2026-1", reaches: ["db/2026-10/", "db/2026-11/"], reaches_count: 2, whole_bucket: false, versioning: "never", mfa_delete: false, object_lock: false, objects: [], object_count: 3, total_bytes: 48_318_511_104, reversible: false },
    step: { bucket: "acme-backups", versioning: "never", objects: [s3Object("db/2026-10/customers.dump", 21_474_836_480, "destroy"), s3Object("db/2026-10/orders.dump", 26_843_545_600, "destroy"), s3Object("db/2026-11/README.txt", 129, "destroy")] },
  },
  sql_query: {
    workflow: "sql_query",
    target: "DELETE on public.customers",
    payload: { reversal: { possible: true, how: "the rows are put back by their primary keys" }, sql: "…", sql_sha256: "…", sql_length: 1, param_count: 2, statements: [{ kind: "DELETE", where: "present", changes: [], tables_read: [], tables_written: ["public.customers"], columns_written: [], functions: ["now"] }], effects: "planned", tables: ["public.customers", "public.orders"], tables_read: ["public.customers"], tables_written: ["public.customers", "public.orders"], tables_checked: [], columns_written: [], columns_maybe_written: [], deletes: ["DELETE on public.customers", "cascade to public.orders"], ddl: [], cascades: ["public.customers → public.orders (delete)"], rows_inserted: null, rows_updated: null, rows_deleted: null, rows_moved: null, rows_affected: null, counts: null },
    step: { order: { statements: ["-- customers who never came back\nDELETE FROM customers\nWHERE last_seen < now() - $1::interval\n  AND country = $2"], params: ["3 years", "DE"], readOnly: false, watchSchema: false, leaves: "nothing", search_path: "public, pg_catalog", request: {}, digest: "sha256:1", isStandby: false }, facts: {}, codeIsSilent: false, rewrites: [], moves: [] },
  },
  email_send: {
    workflow: "email_send",
    target: "customer@example.org and 2 more",
    payload: { reversal: { possible: false, how: "a sent mail cannot be called back" }, from: {}, to: [], cc: [], bcc: [], recipients: [], recipient_count: 3, domains: ["example.org", "shop.example"], subject: "…", text_size: 1, text_sha256: "…", html_size: null, html_sha256: null, attachments: [{ ...FILE, size: 40_120, sha256: "b".repeat(64) }], attachment_bytes: 40_120, secrets: [], server: { host: "mail.shop.example", port: 465, tls: "required" } },
    step: { from: { name: "Shop", address: "agent@shop.example" }, to: [{ name: "The Customer", address: "customer@example.org" }], cc: [{ name: null, address: "lead@shop.example" }], recipients: ["customer@example.org", "lead@shop.example", "archive@shop.example"], subject: "Your refund", text: "Dear customer,\n\nwe have refunded 120.00 EUR.\n\nKind regards\nShop", html: "<p>Dear customer, we have refunded <b>120.00 EUR</b>.</p><script>alert(1)</script>", attachments: [{ filename: "refund.pdf", read: { place: { ...PLACE, path: "out/refund.pdf" } }, sha256: "b".repeat(64) }] },
  },
  slack_post: {
    workflow: "slack_post",
    target: "#general (C024BE91L)",
    payload: { reversal: { possible: true, how: "the message is deleted; who has read it has read it" }, channel: "C024BE91L", channel_name: "general", channel_kind: "public", channel_is_shared_outside: true, bot_is_member: true, person: null, thread_ts: "1700000000.123456", text_length: 40, text_sha256: "…", block_types: ["section"], mentions: { broadcast: ["channel"], user_groups: ["S01"], users: ["U01"] }, fetched_hosts: ["img.example.org"], secrets: [] },
    step: { channel: "C024BE91L", text: "<!channel> the shop is down, we are on it", thread_ts: "1700000000.123456", blocks: [{ type: "section", text: { type: "mrkdwn", text: "The shop is *down*" } }], judged: { kind: "public", name: "general", shared: true } },
  },
  file_write: {
    workflow: "file_write",
    target: "config/production.yaml (64 bytes)",
    payload: { reversal: { possible: true, how: "the old content is put back, unless it was changed by then" }, ...FILE, exists: true, content_size: 64, content_sha256: "…", previous_sha256: "c".repeat(64), creates_folders: ["config/new"], owner_changes: false },
    step: { place: PLACE, content: "database:\n  host: db.shop.example\n  pool: 20\nfeatures:\n  checkout: off\n", previous_sha256: "c".repeat(64) },
  },
  file_delete: {
    workflow: "file_delete",
    target: "212 files below uploads/",
    payload: { reversal: { possible: true, how: "it is put back as it was, unless something else is in its place by then" }, ...FILE, path: "uploads", kind: "directory", real_path: "/home/ann/work/shop/uploads", recursive: true, file_count: 212, folder_count: 4, bytes: 91_231_000, untracked_count: 212, link_target: null, entries: ["2026/", "2026/01.jpg", "2026/02.jpg"], entries_sha256: "d".repeat(64) },
    step: { place: { ...PLACE, path: "uploads" }, tree_digest: "d".repeat(64), entries: 216, keep: true, paths: Array.from({ length: 216 }, (_, index) => `2026/${String(index + 1).padStart(3, "0")}.jpg`) },
  },
  git_push: {
    workflow: "git_push",
    target: "main → origin",
    payload: { reversal: { possible: true, how: "the branch is moved back, as long as nobody has pushed since" }, repo: "/home/ann/work/shop", remote: "origin", branch: "main", ref: "refs/heads/main", source: "main", force: true, protected_branches: ["main", "master"], remote_default_branch: "main", old_sha: SHA("a"), new_sha: SHA("b"), update: "forced", commits: [{ sha: SHA("b"), subject: "Rewrite the history", file_count: 3 }], commit_count: 1, file_count: 3, lost_commits: [{ sha: SHA("a"), subject: "Fix the checkout" }], lost_commit_count: 1, push_urls: ["https://git.shop.example/shop.git"], destinations: [], suspicious_characters: [], secrets: [] },
    step: { push: { repo: "/home/ann/work/shop", git_dir: "/home/ann/work/shop/.git", remote: "origin", branch: "main", source: "main", sha: SHA("b"), destinations: [{ url: "https://git.shop.example/shop.git", url_digest: "sha256:2", old: SHA("a"), moves: true }] }, needs_force: null },
  },
  git_commit: {
    workflow: "git_commit",
    target: "2 files on agent/fix-149",
    payload: { reversal: { possible: true, how: "the commit is taken back by another one" }, repo: "/home/ann/work/shop", branch: "agent/fix-149", parent: SHA("a"), tree: SHA("c"), message: "…", author: "Agent <agent@shop.example>", files: [{ path: "src/cart.ts", status: "changed" }, { path: "src/old.ts", status: "deleted" }], file_count: 2, secrets: [], protected_branches: [], suspicious_characters: [], filters: [] },
    step: { commit: { repo: "/home/ann/work/shop", git_dir: "/home/ann/work/shop/.git", paths: ["src"], message: "Round prices once\n\nTwice lost a cent.", branch: "agent/fix-149", parent: SHA("a"), tree: SHA("c") }, payload: {} },
  },
  git_merge: {
    workflow: "git_merge",
    target: "agent/fix-149 → main",
    payload: { repo: "/home/ann/work/shop", base: "main", head: "agent/fix-149", base_sha: SHA("a"), head_sha: SHA("b"), update: "merge", fast_forward: false, commits: [{ sha: SHA("b"), subject: "Round prices once", file_count: 2 }], commit_count: 1, file_count: 2, merge_commit_file_count: 0, conflicts: [], protected_branches: ["main"], remote_default_branch: "main", checked_out: false, suspicious_characters: [] },
    step: { repo: "/home/ann/work/shop", git_dir: "/home/ann/work/shop/.git", base: "main", head: "agent/fix-149", base_sha: SHA("a"), head_sha: SHA("b"), update: "merge", tree: SHA("e") },
  },
  git_delete_branch: {
    workflow: "git_delete_branch",
    target: "old/experiment of origin",
    payload: { repo: "/home/ann/work/shop", remote: "origin", branch: "old/experiment", ref: "refs/heads/old/experiment", tip: SHA("a"), merged: false, lost_commits: [{ sha: SHA("a"), subject: "Try another cart" }], lost_commit_count: 1, protected: false, protected_branches: [], remote_default_branch: "main", checked_out: false, push_urls: [], suspicious_characters: [] },
    step: { where: "remote", push: { repo: "/home/ann/work/shop", git_dir: "/home/ann/work/shop/.git", remote: "origin", branch: "old/experiment", source: "old/experiment", sha: null, destinations: [{ url: "https://git.shop.example/shop.git", url_digest: "sha256:2", old: SHA("a"), moves: true }] } },
  },
  gdrive_delete: {
    workflow: "gdrive_delete",
    target: "folder 'Board meetings' for good",
    payload: { reversal: { possible: false, how: "what is deleted for good is gone" }, action: "delete", path: "gdrive://1aB", file_id: "1aB", permanently: true, name: "Board meetings", mime_type: "application/vnd.google-apps.folder", is_folder: true, size: null, version: "17", owners: ["ann@shop.example"], drive_id: null, in_trash: false, shared: true, shared_with: [{ type: "user", role: "writer", who: "bob@shop.example" }, { type: "anyone", role: "reader", who: "" }], shared_with_count: 2, shared_with_anyone: true, children: 3, descendants: 41, reversible: false },
    step: { file_id: "1aB", permanently: true, version: "17", in_trash: false, tree: "sha256:3" },
  },
  crm_create_contact: {
    workflow: "crm_create_contact",
    target: "contact ann@example.org",
    payload: { reversal: { possible: true, how: "the contact is archived" }, email: "ann@example.org", email_normalised: "ann@example.org", properties: { firstname: 3 }, existing_contacts: [{ id: "77", email: "ann+news@example.org" }], secrets: [] },
    step: { email: "ann@example.org", normalised: "ann@example.org", properties: { firstname: "Ann", company: "Example & Sons <Ltd>" }, seen: ["77"] },
  },
  crm_create_task: {
    workflow: "crm_create_task",
    target: "task for ann@example.org",
    payload: { reversal: { possible: true, how: "the task is archived" }, contact: "77", contact_email: "ann@example.org", subject: "Call back", body: null, due: null, tasks: [], tasks_complete: true, secrets: [] },
    step: { contact: "77", subject: "Call back", body: "About the refund.\nShe prefers mornings.", due: "2026-12-01T09:00:00.000Z" },
  },
  enact_rollback: {
    workflow: "enact_rollback",
    target: "file_delete of 22 November",
    payload: { run_id: "0f6c1c2e-0000-4000-8000-000000000000", changes: ["uploads/ comes back with 212 files"], not_undone: ["a link outside the project is not made again"] },
    step: { kind: "rebuild", path: "uploads" },
  },
  deploy_service: {
    workflow: "deploy_service",
    target: "checkout v42 to production",
    payload: { service: "checkout", version: "v42", regions: ["eu", "us"] },
    step: { service: "checkout", image: "registry.shop.example/checkout@sha256:9", replicas: 12 },
  },
};

/** What an agent may write into texts to fool the person, or the page. */
export const HOSTILE = {
  markup: `"><script>alert(1)</script><img src=x onerror=alert(2)>'</title></textarea><!--`,
  bidi: "invoice\u202Egnp.exe",
  lookAlike: "p\u0430ypal.example",
  hidden: `DELETE FROM drafts;${"\n".repeat(300)}DROP TABLE customers;`,
  invisible: "ann\u200B@shop.example",
} as const;

import type { StoredLine } from "../../receipts/check.js";

/** What the timeline needs of a receipt. Read from bytes that nobody has checked yet, so nothing is taken for granted. */
export interface ReadEntry {
  readonly sequence: number;
  readonly run_id: string;
  readonly isDecision: boolean;
  readonly tool: string;
  readonly person: string;
  readonly role: string;
  readonly decision: string;
  readonly at: number | null;
  readonly judged: readonly string[];
  readonly failed: readonly string[];
  readonly why: string;
  readonly target: string;
}

type Fields = Readonly<Record<string, unknown>>;

const SHORT = 100;
const LINE = 240;

/** @returns null for bytes that are no JSON object */
export function readEntry(line: StoredLine): ReadEntry | null {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(line.bytes).toString("utf8"));
  } catch {
    return null;
  }
  if (typeof value !== "object" || value === null) return null;
  const entry = value as Fields;
  const results = objects(entry["policy_results"]);
  const failures = results.filter((result) => result["passed"] !== true);
  const tool = text(entry["workflow"], SHORT);
  return {
    sequence: line.sequence ?? 0,
    run_id: text(entry["run_id"], SHORT),
    isDecision: entry["phase"] === "decision",
    tool,
    person: text(entry["user_email"], SHORT),
    role: text(entry["actor_role"], SHORT),
    decision: text(entry["decision"], 20),
    at: instant(entry["timestamp"]),
    judged: results.map((result) => text(result["policy"], SHORT)),
    failed: failures.map((result) => text(result["policy"], SHORT)),
    why: failures[0] === undefined ? errorOf(entry) : text(failures[0]["reason"], LINE),
    target: targetOf(tool, fields(entry["payload"])),
  };
}

function errorOf(entry: Fields): string {
  const failed = objects(entry["actions_taken"]).find((action) => action["success"] !== true);
  if (failed === undefined) return "";
  const message = text(fields(failed["error"])["message"], LINE);
  return message === "" ? `${text(failed["action"], SHORT)} did not succeed` : message;
}

/** What a call was about, in a few words, from the facts that its tool finds out. */
export function targetOf(tool: string, payload: Fields): string {
  const name = (key: string): string => text(payload[key], LINE);
  // A tool may be called "constructor".
  const made = Object.hasOwn(TARGETS, tool) ? (TARGETS[tool]?.(name, payload) ?? "") : "";
  // A call that could not be planned has no facts to name.
  if (/[\p{L}\p{N}\p{S}]/u.test(made.replace("→", ""))) return clipped(made, LINE);
  return clipped(firstText(payload), LINE);
}

type Name = (key: string) => string;

const TARGETS: Readonly<Record<string, (name: Name, payload: Fields) => string>> = {
  git_push: (name) => `${name("branch")} → ${name("remote")}`,
  git_commit: (name, payload) => `${name("message").split("\n")[0] ?? ""} (${String(objects(payload["files"]).length)} files on ${name("branch")})`,
  git_delete_branch: (name) => [name("branch"), name("remote")].filter((part) => part !== "").join(" of "),
  git_merge: (name) => `${name("head")} → ${name("base")}`,
  sql_query: (name) => name("sql").replaceAll(/\s+/gu, " "),
  file_read: (name) => name("path"),
  file_write: (name) => name("path"),
  file_delete: (name) => name("path"),
  slack_post: (name) => (name("channel_name") === "" ? name("channel") : `#${name("channel_name")}`),
  email_send: (name, payload) => `${list(payload["recipients"])}: ${name("subject")}`,
  s3_delete: (name) => name("path"),
  gdrive_delete: (name) => name("name"),
  crm_create_contact: (name) => name("email"),
  enact_rollback: (name) => `${name("undone_workflow")} ${name("run_id").slice(0, 8)}`,
  crm_create_task: (name) => `${name("contact_email")}: ${name("subject")}`,
};

/** For tools that are not ours: the first thing that reads like a name. */
function firstText(payload: Fields): string {
  const found = Object.entries(payload).find(([key, value]) => typeof value === "string" && value !== "" && !key.endsWith("sha256"));
  return found === undefined ? "" : text(found[1], LINE);
}

function list(value: unknown): string {
  const all = Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
  return all.length > 2 ? `${all.slice(0, 2).join(", ")} and ${String(all.length - 2)} more` : all.join(", ");
}

function text(value: unknown, limit: number): string {
  return typeof value === "string" ? clipped(value, limit) : "";
}

function clipped(value: string, limit: number): string {
  return (value.length <= limit ? value : `${value.slice(0, limit - 1)}…`).toWellFormed();
}

function fields(value: unknown): Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

function objects(value: unknown): readonly Fields[] {
  return Array.isArray(value) ? value.map(fields) : [];
}

function instant(value: unknown): number | null {
  const time = typeof value === "string" ? Date.parse(value) : Number.NaN;
  return Number.isFinite(time) ? time : null;
}

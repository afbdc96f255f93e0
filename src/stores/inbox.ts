import { lstatSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import type { Answer } from "../approvals/answer.js";
import type { Inbox, InboxQuery, RequestState, StoredRequest } from "../approvals/inbox.js";
import type { ApprovalRequest } from "../approvals/request.js";
import { shortId } from "../approvals/request.js";
import { EnactError, isEnactError } from "../errors.js";
import { checkPrivateFolder, makePrivateFolder, realPathOf } from "../receipts/key-files.js";
import type { Sealing } from "../receipts/sealed.js";
import { openSealing } from "../receipts/sealed.js";
import { sealAnswer, sealRequest, storedRequest } from "./inbox/rows.js";
import { createInbox, inboxIsMade } from "./inbox/schema.js";
import { Database, inWords, isBusy, loadSqlite, sqliteCode } from "./sqlite/database.js";
import { createPrivateEmptyFile, fileId } from "./sqlite/place.js";

export interface InboxOptions {
  /** The user's config folder: the inbox is `inbox.sqlite` in it, its key in `keys/`. */
  readonly enactHome: string;
  /** How long to wait for an inbox that other processes hold; 5 seconds when left out. */
  readonly busyTimeoutMs?: number;
  /** What the inbox may hold of one project, over or waiting; 64 MB when left out. */
  readonly maxProjectBytes?: number;
}

/** More than this no person reads; an agent that asks for more must be told so. */
const MAX_REQUEST_BYTES = 32_000_000;
const MAX_WAITING = 100;
/** An agent that asks without end must neither fill the disk nor make lists of requests too large to be read. */
const MAX_PROJECT_BYTES = 64_000_000;
const DEFAULT_LIMIT = 200;
/** How long what was asked for is kept after it is over, and that it was asked for at all. */
const KEEP_CONTENTS_MS = 3 * 24 * 60 * 60 * 1000;
const KEEP_ROWS_MS = 90 * 24 * 60 * 60 * 1000;
const RETRY_PAUSE_MS = 10;

/** The inbox of a user in SQLite, shared by all guards, pages and terminals of this user. Opens nothing until it is used. */
export function openInbox(options: InboxOptions): Inbox {
  return new SqliteInbox(options);
}

class SqliteInbox implements Inbox {
  readonly location: string;
  readonly #options: InboxOptions;
  readonly #sealing: Sealing;
  #db: { readonly db: Database; readonly file: string } | undefined;

  constructor(options: InboxOptions) {
    const home = realPathOf(options.enactHome);
    this.#options = options;
    this.location = join(home, "inbox.sqlite");
    this.#sealing = openSealing({ location: join(home, "keys"), checkPlace: () => checkPrivateFolder(home) });
  }

  file(request: ApprovalRequest, now: Date): Promise<StoredRequest> {
    return this.#write(now, (db) => {
      const there = this.#one(db, request.id, now);
      if (there !== null) return there;
      const same = this.#find(db, { project: request.project, plan_digest: request.plan.plan_digest, state: "open" }, now);
      const asked = same.find((stored) => stored.problem === null);
      if (asked !== undefined) {
        db.run("INSERT INTO aliases VALUES (?, ?)", request.id, asked.id);
        return asked;
      }
      this.#insert(db, request, now);
      return this.#mustFind(db, request.id, now);
    });
  }

  get(id: string, now: Date): Promise<StoredRequest | null> {
    return this.#read((db) => this.#one(db, id, now), null);
  }

  list(query: InboxQuery, now: Date): Promise<readonly StoredRequest[]> {
    return this.#read((db) => this.#find(db, query, now), []);
  }

  record(answer: Answer, now: Date): Promise<StoredRequest> {
    return this.#write(now, (db) => {
      const stored = this.#mustFind(db, answer.request_id, now);
      const short = shortId(stored.id);
      if (stored.problem !== null) throw refused(`Request ${short} cannot be answered: ${stored.problem}`);
      if (stored.state !== "open") throw refused(`Request ${short} cannot be answered any more: ${OVER[stored.state]}`);
      const isSecond = answer.approver_id !== null && stored.answers.some(({ approver_id }) => approver_id === answer.approver_id);
      if (isSecond) throw refused(`${answer.who} has answered request ${short} already`);
      const number = stored.answers.length + 1;
      db.run("INSERT INTO answers VALUES (?, ?, ?, ?)", stored.id, number, answer.approver_id, sealAnswer(this.#sealing, answer, number));
      if (answer.decision === "deny") db.run("UPDATE requests SET state = 'denied', over_at = ? WHERE id = ?", now.toISOString(), stored.id);
      return this.#mustFind(db, stored.id, now);
    });
  }

  async used(id: string, runId: string, now: Date): Promise<void> {
    await this.#write(now, (db) => {
      db.run("UPDATE requests SET state = 'used', over_at = ?, run_id = ? WHERE id = ? AND run_id IS NULL", now.toISOString(), runId, id);
    });
  }

  close(): Promise<void> {
    try {
      // What was deleted is then gone from the log as well.
      this.#db?.db.exec("PRAGMA wal_checkpoint(TRUNCATE)");
    } catch {
      // Others use it: the last of them does it.
    }
    this.#disconnect();
    return Promise.resolve();
  }

  #insert(db: Database, request: ApprovalRequest, now: Date): void {
    const { id, project, plan, created_at, expires_at } = request;
    const waiting = db.get("SELECT count(*) AS n FROM requests WHERE project = ? AND state = 'open'", project)?.["n"];
    if (Number(waiting) >= MAX_WAITING) throw refused(`${String(MAX_WAITING)} requests of this project are waiting for a person already`);
    const sealed = sealRequest(this.#sealing, request);
    if (sealed.length > MAX_REQUEST_BYTES) throw refused("What would be done is too large for a person to read and approve");
    makeRoom(db, project, (this.#options.maxProjectBytes ?? MAX_PROJECT_BYTES) - sealed.length);
    db.run(
      "INSERT INTO requests VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'open', NULL, NULL, ?)",
      id, project, plan.workflow, plan.target, plan.identity.user_email, plan.plan_digest, created_at, expires_at, sealed,
    );
    forget(db, now);
  }

  #one(db: Database, id: string, now: Date): StoredRequest | null {
    const row =
      db.get("SELECT * FROM requests WHERE id = ?", id) ??
      db.get("SELECT requests.* FROM aliases JOIN requests ON requests.id = aliases.request_id WHERE aliases.id = ?", id);
    return row === undefined ? null : storedRequest(db, this.#sealing, row, now);
  }

  #mustFind(db: Database, id: string, now: Date): StoredRequest {
    const stored = this.#one(db, id, now);
    if (stored === null) throw new EnactError("NOT_FOUND", `There is no request ${shortId(id)}`, { hint: "enact-guard approvals lists them." });
    return stored;
  }

  #find(db: Database, query: InboxQuery, now: Date): readonly StoredRequest[] {
    const { sql, values } = conditions(query, now);
    const rows = db.all(`SELECT * FROM requests WHERE ${sql} ORDER BY created_at DESC, rowid DESC LIMIT ?`, ...values, query.limit ?? DEFAULT_LIMIT);
    const found = rows.map((row) => storedRequest(db, this.#sealing, row, now));
    return query.state === undefined ? found : found.filter(({ state }) => state === query.state);
  }

  /** Makes the inbox when there is none; whatever has expired is noted before anything else. */
  #write<Result>(now: Date, work: (db: Database) => Result): Promise<Result> {
    return this.#patiently(async () => {
      const db = await this.#connect(true);
      return db.transaction("BEGIN IMMEDIATE", () => {
        createInbox(db);
        db.run("UPDATE requests SET state = 'expired', over_at = ?1 WHERE state = 'open' AND expires_at <= ?1", now.toISOString());
        return work(db);
      });
    });
  }

  #read<Result>(work: (db: Database) => Result, nothing: Result): Promise<Result> {
    return this.#patiently(async () => {
      if (!isThere(this.location)) return nothing;
      const db = await this.#connect(false);
      return db.transaction("BEGIN", () => (inboxIsMade(db) ? work(db) : nothing));
    });
  }

  /** A file that was deleted or exchanged is no longer the inbox, although a connection to it would go on. */
  async #connect(make: boolean): Promise<Database> {
    if (this.#db !== undefined && this.#db.file !== fileId(this.location)) this.#disconnect();
    if (this.#db !== undefined) return this.#db.db;
    const sqlite = await loadSqlite();
    const home = realPathOf(this.#options.enactHome);
    if (make) {
      makePrivateFolder(home);
      createPrivateEmptyFile(this.location);
    }
    checkPrivateFolder(home);
    isThere(this.location);
    const db = new Database(sqlite, this.location, { busyTimeoutMs: 250 });
    this.#db = { db, file: fileId(this.location) };
    db.exec("PRAGMA journal_mode = WAL");
    db.exec("PRAGMA synchronous = FULL");
    db.exec("PRAGMA secure_delete = ON");
    return db;
  }

  #disconnect(): void {
    this.#db?.db.close();
    this.#db = undefined;
  }

  /** Tries again while others hold the inbox; the event loop goes on meanwhile. */
  async #patiently<Result>(work: () => Promise<Result>): Promise<Result> {
    const until = performance.now() + (this.#options.busyTimeoutMs ?? 5000);
    for (;;) {
      try {
        return await work();
      } catch (error) {
        if (sqliteCode(error) !== undefined && !isBusy(error)) this.#disconnect();
        if (!isBusy(error) || performance.now() >= until) throw unavailable(error);
        await sleep(RETRY_PAUSE_MS);
      }
    }
  }
}

const OVER: Readonly<Record<Exclude<RequestState, "open">, string>> = {
  denied: "somebody has said no",
  used: "it was approved and used",
  expired: "its time is over",
};

function conditions(query: InboxQuery, now: Date): { readonly sql: string; readonly values: readonly string[] } {
  const parts = ["TRUE"];
  const values: string[] = [];
  const add = (sql: string, value: string | undefined) => {
    if (value === undefined) return;
    parts.push(sql);
    values.push(value);
  };
  add("project = ?", query.project);
  add("workflow = ?", query.workflow);
  add("plan_digest = ?", query.plan_digest);
  if (query.prefix !== undefined) {
    parts.push("(substr(id, 1, length(?)) = ? OR id IN (SELECT request_id FROM aliases WHERE substr(aliases.id, 1, length(?)) = ?))");
    values.push(query.prefix, query.prefix, query.prefix, query.prefix);
  }
  if (query.state === "open") add("state = 'open' AND expires_at > ?", now.toISOString());
  return { sql: parts.join(" AND "), values };
}

/** Deletes what nobody needs any more. */
function forget(db: Database, now: Date): void {
  const [contents, rows] = [KEEP_CONTENTS_MS, KEEP_ROWS_MS].map((age) => new Date(now.getTime() - age).toISOString()) as [string, string];
  db.run("UPDATE requests SET sealed = NULL WHERE over_at IS NOT NULL AND over_at < ? AND sealed IS NOT NULL", contents);
  db.run("DELETE FROM answers WHERE request_id IN (SELECT id FROM requests WHERE over_at IS NOT NULL AND over_at < ?)", rows);
  db.run("DELETE FROM aliases WHERE request_id IN (SELECT id FROM requests WHERE over_at IS NOT NULL AND over_at < ?)", rows);
  db.run("DELETE FROM requests WHERE over_at IS NOT NULL AND over_at < ?", rows);
}

/** Forgets what a project's requests held that are over, the oldest first. @throws EnactError REFUSED when those that wait need the room */
function makeRoom(db: Database, project: string, most: number): void {
  const kept = db.all("SELECT id, over_at, length(sealed) AS bytes FROM requests WHERE project = ? AND sealed IS NOT NULL ORDER BY over_at", project);
  let bytes = kept.reduce((sum, row) => sum + Number(row["bytes"]), 0);
  for (const row of kept.filter(({ over_at }) => over_at !== null)) {
    if (bytes <= most) return;
    db.run("UPDATE requests SET sealed = NULL WHERE id = ?", String(row["id"]));
    bytes -= Number(row["bytes"]);
  }
  if (bytes > most) throw refused("What waits for a person in this project takes all the room that the inbox has for it");
}

/** @throws EnactError KEY_UNUSABLE when someone else could have written it, or it is no file */
function isThere(path: string): boolean {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return false;
  const isOurs = process.getuid === undefined || stats.uid === process.getuid();
  const isClosed = process.platform === "win32" || (stats.mode & 0o077) === 0;
  if (stats.isFile() && isOurs && isClosed) return stats.size > 0;
  throw new EnactError("APPROVALS_UNAVAILABLE", `${path} is no regular file, or open to other users`, {
    hint: `The guard keeps requests for approval there. Make it a regular file of yours: chmod 600 ${path}`,
  });
}

function refused(message: string): EnactError {
  return new EnactError("REFUSED", message);
}

function unavailable(error: unknown): unknown {
  if (isEnactError(error)) return error;
  const said = inWords(error, "The inbox of approvals");
  if (!isEnactError(said)) return error;
  return new EnactError("APPROVALS_UNAVAILABLE", said.message, { hint: "Look at the file inbox.sqlite in the user's folder of enact-guard; moving it away loses open requests only.", cause: error });
}

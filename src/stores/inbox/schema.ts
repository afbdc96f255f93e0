import { EnactError } from "../../errors.js";
import type { Database } from "../sqlite/database.js";

const VERSION = 1;

/**
 * What an agent asks of people. `sealed` holds the whole request (its columns are copies, to search by), encrypted and
 * bound to its id; it is deleted when the request is over. `aliases` are ids under which the same plan was asked about
 * while another request about it was open.
 */
const SCHEMA = `
CREATE TABLE requests (
  id TEXT PRIMARY KEY,
  project TEXT NOT NULL,
  workflow TEXT NOT NULL,
  target TEXT NOT NULL,
  user_email TEXT NOT NULL,
  plan_digest TEXT NOT NULL,
  created_at TEXT NOT NULL,
  expires_at TEXT NOT NULL,
  state TEXT NOT NULL,
  over_at TEXT,
  run_id TEXT,
  sealed BLOB
) STRICT;
CREATE INDEX requests_plan ON requests (plan_digest);
CREATE INDEX requests_time ON requests (created_at);
CREATE TABLE answers (
  request_id TEXT NOT NULL,
  number INTEGER NOT NULL,
  approver_id TEXT,
  sealed BLOB NOT NULL,
  PRIMARY KEY (request_id, number),
  UNIQUE (request_id, approver_id)
) STRICT;
CREATE TABLE aliases (
  id TEXT PRIMARY KEY,
  request_id TEXT NOT NULL
) STRICT;
PRAGMA user_version = ${String(VERSION)};
`;

/** Makes the tables if they are missing; call it inside a write transaction. */
export function createInbox(db: Database): void {
  if (!inboxIsMade(db)) db.exec(SCHEMA);
}

/** @returns false when there is nothing in it yet */
export function inboxIsMade(db: Database): boolean {
  const version = db.get("PRAGMA user_version")?.["user_version"];
  if (typeof version === "number" && version > VERSION) {
    throw new EnactError("APPROVALS_UNAVAILABLE", "The inbox of approvals was made by a newer version of enact-guard", { hint: "Update enact-guard in this place too." });
  }
  return version === VERSION;
}

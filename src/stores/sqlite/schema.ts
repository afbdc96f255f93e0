import { EnactError } from "../../errors.js";
import type { Database } from "./database.js";

/** "ENAC": tells a ledger from any other SQLite file. */
const APPLICATION_ID = 0x454e4143;
const LEDGER_VERSION = 1;

/**
 * The ledger holds evidence and nothing else: the signed text of each entry under its place. What it is searched by is
 * computed by SQLite from that text, so that no column can say something that was not signed. What policies count by
 * is not kept here at all: see KnownLedgers.
 */
const LEDGER_SCHEMA = [
  `CREATE TABLE entries (
  sequence INTEGER PRIMARY KEY,
  entry TEXT NOT NULL,
  run_id TEXT GENERATED ALWAYS AS (entry ->> '$.run_id') VIRTUAL,
  phase TEXT GENERATED ALWAYS AS (entry ->> '$.phase') VIRTUAL,
  workflow TEXT GENERATED ALWAYS AS (entry ->> '$.workflow') VIRTUAL,
  decision TEXT GENERATED ALWAYS AS (entry ->> '$.decision') VIRTUAL
) STRICT`,
  "CREATE INDEX entries_decision ON entries (decision)",
  "CREATE UNIQUE INDEX entries_run ON entries (run_id, phase)",
  "CREATE INDEX entries_workflow ON entries (workflow)",
];

/** Statistics that ANALYZE leaves behind change no result. */
const FOUND_SCHEMA = `SELECT coalesce(group_concat(coalesce(sql, name), ';' ORDER BY name), '') AS found
  FROM sqlite_schema WHERE name NOT LIKE 'sqlite~_stat%' ESCAPE '~'`;
const EXPECTED_SCHEMA = LEDGER_SCHEMA.join(";");

/** Makes the tables of a new ledger; call it inside a write transaction. */
export function createLedger(db: Database): void {
  for (const statement of LEDGER_SCHEMA) db.exec(statement);
  db.exec(`PRAGMA application_id = ${String(APPLICATION_ID)}`);
  db.exec(`PRAGMA user_version = ${String(LEDGER_VERSION)}`);
}

/**
 * Says what is wrong with the structure of a ledger, or null. A trigger or a view in it could make an append vanish.
 * @returns "new" when there is nothing in it yet
 */
export function ledgerStructure(db: Database): "right" | "new" | { readonly problem: string } {
  const found = db.get(FOUND_SCHEMA)?.["found"];
  const version = db.get("PRAGMA user_version")?.["user_version"];
  const application = db.get("PRAGMA application_id")?.["application_id"];
  if (found === "" && version === 0) return "new";
  if (application === APPLICATION_ID && typeof version === "number" && version > LEDGER_VERSION) throw tooNew("The ledger");
  if (application === APPLICATION_ID && version === LEDGER_VERSION && found === EXPECTED_SCHEMA) return "right";
  return { problem: "The structure of the ledger file was changed: it has other tables, indexes or triggers than the guard made" };
}

/**
 * What the guard itself knows of the ledgers it has written, outside of them: the head of each, and the index of runs
 * that policies count by. All of it can be made again from a ledger whose entries verify.
 */
const KNOWN_VERSION = 2;
const KNOWN_SCHEMA = `
CREATE TABLE ledgers (
  id INTEGER PRIMARY KEY,
  path TEXT UNIQUE,
  genesis TEXT NOT NULL,
  sequence INTEGER NOT NULL,
  hash TEXT NOT NULL,
  key_id TEXT NOT NULL,
  time INTEGER NOT NULL,
  lost_path TEXT,
  lost_at TEXT,
  kept INTEGER,
  taken_over_at TEXT,
  taken_over INTEGER
) STRICT;
CREATE INDEX ledgers_genesis ON ledgers (genesis);
CREATE TABLE runs (
  ledger INTEGER NOT NULL,
  sequence INTEGER NOT NULL,
  run_id TEXT NOT NULL,
  workflow TEXT NOT NULL,
  user_email TEXT NOT NULL,
  timestamp INTEGER NOT NULL,
  time INTEGER NOT NULL,
  state TEXT NOT NULL,
  PRIMARY KEY (ledger, sequence)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX runs_id ON runs (ledger, run_id);
CREATE INDEX runs_time ON runs (ledger, time);
CREATE INDEX runs_workflow ON runs (ledger, workflow, time);
CREATE TABLE subjects (
  ledger INTEGER NOT NULL,
  subject BLOB NOT NULL,
  time INTEGER NOT NULL,
  sequence INTEGER NOT NULL,
  PRIMARY KEY (ledger, subject, time, sequence)
) STRICT, WITHOUT ROWID;
PRAGMA user_version = ${String(KNOWN_VERSION)};
`;

/** What version 2 has beyond version 1. */
const SINCE_VERSION_1 = `
ALTER TABLE ledgers ADD COLUMN taken_over_at TEXT;
ALTER TABLE ledgers ADD COLUMN taken_over INTEGER;
PRAGMA user_version = ${String(KNOWN_VERSION)};
`;

/** Makes the tables, or what earlier versions lack of them; call it inside a write transaction. */
export function createKnown(db: Database): void {
  const version = db.get("PRAGMA user_version")?.["user_version"];
  if (version === 0) db.exec(KNOWN_SCHEMA);
  if (version === 1) db.exec(SINCE_VERSION_1);
}

/** Whether it is there: not yet, as an earlier version left it, or as this one needs it. */
export function knownState(db: Database): "none" | "earlier" | "current" {
  const version = db.get("PRAGMA user_version")?.["user_version"];
  if (typeof version === "number" && version > KNOWN_VERSION) throw tooNew("The list of known ledgers");
  if (version === KNOWN_VERSION) return "current";
  return version === 0 ? "none" : "earlier";
}

function tooNew(what: string): EnactError {
  return new EnactError("LEDGER_UNAVAILABLE", `${what} was made by a newer version of enact-guard`, {
    hint: "Update enact-guard in this place too.",
  });
}

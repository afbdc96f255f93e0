import { subjectDigest } from "../../receipts/entry.js";
import type { LedgerHistory, LedgerHistoryQuery, LedgerPastRun } from "../../receipts/ledger.js";
import type { Database, Row } from "./database.js";

/** The history of one ledger, without the run `except`. */
export function historyOf(db: Database, ledger: number | null, except: string | null): LedgerHistory {
  if (ledger === null) return { runs: () => [], count: () => 0 };
  const select = (columns: string, order: string, query: LedgerHistoryQuery): readonly Row[] => {
    const { sql, values } = conditions(ledger, except, query);
    return db.all(`SELECT ${columns} FROM ${sql}${order}`, ...values);
  };
  return {
    runs: (query) => select("runs.*", " ORDER BY runs.sequence", query).map(pastRun),
    count: (query) => select("count(*) AS number", "", query)[0]?.["number"] as number,
  };
}

function conditions(ledger: number, except: string | null, { workflows, subject, since }: LedgerHistoryQuery) {
  const from = since.getTime();
  // An invalid date compares false with everything, which would let everything through.
  if (Number.isNaN(from)) throw new RangeError("history: 'since' is not a date");
  const values: (string | number | Uint8Array)[] = [];
  let sql: string;
  if (subject === undefined) {
    sql = "runs WHERE runs.ledger = ? AND runs.time >= ?";
    values.push(ledger, from);
  } else {
    sql = "subjects CROSS JOIN runs ON runs.ledger = subjects.ledger AND runs.sequence = subjects.sequence WHERE subjects.ledger = ? AND subjects.subject = ? AND subjects.time >= ?";
    values.push(ledger, digestBlob(subjectDigest(subject)), from);
  }
  if (workflows !== undefined) {
    sql += ` AND runs.workflow IN (${workflows.map(() => "?").join(", ")})`;
    values.push(...workflows);
  }
  if (except !== null) {
    sql += " AND runs.run_id <> ?";
    values.push(except);
  }
  return { sql, values };
}

/** A digest `sha256:<hex>` as bytes: half the size in the index. */
export function digestBlob(digest: string): Uint8Array {
  return Buffer.from(digest.slice(digest.indexOf(":") + 1), "hex");
}

function pastRun(row: Row): LedgerPastRun {
  return {
    run_id: row["run_id"] as string,
    workflow: row["workflow"] as string,
    user_email: row["user_email"] as string,
    timestamp: new Date(row["timestamp"] as number),
    state: row["state"] as LedgerPastRun["state"],
  };
}

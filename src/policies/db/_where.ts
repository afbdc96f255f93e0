import type { SqlChange, SqlStatementFacts } from "../../facts/sql.js";
import type { Verdict } from "../policy.js";

/** Judges that every change of this kind names its rows. */
export function changesNameTheirRows(payload: Readonly<Record<string, unknown>>, verb: "DELETE" | "UPDATE"): Verdict {
  const statements = payload["statements"] as readonly SqlStatementFacts[];
  const changes = statements.flatMap((statement) => statement.changes).filter((one) => one.verb === verb);
  const truncates = verb === "DELETE" ? statements.flatMap((one) => one.changes).filter((one) => one.verb === "TRUNCATE") : [];
  const bad = [...changes.filter((one) => one.where !== "present"), ...truncates];
  if (bad.length > 0) return { passed: false, reason: bad.slice(0, 3).map(inWords).join("; ") };
  if (changes.length === 0) return { passed: true, reason: `No ${verb} in this call` };
  return { passed: true, reason: `Every ${verb} has a WHERE that chooses rows` };
}

function inWords({ verb, table, where, merge, spares_rows: sparesRows = null }: SqlChange): string {
  if (verb === "TRUNCATE") return `TRUNCATE of ${table} deletes all rows`;
  const what = merge ? `${verb} of ${table} in MERGE` : `${verb} of ${table}`;
  if (where === "absent") return `${what} has no WHERE: it reaches all rows`;
  const measured = sparesRows === false ? " It left no row of the table alone (undone)" : " (undone)";
  if (where === "unproven") return `${what} has a WHERE that spared no row, and nobody can tell whether it could spare one.${measured}`;
  const reaches = sparesRows === null ? "it reaches all rows" : "PostgreSQL found it true of every row that it was tried on.";
  return `${what} has a WHERE that is true for every row: ${reaches}${sparesRows === null ? "" : measured}`;
}

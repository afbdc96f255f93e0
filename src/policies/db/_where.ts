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
  if (payload["effects"] === "planned") return { passed: true, reason: `Every ${verb} has a WHERE; whether it could spare a row shows when it runs` };
  return { passed: true, reason: `Every ${verb} has a WHERE that chooses rows` };
}

/** Measured: whether a row of the table was left alone; null before it ran, and where that says nothing. */
function inWords({ verb, table, where, merge, spares_rows: sparesRows }: SqlChange): string {
  if (verb === "TRUNCATE") return `TRUNCATE of ${table} deletes all rows`;
  const what = merge ? `${verb} of ${table} in MERGE` : `${verb} of ${table}`;
  if (where === "absent") return `${what} has no WHERE: it reaches all rows`;
  const reached = sparesRows === false ? "it left no row of the table alone" : "it reaches all rows";
  if (where === "unproven") return `${what} has a WHERE, but ${reached}, and whether the WHERE could spare any cannot be told (undone)`;
  const tried = sparesRows === false ? ", and PostgreSQL found it true of every other row that it was tried on (undone)" : "";
  return `${what} has a WHERE that is true for every row: ${reached}${tried}`;
}

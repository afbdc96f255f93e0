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

function inWords({ verb, table, where, merge }: SqlChange): string {
  if (verb === "TRUNCATE") return `TRUNCATE of ${table} deletes all rows`;
  const what = merge ? `${verb} of ${table} in MERGE` : `${verb} of ${table}`;
  if (where === "absent") return `${what} has no WHERE: it reaches all rows`;
  return `${what} has a WHERE that is true for every row: it reaches all rows`;
}

import { z } from "zod";

import { definePolicy } from "../policy.js";
import { measured, planned } from "./_examples.js";

const options = z.strictObject({
  /** Rows inserted, updated and deleted in one call, over all tables, triggers and cascades included. */
  max: z.number().int().min(0),
});
type Options = z.infer<typeof options>;

/** A slip of the WHERE should cost a few rows, not a table. */
export const maxRowsAffectedPolicy = definePolicy<Options>({
  id: "max_rows_affected",
  category: "db",
  workflows: ["sql_query"],
  reads: ["effects", "rows_affected"],
  options,
  description:
    "Blocks when one call inserts, updates and deletes more than `max` rows over all tables, counted by PostgreSQL before COMMIT.",
  hint: "Change fewer rows at a time: narrow the WHERE, or work in batches.",
  examples: [
    {
      title: "exactly the maximum",
      passes: true,
      options: { max: 10 },
      workflow: "sql_query",
      payload: measured({ rows_updated: 10, rows_affected: 10 }),
    },
    {
      title: "nothing has run yet, so nothing is counted yet",
      passes: true,
      options: { max: 10 },
      workflow: "sql_query",
      payload: planned({}),
    },
    {
      title: "one row deleted, and a hundred with it by cascade",
      passes: false,
      options: { max: 10 },
      workflow: "sql_query",
      payload: measured({ rows_deleted: 101, rows_affected: 101 }),
    },
  ],
  knownBad: ({ max }) => ({ workflow: "sql_query", payload: measured({ rows_updated: max + 1, rows_affected: max + 1 }) }),
  judge: ({ payload }, { max }) => {
    const rows = payload["rows_affected"];
    if (payload["effects"] === "planned") return { passed: true, reason: `Not counted yet, limit ${max}` };
    const withinLimit = typeof rows === "number" && rows <= max;
    if (withinLimit) return { passed: true, reason: `${rows} rows changed, limit ${max}` };
    return { passed: false, reason: `${String(rows)} rows changed, limit ${max} (undone)`, instead: { rows_affected: max } };
  },
});

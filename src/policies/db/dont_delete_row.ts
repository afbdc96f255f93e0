import { z } from "zod";

import { definePolicy } from "../policy.js";
import { measured, planned } from "./_examples.js";

/** Rows that are gone are gone, whichever way they went. */
export const dontDeleteRowPolicy = definePolicy({
  id: "dont_delete_row",
  category: "db",
  workflows: ["sql_query"],
  reads: ["effects", "deletes", "rows_deleted"],
  options: z.strictObject({}),
  description:
    "Blocks when rows would be, or were, deleted in any way: DELETE, CTE, MERGE, TRUNCATE, DROP, cascade, trigger, function.",
  hint: "Keep the row: mark it with an UPDATE (a column such as deleted_at), or ask the person to delete it.",
  examples: [
    { title: "a SELECT", passes: true, workflow: "sql_query", payload: planned({}) },
    {
      title: "an UPDATE that was measured and deleted nothing",
      passes: true,
      workflow: "sql_query",
      payload: measured({ rows_updated: 1, rows_affected: 1 }),
    },
    {
      title: "a DELETE, even of a single row",
      passes: false,
      workflow: "sql_query",
      payload: planned({ deletes: ["DELETE from public.users"] }),
    },
    {
      title: "an UPDATE whose trigger deleted two rows",
      passes: false,
      workflow: "sql_query",
      payload: measured({ rows_updated: 1, rows_deleted: 2, rows_affected: 3 }),
    },
  ],
  judge: ({ payload }) => {
    const deletes = payload["deletes"] as readonly string[];
    const rowsDeleted = payload["rows_deleted"];
    const measuredDeletes = typeof rowsDeleted === "number" && rowsDeleted > 0;
    if (deletes.length > 0) {
      const reason = `Deleting rows is blocked (${deletes.slice(0, 3).join("; ")})`;
      return { passed: false, reason, instead: { deletes: [], rows_deleted: 0 } };
    }
    if (measuredDeletes) {
      const reason = `Deleting rows is blocked: ${rowsDeleted} ${rowsDeleted === 1 ? "row was" : "rows were"} deleted by a trigger, cascade, rule or function (undone)`;
      return { passed: false, reason, instead: { deletes: [], rows_deleted: 0 } };
    }
    const rowsAreKept = payload["effects"] === "planned" || rowsDeleted === 0;
    if (!rowsAreKept) return { passed: false, reason: "Deleting rows is blocked: the number of deleted rows is missing" };
    return { passed: true, reason: "No rows are deleted" };
  },
});

import { z } from "zod";

import type { WorkflowContext } from "../policy.js";

/** The option of policies that stop everything: whether calls that only look may pass. */
export const allowReads = z.boolean().default(false);

/**
 * True for a call that changes nothing for certain: `file_read`, and SQL in which nothing is written, by text and by
 * measurement. Every other tool counts as a change, tools of other packages included.
 *
 * Facts that are missing or unknown are read, never skipped: then the guard blocks.
 */
export function onlyLooks({ workflow, payload }: WorkflowContext): boolean {
  if (workflow === "file_read") return true;
  if (workflow !== "sql_query") return false;
  const isKnown = payload["effects"] === "planned" || payload["effects"] === "measured";
  const nothingNamed = ["tables_written", "columns_written", "deletes", "ddl"].every((fact) => isEmpty(payload[fact]));
  // Null before anything ran, a count afterwards.
  const nothingCounted = ["rows_inserted", "rows_updated", "rows_deleted", "rows_affected"].every((fact) => {
    const count = payload[fact];
    return count === 0 || (count === null && payload["effects"] === "planned");
  });
  return isKnown && nothingNamed && nothingCounted;
}

function isEmpty(fact: unknown): boolean {
  return Array.isArray(fact) && fact.length === 0;
}

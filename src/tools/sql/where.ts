import type { WhereState } from "../../facts/sql.js";
import type { ChangeNode } from "./collect.js";
import { ConditionReader } from "./conditions.js";
import type { Json } from "../../facts/json.js";
import type { Sources } from "./sources.js";
import { isTrueForEveryRow } from "./truth.js";
import type { Condition } from "./truth.js";

/** What chooses the rows of a DELETE or UPDATE; null for a change that needs no choice. */
export function whereOf(change: ChangeNode, params: readonly Json[], sources: Sources): WhereState | null {
  if (change.conditions === undefined) return null;
  if (change.conditions.length === 0 && change.unless === undefined) return "absent";
  const reader = new ConditionReader(change, params, sources);
  const conditions: Condition[] = change.conditions.map((node) => reader.condition(node));
  if (change.unless !== undefined) conditions.push({ is: "not", of: reader.condition(change.unless) });
  return isTrueForEveryRow({ is: "and", of: conditions }) ? "always_true" : "present";
}

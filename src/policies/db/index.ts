import type { Policy, PolicyDefinition } from "../policy.js";
import { blockDdlPolicy } from "./block_ddl.js";
import { dontDeleteRowPolicy } from "./dont_delete_row.js";
import { dontDeleteWithoutWherePolicy } from "./dont_delete_without_where.js";
import { dontUpdateWithoutWherePolicy } from "./dont_update_without_where.js";
import { maxRowsAffectedPolicy } from "./max_rows_affected.js";
import { protectTablesPolicy } from "./protect_tables.js";

export {
  blockDdlPolicy,
  dontDeleteRowPolicy,
  dontDeleteWithoutWherePolicy,
  dontUpdateWithoutWherePolicy,
  maxRowsAffectedPolicy,
  protectTablesPolicy,
};

/** No change of the schema or the server. */
export const blockDdl: Policy = blockDdlPolicy.create({});

/** No row is deleted, in whatever way. */
export const dontDeleteRow: Policy = dontDeleteRowPolicy.create({});

/** No DELETE without a WHERE that chooses rows. */
export const dontDeleteWithoutWhere: Policy = dontDeleteWithoutWherePolicy.create({});

/** No UPDATE without a WHERE that chooses rows. */
export const dontUpdateWithoutWhere: Policy = dontUpdateWithoutWherePolicy.create({});

/** At most so many rows changed per call. */
export const maxRowsAffected = (max: number): Policy => maxRowsAffectedPolicy.create({ max });

/** These tables are not touched. */
export const protectTables = (tables: readonly string[]): Policy => protectTablesPolicy.create({ tables });

/** These tables are not touched, or only not written. */
export const protectTablesWith = (options: { tables: readonly string[]; access?: "any" | "write" }): Policy =>
  protectTablesPolicy.create(options);

/** All policies of this category, sorted by id. */
export const dbPolicies: readonly PolicyDefinition[] = [
  blockDdlPolicy,
  dontDeleteRowPolicy,
  dontDeleteWithoutWherePolicy,
  dontUpdateWithoutWherePolicy,
  maxRowsAffectedPolicy,
  protectTablesPolicy,
];

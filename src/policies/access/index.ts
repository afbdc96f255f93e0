import type { Policy, PolicyDefinition } from "../policy.js";
import { contractorCannotWritePiiPolicy } from "./contractor_cannot_write_pii.js";
import { dontReadSensitiveTablesPolicy } from "./dont_read_sensitive_tables.js";

export { contractorCannotWritePiiPolicy, dontReadSensitiveTablesPolicy };

/** Contractors do not write these fields. */
export const contractorCannotWritePii = (piiFields: readonly string[]): Policy =>
  contractorCannotWritePiiPolicy.create({ pii_fields: piiFields });

/** This role does not write these fields. */
export const contractorCannotWritePiiWith = (options: { pii_fields: readonly string[]; role?: string }): Policy =>
  contractorCannotWritePiiPolicy.create(options);

/** These tables are not read. */
export const dontReadSensitiveTables = (tables: readonly string[]): Policy => dontReadSensitiveTablesPolicy.create({ tables });

/** All policies of this category, sorted by id. */
export const accessPolicies: readonly PolicyDefinition[] = [contractorCannotWritePiiPolicy, dontReadSensitiveTablesPolicy];

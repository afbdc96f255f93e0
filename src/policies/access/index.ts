import type { Policy, PolicyDefinition } from "../policy.js";
import { contractorCannotWritePiiPolicy } from "./contractor_cannot_write_pii.js";
import { dontReadSensitivePathsPolicy } from "./dont_read_sensitive_paths.js";
import { dontReadSensitiveTablesPolicy } from "./dont_read_sensitive_tables.js";
import { dontSendSecretsPolicy } from "./dont_send_secrets.js";
import { requireActorRolePolicy } from "./require_actor_role.js";
import { requireClearanceForPathPolicy } from "./require_clearance_for_path.js";
import { requireHumanOkPolicy } from "./require_human_ok.js";
import { requireUserRolePolicy } from "./require_user_role.js";

export {
  contractorCannotWritePiiPolicy,
  dontReadSensitivePathsPolicy,
  dontReadSensitiveTablesPolicy,
  dontSendSecretsPolicy,
  requireActorRolePolicy,
  requireClearanceForPathPolicy,
  requireHumanOkPolicy,
  requireUserRolePolicy,
};

/** Contractors do not write these fields. */
export const contractorCannotWritePii = (piiFields: readonly string[]): Policy =>
  contractorCannotWritePiiPolicy.create({ pii_fields: piiFields });

/** This role does not write these fields. */
export const contractorCannotWritePiiWith = (options: { pii_fields: readonly string[]; role?: string }): Policy =>
  contractorCannotWritePiiPolicy.create(options);

/** These files, and all below these folders, are not read. */
export const dontReadSensitivePaths = (paths: readonly string[]): Policy => dontReadSensitivePathsPolicy.create({ paths });

/** These tables are not read. */
export const dontReadSensitiveTables = (tables: readonly string[]): Policy => dontReadSensitiveTablesPolicy.create({ tables });

/** Nothing secret leaves in messages, mails and CRM entries. */
export const dontSendSecrets: Policy = dontSendSecretsPolicy.create({});

/** Only agents of these roles. */
export const requireActorRole = (roles: readonly string[]): Policy => requireActorRolePolicy.create({ roles });

/** These paths only for people with this clearance_level or more. */
export const requireClearanceForPath = (paths: readonly string[], min_clearance: number): Policy =>
  requireClearanceForPathPolicy.create({ paths, min_clearance });

/** These tools only with a person's approval of exactly the call. */
export const requireHumanOk = (workflows: readonly string[]): Policy => requireHumanOkPolicy.create({ workflows });

/** The same with the approval of several people. */
export const requireHumanOkWith = (options: { readonly workflows: readonly string[]; readonly min_approvals?: number }): Policy => requireHumanOkPolicy.create(options);

/** Only for people of these roles. */
export const requireUserRole = (roles: readonly string[]): Policy => requireUserRolePolicy.create({ roles });

/** All policies of this category, sorted by id. */
export const accessPolicies: readonly PolicyDefinition[] = [
  contractorCannotWritePiiPolicy,
  dontReadSensitivePathsPolicy,
  dontReadSensitiveTablesPolicy,
  dontSendSecretsPolicy,
  requireActorRolePolicy,
  requireClearanceForPathPolicy,
  requireHumanOkPolicy,
  requireUserRolePolicy,
];

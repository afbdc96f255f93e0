import type { Policy, PolicyDefinition } from "../policy.js";
import { dontDeleteWithoutHumanOkPolicy } from "./dont_delete_without_human_ok.js";

export { dontDeleteWithoutHumanOkPolicy };

/** Deleting in this storage ("s3" or "gdrive") takes a person's verified approval. */
export const dontDeleteWithoutHumanOk = (system: "s3" | "gdrive"): Policy => dontDeleteWithoutHumanOkPolicy.create({ system });

/** The same with the approval of several people. */
export const dontDeleteWithoutHumanOkWith = (options: { readonly system: "s3" | "gdrive"; readonly min_approvals?: number }): Policy =>
  dontDeleteWithoutHumanOkPolicy.create(options);

/** All policies of this category, sorted by id. */
export const cloudStoragePolicies: readonly PolicyDefinition[] = [dontDeleteWithoutHumanOkPolicy];

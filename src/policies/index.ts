import { accessPolicies } from "./access/index.js";
import type { PolicyDefinition } from "./policy.js";

/** All built-in policies, sorted by category and id. */
export const policies: readonly PolicyDefinition[] = [...accessPolicies];

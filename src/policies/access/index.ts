import type { PolicyDefinition } from "../policy.js";

/** All policies of this category, sorted by id. */
export const accessPolicies: readonly PolicyDefinition[] = [];

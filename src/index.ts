export { EnactError, isEnactError } from "./errors.js";
export { definePolicy } from "./policies/policy.js";
export type { Policy, PolicyResult, WorkflowContext } from "./policies/policy.js";

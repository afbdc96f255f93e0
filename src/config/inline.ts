import { policyMeta } from "../policies/policy.js";
import type { Policy } from "../policies/policy.js";
import type { ReadPolicy } from "./policies.js";
import { configError } from "./problem.js";

/** A configuration that a program gives instead of a file. The keys are those of enact.yaml. */
export interface GuardSettings {
  readonly identity: { readonly user_email: string; readonly actor_role: string; readonly user_attributes?: Readonly<Record<string, unknown>> };
  readonly systems?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly tools: readonly string[];
  /** Names, names with options (`{ protect_tables: { tables: ["users"] } }`), and policies themselves. */
  readonly policies: readonly (string | Readonly<Record<string, unknown>> | Policy)[];
  readonly unguarded?: readonly string[];
  readonly approvals?: {
    readonly expires_minutes?: number;
    readonly min_approvals?: number;
    readonly approver_differs?: boolean;
    readonly page?: boolean;
    readonly port?: number;
    readonly notify?: boolean;
    readonly mail?: { readonly to: readonly string[]; readonly base_url: string };
  };
  readonly undo?: { readonly enabled?: boolean; readonly max_run_mb?: number; readonly max_total_mb?: number; readonly max_age_days?: number };
  readonly receipts?: { readonly store?: "sqlite"; readonly signing?: "hmac" | "ed25519" };
}

/** Settings as a file would have them, and the policies that no file can hold. */
export interface Inline {
  readonly text: string;
  readonly functions: readonly Policy[];
}

/**
 * Writes the settings as the text of a configuration, so that they go the way of every other one and are checked like it.
 *
 * @throws EnactError CONFIG_INVALID for what is no plain data
 */
export function inlineOf(settings: GuardSettings): Inline {
  const functions = settings.policies.filter((policy) => typeof policy === "function");
  const policies = settings.policies.filter((policy) => typeof policy !== "function");
  try {
    const text = JSON.stringify({ ...settings, policies }, (_key, value: unknown) => literal(value), 2);
    return { text, functions };
  } catch (error) {
    throw configError("the settings given to createGuard must be plain data, except for policies", error);
  }
}

/** What looks like a reference to the environment is no reference here: the caller has its own way to the environment. */
function literal(value: unknown): unknown {
  if (typeof value === "string") return value.replaceAll("${", () => "$${");
  if (typeof value === "function" || typeof value === "bigint" || typeof value === "symbol") throw new TypeError(typeof value);
  return value;
}

/** Policies that were given as functions, as the reader of a file would have them. */
export function functionPolicies(functions: readonly Policy[]): readonly ReadPolicy[] {
  return functions.map((policy, index) => {
    const meta = policyMeta(policy);
    const name = meta?.id ?? (policy.name === "" ? `policy ${index + 1}` : policy.name);
    const meaning = meta === undefined ? { policy: name, source: String(policy) } : { policy: name, options: plainOptions(meta.options) };
    return { name, policy, meaning, place: { line: 1, column: 1 }, sources: [] };
  });
}

function plainOptions(options: unknown): unknown {
  return JSON.parse(JSON.stringify(options)) as unknown;
}

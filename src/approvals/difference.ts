import { canonicalJson } from "../receipts/canonical.js";
import type { PlanForApproval } from "./desk.js";

/** More names than these say no more. */
const SHOWN = 6;

/**
 * What distinguishes two plans of the same tool, in words: which of the facts, never what they are, because this goes to
 * the agent and into a receipt. Null when nothing does.
 */
export function differenceOf(before: PlanForApproval, now: PlanForApproval): string | null {
  const parts: string[] = [];
  if (differ(before.identity, now.identity)) parts.push("another identity acts");
  if (before.config_digest !== now.config_digest) parts.push("the configuration is another");
  const names = new Set([...Object.keys(before.payload), ...Object.keys(now.payload)]);
  const facts = [...names].filter((name) => differ(before.payload[name] ?? null, now.payload[name] ?? null));
  if (facts.length > 0) parts.push(`${listed(facts)} ${facts.length === 1 ? "is" : "are"} no longer the same`);
  else if (differ(before.step, now.step)) parts.push("what would be done is no longer the same");
  return parts.length === 0 ? null : parts.join(", and ");
}

function differ(before: unknown, now: unknown): boolean {
  return canonicalJson(before) !== canonicalJson(now);
}

function listed(names: readonly string[]): string {
  const shown = names.slice(0, SHOWN).map((name) => `'${name.slice(0, 60)}'`);
  if (names.length > SHOWN) return `${shown.join(", ")} and ${String(names.length - SHOWN)} more`;
  return shown.length === 1 ? (shown[0] ?? "") : `${shown.slice(0, -1).join(", ")} and ${shown.at(-1) ?? ""}`;
}

import type { Approval } from "../facts/context.js";
import type { Entry, JsonValue } from "../receipts/receipt.js";

/** The approval on which a decision let its call run, as policies see it; null when it ran on none. */
export function recordedApproval({ approval, phase, decision }: Entry): Approval | null {
  if (phase !== "decision" || decision !== "PASS" || approval === null) return null;
  const { id, state, approvers, statement, answers } = approval;
  if (state !== "granted" || typeof id !== "string" || !Array.isArray(approvers) || !Array.isArray(answers)) return null;
  const methods = answers.map((answer) => textOf(answer, "method"));
  const method = methods.includes("link") ? "link" : methods.includes("key") ? "key" : "passkey";
  const people = approvers.filter((one) => typeof one === "string");
  const approved_at = answers.map((answer) => textOf(answer, "answered_at")).toSorted().at(-1) ?? "";
  return Object.freeze({ id, approver: people.join(", "), approvers: Object.freeze(people), method, plan_digest: textOf(statement, "plan_digest"), approved_at });
}

function textOf(value: JsonValue | undefined, name: string): string {
  const found = typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Readonly<Record<string, JsonValue>>)[name] : undefined;
  return typeof found === "string" ? found : "";
}

import { EnactError } from "../../errors.js";
import type { SlackCall } from "./client.js";
import { lookFailed } from "./failure.js";

/**
 * Whether the token is good, and may post; changes nothing.
 * @returns what was found, one clause
 * @throws EnactError SYSTEM_UNAVAILABLE
 */
export async function reachSlack(call: SlackCall): Promise<string> {
  let answer: Readonly<Record<string, unknown>>;
  try {
    answer = await call("auth.test", {});
  } catch (error) {
    throw lookFailed(error);
  }
  const { user, team } = answer;
  // Slack names the token's scopes in a header of every answer.
  const { scopes } = (answer["response_metadata"] ?? {}) as { scopes?: unknown };
  if (Array.isArray(scopes) && scopes.length > 0 && !scopes.includes("chat:write")) {
    const hint = "Ask a person to add the scope to the Slack app and install it again.";
    throw new EnactError("SYSTEM_UNAVAILABLE", "The configured Slack token is good, but lacks the scope chat:write: it cannot post", { hint });
  }
  return `Slack answers: ${named(user, "a bot")} in ${named(team, "a workspace")}`;
}

function named(value: unknown, otherwise: string): string {
  return typeof value === "string" && value !== "" ? `'${value.slice(0, 80)}'` : otherwise;
}

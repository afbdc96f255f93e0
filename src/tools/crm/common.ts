import { EnactError } from "../../errors.js";
import { parseAddress } from "../../facts/email.js";
import type { CreateOutcome } from "../../systems/hubspot.js";
import type { ActionTaken } from "../tool.js";

/** Reads one address without a display name. @throws EnactError INVALID_INPUT */
export function onePlainAddress(text: string): { address: string; normalised: string } {
  const parsed = parseAddress(text);
  if ("problem" in parsed) throw new EnactError("INVALID_INPUT", `The address ${parsed.problem}`);
  if (parsed.name !== null) throw new EnactError("INVALID_INPUT", "The address has a display name: give the plain address");
  return parsed;
}

/** Reports what became of the one thing that was to be created. */
export function createdAction(action: string, outcome: CreateOutcome): ActionTaken {
  const base = { system: "hubspot", action, reversible: true } as const;
  if (outcome.state === "created") return { ...base, success: true, output: { id: outcome.id } };
  const { code, message } = outcome.failure;
  const output = { hubspot_error: code };
  if (outcome.state === "failed") {
    return { ...base, success: false, output, error: { code: "ACTION_FAILED", message: `Not created. ${message}` } };
  }
  const words = `${message}. It may have been created: look into HubSpot before trying again`;
  return { ...base, success: "unknown", output, error: { code: "OUTCOME_UNKNOWN", message: words } };
}


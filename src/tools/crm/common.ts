import { createHash } from "node:crypto";

import { EnactError } from "../../errors.js";
import { parseAddress } from "../../facts/email.js";
import type { CreateOutcome, StoredProperties } from "../../systems/hubspot.js";
import type { ActionTaken } from "../tool.js";

/** Reads one address without a display name. @throws EnactError INVALID_INPUT */
export function onePlainAddress(text: string): { address: string; normalised: string } {
  const parsed = parseAddress(text);
  if ("problem" in parsed) throw new EnactError("INVALID_INPUT", `The address ${parsed.problem}`);
  if (parsed.name !== null) throw new EnactError("INVALID_INPUT", "The address has a display name: give the plain address");
  return parsed;
}

/** Reports what became of the one thing that was to be created, with the names of the properties that it was given. */
export function createdAction(action: string, outcome: CreateOutcome, names: readonly string[]): ActionTaken {
  const base = { system: "hubspot", action } as const;
  if (outcome.state === "created") {
    const kept_properties_sha256 = propertiesDigest(outcome.stored, names);
    const output = { id: outcome.id, properties: [...names].toSorted(), kept_properties_sha256 };
    return { ...base, success: true, output, reversible: kept_properties_sha256 !== null };
  }
  const { code, message } = outcome.failure;
  const output = { hubspot_error: code };
  if (outcome.state === "failed") {
    return { ...base, success: false, reversible: false, output, error: { code: "ACTION_FAILED", message: `Not created. ${message}` } };
  }
  const words = `${message}. It may have been created: look into HubSpot before trying again`;
  return { ...base, success: "unknown", reversible: false, output, error: { code: "OUTCOME_UNKNOWN", message: words } };
}


/** A digest of what a record holds under these names; null when an answer left one of them out. */
export function propertiesDigest(stored: StoredProperties, names: readonly string[]): string | null {
  const sorted = [...names].toSorted();
  if (sorted.some((name) => stored[name] === undefined)) return null;
  return createHash("sha256").update(JSON.stringify(sorted.map((name) => [name, stored[name]]))).digest("hex");
}

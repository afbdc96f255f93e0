import { z } from "zod";

import { EnactError } from "../errors.js";
import { contactSubject, crmCreateContactPayload, type CrmCreateContactPayload } from "../facts/crm.js";
import { parseAddress } from "../facts/email.js";
import { secretsIn } from "../facts/secrets.js";
import { unknown, type OrUnknown } from "../facts/unknown.js";
import type { HubspotContact, HubspotReader, HubspotWriter, PersonSearch } from "../systems/hubspot.js";
import { createdAction, onePlainAddress } from "./crm/common.js";
import { undoCreated } from "./crm/undo.js";
import { settleContact } from "./settling/crm.js";
import { defineTool } from "./tool.js";

/** HubSpot's limit for a value. */
const MAX_VALUE = 65_536;
const MAX_PROPERTIES = 100;

const input = z.strictObject({
  email: z.string().max(512).describe("Exactly one plain address"),
  properties: z
    .record(z.string(), z.union([z.string(), z.number(), z.boolean()]))
    .default({})
    .describe("HubSpot's internal names and values, such as firstname, without the address"),
});

type Input = z.infer<typeof input>;

type Step = {
  email: string;
  normalised: string;
  properties: Record<string, string>;
  /** Ids of the contacts that were seen; null when HubSpot could not say. */
  seen: string[] | null;
};

/** Names under which an address would get into the CRM without having been looked for. */
const ADDRESSES = new Set(["email", "hs_additional_emails", "hs_object_id"]);

/** Creates one contact, for an address that was looked for in every spelling. */
export const crmCreateContactTool = defineTool<Input, CrmCreateContactPayload, Step, HubspotReader, HubspotWriter>({
  name: "crm_create_contact",
  title: "Create a CRM contact",
  description:
    "Creates a contact in HubSpot. First looks for the person under every spelling of the address (capitals, plus-tags, " +
    "secondary addresses) and for secrets in the values.",
  system: "hubspot",
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: true },
  input,
  payload: crmCreateContactPayload,
  reversible: "the contact is put into HubSpot's recycle bin, if what it was given has not been changed since",
  undo: undoCreated("contact"),
  access: [
    "A private app with `crm.objects.contacts.read` and `crm.objects.contacts.write`, and no other scope.",
  ],
  settle: (run, reader, call) => settleContact(run, reader, call, personSearch),

  async plan({ email, properties }, reader, { signal }) {
    const { address, normalised } = onePlainAddress(email);
    const values = checkedProperties(properties);
    const existing = await existingContacts(reader, address, normalised, signal);
    const seen = "$unknown" in existing ? null : existing.map(({ id }) => id);
    const payload: CrmCreateContactPayload = {
      email: address,
      email_normalised: normalised,
      properties: Object.fromEntries(Object.entries(values).map(([name, value]) => [name, value.length])),
      existing_contacts: "$unknown" in existing ? existing : [...existing],
      secrets: [...secretsIn(Object.entries(values).map(([name, text]) => ({ where: `property ${name}`, text })))],
    };
    const step: Step = { email: address, normalised, properties: values, seen };
    return { payload, step, target: `contact ${address}`, subjects: [contactSubject(normalised)] };
  },

  async execute({ email, normalised, properties, seen }, writer, { signal }) {
    if (seen !== null) {
      const now = await writer.contactsOf(personSearch(email, normalised));
      if (now.some(({ id }) => !seen.includes(id))) {
        const hint = "Look again: call the tool once more.";
        throw new EnactError("STALE_PLAN", `A contact for ${email} was created since this was judged`, { hint });
      }
    }
    if (signal.aborted) throw new EnactError("CANCELLED", "The call was cancelled before anything was created");
    const outcome = await writer.createContact({ ...properties, email });
    const result = outcome.state === "created" ? { id: outcome.id } : null;
    return { actions: [createdAction("create_contact", outcome, Object.keys({ ...properties, email }))], result };
  },
});

function checkedProperties(properties: Input["properties"]): Record<string, string> {
  const entries = Object.entries(properties);
  if (entries.length > MAX_PROPERTIES) throw new EnactError("INVALID_INPUT", `More than ${MAX_PROPERTIES} properties`);
  return Object.fromEntries(
    entries.map(([name, value]) => {
      if (!/^[a-z0-9][a-z0-9_]{0,99}$/.test(name)) {
        const shown = JSON.stringify(name.slice(0, 60));
        throw new EnactError("INVALID_INPUT", `${shown} is not the internal name of a property (lower case, digits, _)`);
      }
      if (ADDRESSES.has(name)) throw new EnactError("INVALID_INPUT", `'${name}' cannot be set as a property: give the address as email`);
      const text = String(value);
      if (!text.isWellFormed() || text.includes("\0") || text.length > MAX_VALUE) {
        throw new EnactError("INVALID_INPUT", `The value of '${name}' holds a NUL or half a character, or is longer than ${MAX_VALUE}`);
      }
      return [name, text];
    }),
  );
}

async function existingContacts(
  reader: HubspotReader,
  address: string,
  normalised: string,
  signal: AbortSignal,
): Promise<OrUnknown<readonly HubspotContact[]>> {
  try {
    return await reader.contactsOf(personSearch(address, normalised), signal);
  } catch (error) {
    if (error instanceof EnactError && error.code === "SYSTEM_UNAVAILABLE") return unknown(error.message);
    throw error;
  }
}

/**
 * Where the person may be stored: the address as given, without its plus-tag, and as it is counted (for Gmail without
 * dots); with any other plus-tag. Another spelling of the dots is not found by HubSpot's search.
 */
function personSearch(address: string, normalised: string): PersonSearch {
  const given = address.toLowerCase();
  const bare = given.replace(/(?<=^[^+]+)\+.*(?=@)/, "");
  return {
    addresses: [...new Set([given, bare, normalised])],
    patterns: [...new Set([withAnyTag(bare), withAnyTag(normalised)])],
    isSame: (found) => {
      const parsed = parseAddress(found);
      return ("problem" in parsed ? found.replaceAll(/\s/g, "").toLowerCase() : parsed.normalised) === normalised;
    },
  };
}

function withAnyTag(address: string): string {
  return address.replace(/@(?=[^@]*$)/, "+*@");
}

import { EnactError } from "../../errors.js";
import { parseAddress, type MailAddress } from "../../facts/email.js";

/** Together, in to, cc and bcc. Policies set far lower limits; this one keeps a call from growing without end. */
const MOST_RECIPIENTS = 1_000;

type Field = "to" | "cc" | "bcc";

/** Every recipient as one parsed address. */
export interface Recipients {
  readonly to: readonly MailAddress[];
  readonly cc: readonly MailAddress[];
  readonly bcc: readonly MailAddress[];
  /** The envelope: each address once, as given. */
  readonly envelope: readonly string[];
  /** The distinct people, normalised and sorted. */
  readonly people: readonly string[];
  readonly domains: readonly string[];
}

type Given = string | readonly string[] | undefined;

/**
 * Parses the recipients of a call.
 *
 * @throws EnactError INVALID_INPUT naming the entry: `to[1] holds more than one address`
 */
export function parseRecipients(given: { readonly [Name in Field]: Given }): Recipients {
  const to = parseField("to", given.to);
  const cc = parseField("cc", given.cc);
  const bcc = parseField("bcc", given.bcc);
  const all = [...to, ...cc, ...bcc];
  if (all.length === 0) throw new EnactError("INVALID_INPUT", "The mail has no recipient");
  if (all.length > MOST_RECIPIENTS) throw new EnactError("INVALID_INPUT", `The mail has ${all.length} recipients; at most ${MOST_RECIPIENTS} are taken`);
  return {
    to,
    cc,
    bcc,
    envelope: distinct(all.map(({ address }) => address)),
    people: distinct(all.map(({ normalised }) => normalised)).toSorted(),
    domains: distinct(all.map(({ address }) => domainOf(address))).toSorted(),
  };
}

function parseField(field: Field, given: Given): readonly MailAddress[] {
  const entries = typeof given === "string" ? [given] : (given ?? []);
  return entries.map((entry, index) => {
    const parsed = parseAddress(entry);
    if (!("problem" in parsed)) return parsed;
    const place = typeof given === "string" ? field : `${field}[${index}]`;
    throw new EnactError("INVALID_INPUT", `${place} ${parsed.problem}`, { hint: "Give each recipient as one plain address, such as bob@example.com." });
  });
}

function distinct(values: readonly string[]): string[] {
  return [...new Set(values)];
}

function domainOf(address: string): string {
  return address.slice(address.lastIndexOf("@") + 1);
}

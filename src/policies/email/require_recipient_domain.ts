import { z } from "zod";

import { asciiDomain } from "../../facts/email.js";
import { definePolicy } from "../policy.js";

const options = z.strictObject({
  /**
   * Domains to which mail may go: exactly these, in any spelling of capitals or script. `*.company.com` means those below
   * it, and not company.com itself. An empty list allows nothing.
   */
  domains: z.array(z.string().refine((entry) => listed(entry) !== null, { message: "must be a domain such as company.com, or *.company.com" })),
});

type Options = z.infer<typeof options>;

export const requireRecipientDomainPolicy = definePolicy<Options>({
  id: "require_recipient_domain",
  category: "email",
  workflows: ["email_send"],
  reads: ["domains"],
  options,
  description: "Blocks when any recipient of to, cc or bcc is in a domain that is not listed; subdomains are domains of their own.",
  hint: "Write only to listed domains, or ask the person to send this mail themselves.",
  examples: [
    {
      title: "colleagues, and one in a listed subdomain",
      passes: true,
      options: { domains: ["Company.com", "*.company.com"] },
      workflow: "email_send",
      payload: { domains: ["company.com", "eu.company.com"] },
    },
    {
      title: "one stranger among colleagues",
      passes: false,
      options: { domains: ["company.com"] },
      workflow: "email_send",
      payload: { domains: ["company.com", "gmail.com"] },
    },
    {
      title: "a domain that ends or begins alike",
      passes: false,
      options: { domains: ["company.com"] },
      workflow: "email_send",
      payload: { domains: ["company.com.evil.example", "evil-company.com"] },
    },
    {
      title: "a look-alike with a Cyrillic letter",
      passes: false,
      options: { domains: ["company.com"] },
      workflow: "email_send",
      payload: { domains: ["xn--ompany-5ug.com"] },
    },
    { title: "anybody, with an empty list", passes: false, options: { domains: [] }, workflow: "email_send", payload: { domains: ["company.com"] } },
  ],
  knownBad: ({ domains }) => ({ workflow: "email_send", payload: { domains: [unlisted(domains)] } }),
  judge: ({ payload }, { domains }) => {
    const given = payload["domains"] as readonly string[];
    if (!Array.isArray(given) || given.length === 0) throw new TypeError("the fact 'domains' is malformed");
    const strangers = given.filter((domain) => !domains.some((entry) => allows(entry, domain)));
    if (strangers.length === 0) return { passed: true, reason: `All recipients are in listed domains (${given.join(", ")})` };
    const allowed = domains.length === 0 ? "the list is empty" : `allowed: ${domains.join(", ")}`;
    const reason = `Recipients in ${strangers.join(", ")}, which is not listed; ${allowed}`;
    const [first] = domains;
    if (first === undefined) return { passed: false, reason };
    return { passed: false, reason, instead: { domains: [memberOf(first)] } };
  },
});

interface Listed {
  readonly domain: string;
  readonly below: boolean;
}

function listed(entry: string): Listed | null {
  const below = entry.startsWith("*.");
  const domain = asciiDomain(below ? entry.slice(2) : entry.replace(/^@/, ""));
  return domain === null ? null : { domain, below };
}

function allows(entry: string, domain: string): boolean {
  const rule = listed(entry);
  if (rule === null) return false;
  return rule.below ? domain.endsWith(`.${rule.domain}`) : domain === rule.domain;
}

/** A domain that this entry of the list allows. */
function memberOf(entry: string): string {
  const rule = listed(entry);
  return rule?.below === true ? `mail.${rule.domain}` : (rule?.domain ?? "");
}

/** A domain that no entry allows: under a top-level name that none of them uses. */
function unlisted(domains: readonly string[]): string {
  let top = "not-listed";
  while (domains.some((entry) => allows(entry, `company.${top}`))) top += "-x";
  return `company.${top}`;
}

import { secretsIn, type SecretFact } from "../../facts/secrets.js";
import type { Attachment } from "./attachments.js";
import type { Recipients } from "./recipients.js";

export interface Searched {
  readonly recipients: Recipients;
  readonly subject: string;
  readonly text: string;
  readonly html: string | null;
  readonly attachments: readonly Attachment[];
}

/**
 * Looks for secrets in everything of a mail that leaves: a name or an address can carry one out as well as the text.
 * What is compressed in an attachment (archives, office documents, most of a PDF) is not seen.
 */
export function secretsOfMail({ recipients, subject, text, html, attachments }: Searched): readonly SecretFact[] {
  const people = [...recipients.to, ...recipients.cc, ...recipients.bcc];
  return secretsIn([
    { where: "recipients", text: people.map(({ name, address }) => `${name ?? ""}\n${address}`).join("\n") },
    { where: "subject", text: subject },
    { where: "text", text },
    ...(html === null ? [] : [{ where: "html", text: html }, { where: "html", text: shownText(html) }]),
    ...attachments.map(({ step, content }) => ({ where: `attachment ${step.filename}`, text: `${step.filename}\n${textOf(content)}` })),
  ]);
}

/** Text as its bytes say; of binary data, and of UTF-16, the readable runs. */
function textOf(content: Buffer): string {
  return content.includes(0) ? content.toString("latin1").replaceAll("\0", "") : content.toString("utf8");
}

const NAMED: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'", nbsp: " ", lowbar: "_", hyphen: "-", equals: "=", colon: ":", plus: "+", sol: "/", period: "." };

/** What a reader of the HTML sees: tags do not part a word, and entities are characters. */
function shownText(html: string): string {
  // Up to the next < only: what is looked at twice makes the search quadratic.
  const bare = html.replaceAll(/<!--[^<>]*-->|<[^<>]*>/g, "");
  return bare.replaceAll(/&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|([a-z]{2,8}));/gi, (entity: string, decimal?: string, hex?: string, name?: string) => {
    if (name !== undefined) return NAMED[name.toLowerCase()] ?? entity;
    const code = decimal === undefined ? Number.parseInt(hex ?? "", 16) : Number(decimal);
    return code <= 0x10ffff ? String.fromCodePoint(code) : entity;
  });
}

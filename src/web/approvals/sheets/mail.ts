import type { JsonValue } from "../../../receipts/receipt.js";
import type { Child, Html } from "../html.js";
import { html } from "../html.js";
import { at, listAt, numberAt, textAt, textsAt } from "../json.js";
import type { Section, Shower } from "../show.js";
import { bytes, counted, facts, list, table } from "../show.js";
import type { Draw, Sheet } from "./sheet.js";
import { caution, danger, notices } from "./sheet.js";

/** From the step: the very mail, and the addresses of its envelope. */
export const emailSendSheet: Draw = ({ payload, step }, show): Sheet => {
  const recipients = textsAt(step, "recipients");
  const domains = textsAt(payload, "domains");
  const own = (textAt(step, "from", "address") ?? "").split("@").at(-1) ?? "";
  const outside = domains.filter((domain) => domain !== own);
  const to = recipients.length === 1 ? (recipients[0] ?? "") : counted(recipients.length, "recipient");
  return {
    title: `Send a mail to ${to}`,
    notices: notices(
      outside.length > 0 && caution(html`It leaves ${show.code(own)} for ${outside.length <= 5 ? join(outside.map((domain) => show.code(domain))) : counted(outside.length, "other domain")}.`),
      listAt(payload, "secrets").length > 0 && danger("Something in it looks like a password or a key."),
    ),
    sections: [{ title: "Recipients", body: envelope(step, show) }, ...content(payload, step, show)],
    isComplete: true,
  };
};

function join(pieces: readonly Html[]): Child {
  return pieces.map((piece, index) => (index === 0 ? piece : html`, ${piece}`));
}

function box(mailbox: JsonValue, show: Shower): Html {
  const name = textAt(mailbox, "name");
  return html`${show.code(textAt(mailbox, "address") ?? "")}${name !== undefined && html` <span class="aside">shown as ${show.line(name)}</span>`}`;
}

function envelope(step: JsonValue, show: Shower): Child {
  const boxes = (key: string): Child => {
    const found = listAt(step, key);
    return found.length > 0 && list(found.map((mailbox) => box(mailbox, show)));
  };
  const named = new Set([...listAt(step, "to"), ...listAt(step, "cc")].map((mailbox) => textAt(mailbox, "address")));
  const hidden = textsAt(step, "recipients").filter((address) => !named.has(address));
  return facts(
    ["From", box(at(step, "from") ?? null, show)],
    ["To", boxes("to")],
    ["Cc", boxes("cc")],
    ["Bcc, seen by nobody", hidden.length > 0 && list(hidden.map((address) => show.code(address)))],
    ["Delivered to", `${counted(textsAt(step, "recipients").length, "address", "addresses")}, all of them above`],
  );
}

function content(payload: JsonValue, step: JsonValue, show: Shower): readonly Section[] {
  const htmlText = textAt(step, "html");
  const attachments = listAt(step, "attachments");
  const sizes = listAt(payload, "attachments");
  const rows = attachments.map((attachment, index) => [
    show.code(textAt(attachment, "filename") ?? ""),
    show.code(textAt(attachment, "read", "place", "path") ?? ""),
    bytes(numberAt(sizes[index], "size")),
    show.code(textAt(attachment, "sha256") ?? ""),
  ]);
  return [
    { title: "Mail", body: [facts(["Subject", show.line(textAt(step, "subject") ?? "")]), show.block(textAt(step, "text") ?? "", "Text of the mail")] },
    ...(htmlText === undefined ? [] : [{ title: "The same as HTML, as its source", body: show.block(htmlText, "HTML of the mail") }]),
    ...(rows.length === 0 ? [] : [{ title: "Attachments", body: table(counted(rows.length, "file"), [{ name: "Name" }, { name: "File" }, { name: "Size", isNumber: true }, { name: "SHA-256" }], rows) }]),
  ];
}

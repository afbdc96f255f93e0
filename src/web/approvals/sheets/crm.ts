import { at, isFields, listAt, textAt } from "../json.js";
import { html } from "../html.js";
import { counted, facts, list, table } from "../show.js";
import type { Draw, Sheet } from "./sheet.js";
import { caution, danger, notices } from "./sheet.js";

export const crmCreateContactSheet: Draw = ({ payload, step }, show): Sheet => {
  const properties = at(step, "properties");
  const rows = isFields(properties) ? Object.entries(properties).map(([name, value]) => [show.code(name), show.tree(value)]) : [];
  const existing = listAt(payload, "existing_contacts");
  return {
    title: `Create a contact for ${textAt(step, "email") ?? ""}`,
    notices: notices(
      existing.length > 0 && caution(`The CRM has ${counted(existing.length, "contact")} for this person already.`),
      listAt(payload, "secrets").length > 0 && danger("Something in it looks like a password or a key."),
    ),
    sections: [
      { title: "Contact", body: [facts(["Address", show.code(textAt(step, "email") ?? "")]), table(counted(rows.length, "property", "properties"), [{ name: "Property" }, { name: "Value" }], rows)] },
      ...(existing.length === 0 ? [] : [{ title: "There already", body: list(existing.map((contact) => html`${show.line(textAt(contact, "email") ?? "")} ${show.code(textAt(contact, "id") ?? "")}`)) }]),
    ],
    isComplete: true,
  };
};

export const crmCreateTaskSheet: Draw = ({ payload, step }, show): Sheet => {
  const email = textAt(payload, "contact_email");
  const body = textAt(step, "body");
  return {
    title: `Create a task for ${email ?? `contact ${textAt(step, "contact") ?? ""}`}`,
    notices: notices(listAt(payload, "secrets").length > 0 && danger("Something in it looks like a password or a key.")),
    sections: [
      {
        title: "Task",
        body: [
          facts(["Contact", html`${email !== undefined && html`${show.line(email)} `}${show.code(textAt(step, "contact") ?? "")}`], ["Subject", show.line(textAt(step, "subject") ?? "")], ["Due", show.line(textAt(step, "due") ?? "when it is created")], ["Tasks it has already", String(listAt(payload, "tasks").length)]),
          body === undefined ? null : show.block(body, "Text of the task"),
        ],
      },
    ],
    isComplete: true,
  };
};

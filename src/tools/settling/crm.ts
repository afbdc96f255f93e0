import { crmCreateContactPayload, crmCreateTaskPayload } from "../../facts/crm.js";
import type { HubspotReader, PersonSearch } from "../../systems/hubspot.js";
import type { InterruptedRun, SettleCall, Settlement } from "../tool.js";
import { cannotTell, done, factsOf, notDone, unlessStillOnItsWay, unreadable } from "./common.js";

const contactFacts = crmCreateContactPayload.pick({ email: true, email_normalised: true, existing_contacts: true }).strip();
const taskFacts = crmCreateTaskPayload.pick({ contact: true, tasks: true }).strip();

/** A contact of this very address is there that was not there before: done. None is: not done. */
export async function settleContact(run: InterruptedRun, reader: HubspotReader, call: SettleCall, search: (address: string, normalised: string) => PersonSearch): Promise<Settlement> {
  const facts = factsOf(contactFacts, run);
  if (facts === undefined) return unreadable("the address");
  const { email, existing_contacts: before } = facts;
  if ("$unknown" in before) return cannotTell(`Whether HubSpot had a contact for ${email} before is not known: look there for one that was created about then`);
  const now = await reader.contactsOf(search(email, facts.email_normalised), call.signal);
  const made = now.filter(({ id }) => !before.some((contact) => contact.id === id));
  const own = made.find((contact) => contact.email.toLowerCase() === email.toLowerCase());
  if (own !== undefined) return done(`HubSpot has a contact for ${email} that was not there before (${own.id})`, { id: own.id });
  if (made.length > 0) return cannotTell(`HubSpot has a new contact for the same person under another spelling of the address (${made.map(({ id }) => id).join(", ")})`);
  // What was just created is found by a search only after a while.
  return unlessStillOnItsWay(notDone(`HubSpot has no contact for ${email} that was not there before`), run, call);
}

/** The contact has no task that it did not have before: not done. A task says too little of itself to prove the opposite. */
export async function settleTask(run: InterruptedRun, reader: HubspotReader, call: SettleCall): Promise<Settlement> {
  const facts = factsOf(taskFacts, run);
  if (facts === undefined) return unreadable("the contact");
  const { contact, tasks: before } = facts;
  if ("$unknown" in before) return cannotTell(`Which tasks contact ${contact} had before is not known: look there for one that was created about then`);
  const now = await reader.tasksOf(contact, call.signal);
  const made = now.tasks.filter(({ id }) => !before.some((task) => task.id === id));
  if (made.length === 0) return unlessStillOnItsWay(notDone(`Contact ${contact} has no task that it did not have before`), run, call);
  return cannotTell(`Contact ${contact} has tasks that it did not have before (${made.slice(0, 5).map(({ id }) => id).join(", ")}): look whether the one that was meant is among them`);
}

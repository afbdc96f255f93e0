import { setTimeout as sleep } from "node:timers/promises";

import type { Approver, ApproverDraft, ApproverRegistry, Confirmation } from "../../approvals/approvers.js";
import { EnactError } from "../../errors.js";
import { passkeysOf } from "./passkeys.js";
import { Registrations } from "./registrations.js";
import type { ApprovalServerOptions } from "./start.js";
import { serveApprovals } from "./start.js";

const LOOK_MS = 300;
/** How long the page is still served after the terminal has confirmed, so that it can say so. */
const LAST_WORD_MS = 2500;

export interface AddPasskeyOptions extends ApprovalServerOptions {
  readonly email: string;
  /** Where the person reads. */
  readonly write: (text: string) => void;
  /** Has an approver who is there already confirm it at the terminal. @throws EnactError REFUSED when none of them can */
  readonly confirm: (draft: ApproverDraft) => Promise<Confirmation | null>;
}

/**
 * Serves the page on which the passkey is made, prints the way there, and waits.
 *
 * @throws EnactError TIMEOUT when the link was not used in time, REFUSED when nobody can confirm the new one
 */
export async function addPasskey(options: AddPasskeyOptions): Promise<Approver> {
  const { email, enactHome, clock, write } = options;
  const server = await serveApprovals(options);
  const registrations = new Registrations({ enactHome, clock });
  const { code, expires_at } = registrations.create(email);
  try {
    write(`Open this link in a browser on this machine. It works once, until ${expires_at.slice(11, 16)} UTC:\n\n  ${server.origin}/approvals/register#code=${code}\n\n`);
    const approver = await registered(code, registrations, options, server.origin);
    await sleep(LAST_WORD_MS);
    return approver;
  } finally {
    registrations.remove(code);
    await server.close();
  }
}

async function registered(code: string, registrations: Registrations, options: AddPasskeyOptions, origin: string): Promise<Approver> {
  let terminal: Promise<Approver> | undefined;
  for (;;) {
    const found = registrations.find(code);
    if (found === null) throw new EnactError("TIMEOUT", "The link was not used in time", { hint: "Run the command again for a new one.", done: "Nobody was added." });
    const { draft } = found;
    if (found.added && draft !== null) return theOne(draft, options.registry);
    if (draft !== null) terminal ??= confirmed(draft, options, origin, () => registrations.change(code, { ...found, added: true }));
    const next = sleep(LOOK_MS);
    const approver = await (terminal === undefined ? next : Promise.race([terminal, next]));
    if (approver !== undefined) return approver;
  }
}

/** At the terminal. Where the page can do it as well, that nobody here can is no failure: then this never comes to an end. */
async function confirmed(draft: ApproverDraft, { registry, confirm }: AddPasskeyOptions, origin: string, done: () => void): Promise<Approver> {
  let confirmation: Confirmation | null;
  try {
    confirmation = await confirm(draft);
  } catch (error) {
    if (passkeysOf(registry, origin).length === 0) throw error;
    return new Promise<never>(() => undefined);
  }
  const approver = registry.add(draft, confirmation);
  done();
  return approver;
}

function theOne(draft: ApproverDraft, registry: ApproverRegistry): Approver {
  const approver = registry.find(draft.id);
  if (approver === undefined) throw new EnactError("APPROVALS_UNAVAILABLE", "The passkey was made, and is not among the approvers");
  return approver;
}

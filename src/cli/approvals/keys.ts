import type { Approver, ApproverDraft, ApproverRegistry, Confirmation } from "../../approvals/approvers.js";
import { enrolmentChallenge } from "../../approvals/approvers.js";
import type { PersonKey } from "../../approvals/person-key.js";
import { hasPersonKey, openPersonKey } from "../../approvals/person-key.js";
import { EnactError, isEnactError } from "../../errors.js";
import { plainText } from "../../guard/text.js";
import type { Terminal } from "../terminal.js";

export interface KeyDeps {
  readonly enactHome: string;
  readonly terminal: Terminal;
}

const TRIES = 3;

/** Asks for the passphrase of an approver's key. @throws EnactError REFUSED after three wrong ones */
export async function unlockKey(approver: Approver, { enactHome, terminal }: KeyDeps): Promise<PersonKey> {
  for (let tries = 1; ; tries += 1) {
    const passphrase = await terminal.askHidden(`Passphrase of ${plainText(approver.email, 200)}: `);
    try {
      const key = await openPersonKey(enactHome, approver.id, passphrase);
      // The file could be another one's with this name.
      if (key.public_key !== approver.public_key) throw new EnactError("KEY_UNUSABLE", "The key on this machine is not the approver's");
      return key;
    } catch (error) {
      if (!isEnactError(error) || error.code !== "REFUSED" || tries >= TRIES) throw error;
      terminal.write("That is not it.\n");
    }
  }
}

/**
 * Lets an approver who is there already confirm a new one, with the passphrase.
 * @returns null when there is nobody yet, so that the new one is the first
 * @throws EnactError REFUSED when no approver who is left has a key on this machine
 */
export async function confirmNew(draft: ApproverDraft, registry: ApproverRegistry, deps: KeyDeps): Promise<Confirmation | null> {
  const all = registry.all();
  if (all.length === 0 && registry.unconfirmed().length === 0) return null;
  const able = all.filter(({ id, kind, revoked_at }) => kind === "key" && revoked_at === null && hasPersonKey(deps.enactHome, id));
  const [by] = able;
  if (by === undefined) {
    throw new EnactError("REFUSED", "A new approver must be confirmed by one who is there already, and none of them has a key on this machine", {
      hint: all.some(({ kind, revoked_at }) => kind === "passkey" && revoked_at === null)
        ? "Whoever has a passkey can confirm on the page: enact-guard approvers add your@address --passkey"
        : "If all keys are lost, rename approvers.json to approvers-lost.json beside it (earlier approvals are proved with it) and begin anew.",
    });
  }
  deps.terminal.write(`${plainText(by.email, 200)} is an approver already and must confirm.\n`);
  const key = await unlockKey(by, deps);
  return { approver_id: by.id, signature: key.sign(enrolmentChallenge(draft)) };
}

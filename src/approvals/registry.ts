import { closeSync, existsSync, openSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";

import { z } from "zod";

import { EnactError } from "../errors.js";
import { checkPrivateFolder, makePrivateFolder, readPrivateFile, realPathOf, replacePrivateFile } from "../receipts/key-files.js";
import type { Approver, ApproverDraft, ApproverRegistry, Confirmation } from "./approvers.js";
import { enrolmentChallenge } from "./approvers.js";
import { hasSigned, publicKeyOf } from "./signatures.js";

const MAX_BYTES = 1_000_000;
/** Nobody writes for as long as this: a lock that is older was left by a process that was stopped. */
const STALE_LOCK_MS = 10_000;

const text = z.string().min(1).max(4096);
const id = z.string().regex(/^[0-9a-f]{16}$/u);
const time = z.iso.datetime({ precision: 3 });
const signature = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("key"), signature: text }),
  z.strictObject({ kind: z.literal("passkey"), authenticator_data: text, client_data: text, signature: text }),
]);
const approverSchema = z.strictObject({
  id,
  email: text.max(320),
  kind: z.enum(["key", "passkey", "link"]),
  public_key: text,
  created_at: time,
  passkey: z.strictObject({ credential_id: text, rp_id: text, origin: text, transports: z.array(text).optional() }).optional(),
  link: z.strictObject({ request_id: text, expires_at: time }).optional(),
  confirmation: z.strictObject({ approver_id: id, signature }).nullable(),
  revoked_at: time.nullable(),
});
const registrySchema = z.strictObject({ version: z.literal(1), approvers: z.array(approverSchema) });

/**
 * The approvers of a user as `verify` needs them: read once, and together with those of registries that a person has put
 * aside as `approvers-….json` beside the one in use (all keys were lost, say). These approve nothing any more; what they once
 * approved stays provable.
 */
export function approversForProofs(options: { readonly enactHome: string }): Pick<ApproverRegistry, "find"> {
  const registry = openRegistry(options);
  let known: ReadonlyMap<string, Approver> | undefined;
  return {
    find(approverId) {
      known ??= new Map([...formerApprovers(options.enactHome), ...registry.all()].map((approver) => [approver.id, approver]));
      return known.get(approverId) ?? registry.find(approverId);
    },
  };
}

/**
 * The approvers of a file as they stand there, for those who check an export: who hands it over vouches for them, as for
 * the keys that receipts are signed with.
 * @throws EnactError APPROVALS_UNAVAILABLE when it cannot be understood
 */
export function approversIn(content: string, location: string): readonly Approver[] {
  return parsed(content, location);
}

/** The same, to be written. */
export function approversText(approvers: readonly Approver[]): string {
  return `${JSON.stringify({ version: 1, approvers }, null, 2)}\n`;
}

function formerApprovers(enactHome: string): readonly Approver[] {
  const home = realPathOf(enactHome);
  const names = existsSync(home) ? readdirSync(home).filter((name) => /^approvers-.+\.json$/u.test(name)) : [];
  return names.flatMap((name) => confirmed(parsed(readPrivateFile(join(home, name), MAX_BYTES), join(home, name))));
}

/** Opens the registry of a user; looks at nothing yet. */
export function openRegistry({ enactHome }: { readonly enactHome: string }): ApproverRegistry {
  return new RegistryFiles(enactHome);
}

class RegistryFiles implements ApproverRegistry {
  readonly location: string;
  readonly #enactHome: string;

  constructor(enactHome: string) {
    this.#enactHome = enactHome;
    this.location = join(enactHome, "approvers.json");
  }

  all(): readonly Approver[] {
    return confirmed(this.#read());
  }

  unconfirmed(): readonly Approver[] {
    const all = this.#read();
    const good = new Set(confirmed(all).map((approver) => approver.id));
    return all.filter((approver) => !good.has(approver.id));
  }

  find(approverId: string): Approver | undefined {
    // It becomes part of a path.
    if (!id.safeParse(approverId).success) return undefined;
    return this.all().find((approver) => approver.id === approverId) ?? this.#readLink(approverId);
  }

  add(draft: ApproverDraft, confirmation: Confirmation | null): Approver {
    if (draft.kind === "link") throw new TypeError("a link is added with addLink");
    return this.#change((approvers) => {
      const added = checked({ ...draft, confirmation, revoked_at: null });
      if (approvers.some((other) => other.id === added.id || other.public_key === added.public_key)) {
        throw new EnactError("REFUSED", "This key is among the approvers already");
      }
      const all = [...approvers, added];
      if (!confirmed(all).includes(added)) throw notConfirmed(confirmation);
      return { approvers: all, result: added };
    });
  }

  addLink(draft: ApproverDraft): Approver {
    if (draft.kind !== "link" || draft.link === undefined) throw new TypeError("only a link is added with addLink");
    const added = checked({ ...draft, confirmation: null, revoked_at: null });
    const home = realPathOf(this.#enactHome);
    for (const folder of [home, join(home, "approvers"), join(home, "approvers", "links")]) makePrivateFolder(folder);
    replacePrivateFile(linkPath(home, added.id), approversText([added]));
    return added;
  }

  revoke(approverId: string, now: Date): Approver {
    return this.#change((approvers) => {
      const found = approvers.find((approver) => approver.id === approverId);
      if (found === undefined) throw new EnactError("NOT_FOUND", `There is no approver '${approverId.slice(0, 40)}'`, { hint: "enact-guard approvers lists them." });
      const result = found.revoked_at === null ? { ...found, revoked_at: now.toISOString() } : found;
      return { approvers: approvers.map((approver) => (approver === found ? result : approver)), result };
    });
  }

  #read(): readonly Approver[] {
    const home = realPathOf(this.#enactHome);
    checkPrivateFolder(home);
    return parsed(readPrivateFile(join(home, "approvers.json"), MAX_BYTES), this.location);
  }

  #readLink(approverId: string): Approver | undefined {
    const path = linkPath(realPathOf(this.#enactHome), approverId);
    const [link] = parsed(readPrivateFile(path), path);
    return link?.id === approverId && link.kind === "link" ? link : undefined;
  }

  #change(change: (approvers: readonly Approver[]) => { readonly approvers: readonly Approver[]; readonly result: Approver }): Approver {
    const home = realPathOf(this.#enactHome);
    makePrivateFolder(home);
    const path = join(home, "approvers.json");
    const unlock = lock(`${path}.lock`);
    try {
      const { approvers, result } = change(this.#read());
      replacePrivateFile(path, approversText(approvers));
      return result;
    } finally {
      unlock();
    }
  }
}

function linkPath(home: string, approverId: string): string {
  return join(home, "approvers", "links", `${approverId}.json`);
}

function parsed(content: string | null, location: string): readonly Approver[] {
  if (content === null) return [];
  try {
    return registrySchema.parse(JSON.parse(content)).approvers as readonly Approver[];
  } catch (cause) {
    throw new EnactError("APPROVALS_UNAVAILABLE", `The list of approvers ${location} cannot be understood`, {
      hint: "Put a good copy of the file back, or update enact-guard if a newer version wrote it.",
      cause,
    });
  }
}

/** @throws EnactError INVALID_INPUT when no signature of this approver could ever be checked */
function checked(approver: Approver): Approver {
  try {
    publicKeyOf(approver.public_key);
    return approverSchema.parse(approver) as Approver;
  } catch (cause) {
    throw new EnactError("INVALID_INPUT", "This is no approver that can be added: its key or its facts are of a kind that cannot be checked", { cause });
  }
}

/**
 * The approvers whose standing goes back, confirmation by confirmation, to the first one. An entry that somebody wrote
 * into the file by himself has none, and does not count.
 */
function confirmed(approvers: readonly Approver[]): readonly Approver[] {
  const good: Approver[] = [];
  for (const [index, approver] of approvers.entries()) {
    const isFirst = index === 0 && approver.confirmation === null;
    if (approver.kind !== "link" && (isFirst || isConfirmed(approver, good))) good.push(approver);
  }
  return good;
}

function isConfirmed(approver: Approver, before: readonly Approver[]): boolean {
  const { confirmation } = approver;
  const by = before.find((other) => other.id === confirmation?.approver_id);
  if (confirmation === null || by === undefined) return false;
  const wasRevoked = by.revoked_at !== null && by.revoked_at <= approver.created_at;
  return !wasRevoked && hasSigned(by, enrolmentChallenge(approver), confirmation.signature);
}

function notConfirmed(confirmation: Confirmation | null): EnactError {
  const why = confirmation === null ? "There are approvers already, and none of them has confirmed the new one" : "The confirmation of the new approver does not hold";
  return new EnactError("REFUSED", why, { hint: "An approver who is not revoked must confirm it: with the passphrase, or with the passkey on the page." });
}

/** One change at a time, over all processes. @returns how to let go */
function lock(path: string): () => void {
  for (const isLastTry of [false, true]) {
    try {
      closeSync(openSync(path, "wx", 0o600));
      return () => rmSync(path, { force: true });
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      const age = Date.now() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0);
      if (code === "EEXIST" && age > STALE_LOCK_MS && !isLastTry) rmSync(path, { force: true });
      else throw cannotLock(path, code, error);
    }
  }
  throw cannotLock(path, "EEXIST", undefined);
}

function cannotLock(path: string, code: string | undefined, cause: unknown): EnactError {
  const isHeld = code === "EEXIST";
  const found = isHeld ? "Another command is changing the approvers" : `${path} cannot be written (${code ?? "unknown error"})`;
  return new EnactError("APPROVALS_UNAVAILABLE", found, { hint: isHeld ? "Try again in a moment." : "Make its folder writable for you.", cause });
}

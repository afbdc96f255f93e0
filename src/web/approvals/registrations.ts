import { createHash, randomBytes } from "node:crypto";
import { existsSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";

import { z } from "zod";

import type { ApproverDraft } from "../../approvals/approvers.js";
import { makePrivateFolder, readPrivateFile, realPathOf, replacePrivateFile } from "../../receipts/key-files.js";

/** Long enough to open a link and touch a key, short enough that a forgotten one opens nothing. */
const VALID_MS = 10 * 60_000;

const schema = z.strictObject({
  version: z.literal(1),
  email: z.string(),
  expires_at: z.iso.datetime({ precision: 3 }),
  /** The new passkey, once it is made and waits for the confirmation of somebody who was there before. */
  draft: z.unknown().nullable(),
  /** It is in the registry: the code is used up. */
  added: z.boolean(),
});

/** Somebody in a terminal wants to add a passkey; the page makes it. */
export interface Registration {
  readonly email: string;
  readonly expires_at: string;
  readonly draft: ApproverDraft | null;
  readonly added: boolean;
}

export interface RegistrationsOptions {
  readonly enactHome: string;
  readonly clock: () => Date;
}

/**
 * Registrations that are under way, in the user's own folder: whichever process serves the page, the terminal that asked
 * sees what became of it. A file is named after the hash of its code; the code itself is in the terminal only.
 */
export class Registrations {
  readonly #options: RegistrationsOptions;

  constructor(options: RegistrationsOptions) {
    this.#options = options;
  }

  /** @returns a code for the page, valid for ten minutes and one passkey */
  create(email: string): { readonly code: string; readonly expires_at: string } {
    this.#forgetOld();
    const code = randomBytes(32).toString("base64url");
    const expires_at = new Date(this.#options.clock().getTime() + VALID_MS).toISOString();
    this.#write(code, { email, expires_at, draft: null, added: false });
    return { code, expires_at };
  }

  /** Null when there is no such registration, or its time is over. */
  find(code: string): Registration | null {
    const content = readPrivateFile(this.#path(code));
    if (content === null) return null;
    const parsed = schema.safeParse(jsonOf(content));
    if (!parsed.success) return null;
    const { email, expires_at, draft, added } = parsed.data;
    const isOver = !(this.#options.clock().getTime() < Date.parse(expires_at));
    return isOver ? null : { email, expires_at, draft: draft as ApproverDraft | null, added };
  }

  change(code: string, registration: Registration): void {
    this.#write(code, registration);
  }

  remove(code: string): void {
    rmSync(this.#path(code), { force: true });
  }

  #write(code: string, registration: Registration): void {
    const home = realPathOf(this.#options.enactHome);
    for (const folder of [home, join(home, "approvers"), join(home, "approvers", "registrations")]) makePrivateFolder(folder);
    replacePrivateFile(this.#path(code), `${JSON.stringify({ version: 1, ...registration })}\n`);
  }

  /** What terminals left that were closed before anything came of it. */
  #forgetOld(): void {
    const before = this.#options.clock().getTime() - VALID_MS;
    for (const name of existsSync(this.#folder) ? readdirSync(this.#folder) : []) {
      const path = join(this.#folder, name);
      if ((statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Infinity) < before) rmSync(path, { force: true });
    }
  }

  get #folder(): string {
    return join(realPathOf(this.#options.enactHome), "approvers", "registrations");
  }

  #path(code: string): string {
    return join(this.#folder, `${createHash("sha256").update(code, "utf8").digest("hex")}.json`);
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

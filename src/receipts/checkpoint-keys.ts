import { randomBytes } from "node:crypto";
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";

import { EnactError } from "../errors.js";
import type { NoteKey, NoteSigner } from "./checkpoint.js";
import { noteKey, noteSigner } from "./checkpoint.js";
import { makePrivateFolder, readPrivateFile, realPathOf } from "./key-files.js";
import { ed25519Pair, ed25519PublicPem, keyFolder } from "./key-pair.js";
import { openKeys } from "./keys.js";

/** The keys that checkpoints are signed and checked with, and the newest checkpoint of each log, in the user's config folder. */
export interface CheckpointKeys {
  /** The folder of the keys, for messages. */
  readonly location: string;
  /**
   * The ledger's own key where the ledger is signed with Ed25519 and the private key is held; else a pair of its own,
   * `checkpoint.pem`, made on first use: a note cannot be signed with HMAC.
   * @param ledgerKey key_id of the ledger's newest entry
   * @throws EnactError KEY_UNUSABLE
   */
  signer(ledgerKey: string): NoteSigner;
  /** The public keys of both, as far as they are there. Makes nothing. @throws EnactError KEY_UNUSABLE */
  trusted(): readonly NoteKey[];
  /** The newest checkpoint that was signed here for a log; null when there is none. */
  last(origin: string): string | null;
  /** Keeps a checkpoint as the newest one of its log. */
  keep(origin: string, note: string): void;
}

/** Looks at nothing yet. */
export function openCheckpointKeys({ enactHome, project }: { readonly enactHome: string; readonly project: string }): CheckpointKeys {
  const checkPlace = () => openKeys({ enactHome, project, signing: "ed25519" }).checkPlace();
  const publicPem = (name: string): string | null => ed25519PublicPem({ enactHome, name });
  const fileOf = (origin: string): string => join(realPathOf(enactHome), "checkpoints", `${origin.replaceAll(/[^0-9a-z-]/gu, "-")}.txt`);
  return {
    location: keyFolder(enactHome),
    signer(ledgerKey) {
      checkPlace();
      const ledgerPem = publicPem("ed25519");
      const isOurs = ledgerPem !== null && noteKey(ledgerPem).key_id === ledgerKey;
      const isHeld = isOurs && readPrivateFile(join(keyFolder(enactHome), "ed25519.pem")) !== null;
      return noteSigner(ed25519Pair({ enactHome, name: isHeld ? "ed25519" : "checkpoint" }));
    },
    trusted() {
      checkPlace();
      return ["ed25519", "checkpoint"].flatMap((name) => publicPem(name) ?? []).map(noteKey);
    },
    last(origin) {
      return readPrivateFile(fileOf(origin));
    },
    keep(origin, note) {
      makePrivateFolder(join(realPathOf(enactHome), "checkpoints"));
      replacePrivateFile(fileOf(origin), note);
    },
  };
}

/** Whoever reads it meanwhile gets the old file or the new one, never half of it. */
function replacePrivateFile(path: string, content: string): void {
  const draft = `${path}.${randomBytes(8).toString("hex")}.new`;
  try {
    const file = openSync(draft, "wx", 0o600);
    try {
      writeSync(file, content);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(draft, path);
  } catch (cause) {
    rmSync(draft, { force: true });
    const code = (cause as NodeJS.ErrnoException).code ?? "unknown error";
    throw new EnactError("KEY_UNUSABLE", `${path} cannot be written (${code})`, {
      hint: "Make the folder writable for you, or set ENACT_HOME to one that is.",
      cause,
    });
  }
}

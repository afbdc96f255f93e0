import { join } from "node:path";

import type { NoteKey, NoteSigner } from "./checkpoint.js";
import { noteKey, noteSigner } from "./checkpoint.js";
import { makePrivateFolder, readPrivateFile, realPathOf, replacePrivateFile } from "./key-files.js";
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

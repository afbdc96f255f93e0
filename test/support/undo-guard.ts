import { join } from "node:path";

import type { Guard, GuardOptions } from "../../src/guard/guard.js";
import { createGuardFrom } from "../../src/guard/pipeline.js";
import { openKeys, type Keys } from "../../src/receipts/keys.js";
import type { Ledger } from "../../src/receipts/ledger.js";
import { openSealing } from "../../src/receipts/sealed.js";
import type { UndoStore } from "../../src/receipts/undo-store.js";
import { openSqliteLedger } from "../../src/stores/sqlite.js";
import { openUndoStore, type UndoStoreOptions } from "../../src/stores/undo.js";
import { openFilesystem, type FilesystemOptions } from "../../src/systems/filesystem.js";
import { fileDeleteTool } from "../../src/tools/file_delete.js";
import { fileWriteTool } from "../../src/tools/file_write.js";
import { bindTool } from "../../src/tools/tool.js";
import { passing } from "./guard-sandbox.js";

/** A project with files, a real ledger, a real undo store, and the guard over them. */
export interface UndoParts {
  /** Holds the project, its files and the user's folder. */
  readonly base: string;
  readonly project: string;
  /** Of the file tools. */
  readonly root: string;
  readonly enactHome: string;
  readonly keys: Keys;
  readonly ledger: Ledger;
  readonly store: (options?: Partial<UndoStoreOptions>) => UndoStore;
  /** @param options.undo null for a guard that keeps nothing */
  readonly guard: (options?: Partial<Omit<GuardOptions, "undo">> & { readonly files?: Partial<FilesystemOptions>; readonly undo?: UndoStore | null }) => Guard;
}

const MB = 1_000_000;

/** The same parts in every process that opens the same folder. Makes nothing. */
export function undoParts(base: string): UndoParts {
  const [project, enactHome] = [join(base, "project"), join(base, "home")];
  const root = join(project, "files");
  const keys = openKeys({ enactHome, project, signing: "hmac", secret: "s".repeat(40) });
  const ledger = openSqliteLedger({ project, enactHome, keys, busyTimeoutMs: 10_000 });
  const store: UndoParts["store"] = (options = {}) =>
    openUndoStore({ project, sealing: openSealing(keys), maxRunBytes: 100 * MB, maxTotalBytes: 1000 * MB, maxAgeMs: 30 * 86_400_000, clock: () => new Date(), ...options });
  const guard: UndoParts["guard"] = ({ files, undo = store(), ...options } = {}) => {
    const system = openFilesystem({ root, protectedPaths: [join(project, ".enact"), enactHome], ...files });
    return createGuardFrom({
      tools: [bindTool(fileDeleteTool, system), bindTool(fileWriteTool, system)],
      policies: [{ name: "passing", policy: passing }],
      unguarded: [],
      identity: { user_email: "agent@company.example", actor_role: "engineer", user_attributes: {} },
      configDigest: `sha256:${"0".repeat(64)}`,
      ledger,
      clock: () => new Date(),
      ambient: () => ({ freeze_env: null, freeze_file: null }),
      secrets: [],
      ...(undo === null ? {} : { undo }),
      ...options,
    });
  };
  return { base, project, root, enactHome, keys, ledger, store, guard };
}

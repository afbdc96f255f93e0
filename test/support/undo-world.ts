import { lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { onTestFinished } from "vitest";

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
export interface UndoWorld {
  /** Holds the project, its files and the user's folder. */
  readonly base: string;
  readonly project: string;
  /** Of the file tools. */
  readonly root: string;
  readonly enactHome: string;
  readonly keys: Keys;
  readonly ledger: Ledger;
  readonly store: (options?: Partial<UndoStoreOptions>) => UndoStore;
  readonly guard: (options?: Partial<GuardOptions> & { readonly files?: Partial<FilesystemOptions> }) => Guard;
  /** Every entry below the root as it is: the oracle. */
  readonly tree: () => Tree;
}

const MB = 1_000_000;

export function undoWorld(): UndoWorld {
  const base = realpathSync(mkdtempSync(join(tmpdir(), "enact-undo-")));
  const [project, enactHome] = [join(base, "project"), join(base, "home")];
  const root = join(project, "files");
  mkdirSync(root, { recursive: true });
  const keys = openKeys({ enactHome, project, signing: "hmac", secret: "s".repeat(40) });
  const ledger = openSqliteLedger({ project, enactHome, keys, busyTimeoutMs: 2000 });
  onTestFinished(async () => {
    await ledger.close();
    rmSync(base, { recursive: true, force: true });
  });
  const store: UndoWorld["store"] = (options = {}) =>
    openUndoStore({ project, sealing: openSealing(keys), maxRunBytes: 100 * MB, maxTotalBytes: 1000 * MB, maxAgeMs: 30 * 86_400_000, clock: () => new Date(), ...options });
  return {
    base,
    project,
    root,
    enactHome,
    keys,
    ledger,
    store,
    guard: ({ files, ...options } = {}) => {
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
        undo: store(),
        ...options,
      });
    },
    tree: () => treeOf(root),
  };
}

export type Tree = Readonly<Record<string, string>>;

/** Every path below a folder, to the byte, with kind, permissions, content or target, and time to the millisecond. */
export function treeOf(folder: string, withTimes = true): Tree {
  const found: Record<string, string> = {};
  const inodes = new Map<string, string>();
  const visit = (path: Buffer, shown: string): void => {
    const stat = lstatSync(path, { bigint: true });
    const mode = (stat.mode & 0o7777n).toString(8);
    const time = withTimes ? ` ${stat.mtimeNs / 1000n}` : "";
    if (stat.isSymbolicLink()) found[shown] = `link ${readlinkSync(path, { encoding: "buffer" }).toString("hex")}${time}`;
    else if (stat.isDirectory()) {
      // The top's time changes with everything in it.
      found[`${shown}/`] = `folder ${mode}${shown === "" ? "" : time}`;
      for (const name of readdirSync(path, { encoding: "buffer" }).toSorted((a, b) => Buffer.compare(a, b))) {
        visit(Buffer.concat([path, Buffer.from("/"), name]), `${shown}/${name.toString("latin1")}`);
      }
    } else {
      const key = String(stat.ino);
      const first = inodes.get(key) ?? shown;
      inodes.set(key, first);
      found[shown] = `file ${mode} ${readFileSync(path).toString("hex")}${time}${first === shown ? "" : ` same as ${first}`}`;
    }
  };
  visit(Buffer.from(folder), "");
  return found;
}

import { lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { onTestFinished } from "vitest";

import { undoParts, type UndoParts } from "./undo-guard.js";

export interface UndoWorld extends UndoParts {
  /** Every entry below the root as it is: the oracle. */
  readonly tree: () => Tree;
}

/** Removed when the test is over. */
export function undoWorld(): UndoWorld {
  const base = realpathSync(mkdtempSync(join(tmpdir(), "enact-undo-")));
  const parts = undoParts(base);
  mkdirSync(parts.root, { recursive: true });
  onTestFinished(async () => {
    await parts.ledger.close();
    rmSync(base, { recursive: true, force: true });
  });
  return { ...parts, tree: () => treeOf(parts.root) };
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

/** The time of a folder in which something was made or removed is that of the last change. */
export function withoutFolderTimes(tree: Tree): Tree {
  return Object.fromEntries(Object.entries(tree).map(([path, what]) => [path, what.startsWith("folder") ? what.replace(/ \d+$/u, "") : what]));
}

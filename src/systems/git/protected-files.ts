import { realpath } from "node:fs/promises";
import { join } from "node:path";

import { shownBytes } from "./words.js";

/**
 * What the guard protects in a work tree whatever the policies say: its own configuration and state, and the settings of
 * the agent's clients, which decide whether the guard is in the way at all.
 */
const PROTECTED = ["enact.yaml", "enact.yml", ".enact", "mcp.json", ".mcp.json", ".claude", ".cursor", ".vscode"];

/**
 * The first of the files that is protected; null when none is.
 *
 * @param files byte strings, relative to the work tree
 */
export async function protectedFile(top: string, project: string, extra: readonly string[], files: readonly string[]): Promise<string | null> {
  const root = await realpath(project).catch(() => project);
  const paths = [...[top, root].flatMap((folder) => PROTECTED.map((name) => join(folder, name))), ...extra].map(folded);
  for (const file of files) {
    const path = folded(join(top, shownBytes(file)));
    // Below it, it itself, or a folder above it that becomes a file or a link.
    if (paths.some((one) => path === one || path.startsWith(`${one}/`) || one.startsWith(`${path}/`))) return shownBytes(file);
  }
  return null;
}

/** As a file system that folds case, composes letters or drops invisible ones would take it. */
function folded(path: string): string {
  return path.normalize("NFKC").replaceAll(/[\p{Default_Ignorable_Code_Point}\p{Cf}]/gu, "").toLowerCase();
}

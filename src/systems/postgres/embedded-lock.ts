import { closeSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";

import { EnactError } from "../../errors.js";

/**
 * Keeps a second process away from the data of an embedded database: PGlite itself does not, and two at once ruin it.
 *
 * @returns gives the place free again
 * @throws EnactError SYSTEM_UNAVAILABLE when another process that is alive holds it
 */
export function holdDataDir(dataDir: string): () => void {
  const path = `${dataDir}.lock`;
  for (const attempt of [1, 2]) {
    try {
      const file = openSync(path, "wx", 0o600);
      writeSync(file, String(process.pid));
      closeSync(file);
      return () => rmSync(path, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      const holder = Number(readFileSync(path, "utf8").trim());
      if (attempt === 2 || isAlive(holder)) throw inUse(path, holder);
      // Left behind by a process that was killed.
      rmSync(path, { force: true });
    }
  }
  throw inUse(path, 0);
}

/** An empty file counts as alive: its process is just writing its number. */
function isAlive(processId: number): boolean {
  if (processId === process.pid) return true;
  if (!Number.isSafeInteger(processId) || processId <= 0) return true;
  try {
    process.kill(processId, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ESRCH";
  }
}

function inUse(path: string, processId: number): EnactError {
  return new EnactError("SYSTEM_UNAVAILABLE", `The embedded PostgreSQL is in use by process ${processId}, and serves one process at a time`, {
    hint: `Close the other window of this project, or name a server in systems.postgres.url. If no such process is running, remove ${path}.`,
  });
}

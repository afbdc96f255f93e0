import { lstat, readdir } from "node:fs/promises";
import { dirname, join } from "node:path";

import type { Settings } from "./types.js";

const OURS = /^\.enact-(?:aside|new)-[0-9a-f]{24}$/;
/** Time stamps of a disk may be a little behind the clock. */
const SLACK_MS = 2_000;

/**
 * What acts that were interrupted have left beside a path, under names of their own (see aside.ts): an entry that was moved
 * aside, or new content that did not get its name. Seen from the root; only what is as young as `since`.
 */
export async function leftovers(settings: Settings, path: string, since: Date): Promise<readonly string[]> {
  const folder = join(settings.root, dirname(path));
  const names = await readdir(folder).catch(() => []);
  const found = await Promise.all(
    names.filter((name) => OURS.test(name)).map(async (name) => {
      const stats = await lstat(join(folder, name)).catch(() => null);
      // Renaming sets the change time, and nothing sets it back.
      return stats !== null && stats.ctimeMs >= since.getTime() - SLACK_MS ? [join(dirname(path), name)] : [];
    }),
  );
  return found.flat().toSorted();
}

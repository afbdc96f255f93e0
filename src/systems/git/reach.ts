import { pushUrls } from "./remote-url.js";
import { askRemote, remotesOf } from "./remote.js";
import type { Repository } from "./repository.js";
import { withScratch } from "./scratch.js";
import { readSettings } from "./settings.js";

/**
 * Asks every push address of a remote for its refs; how many branches it has.
 *
 * @throws EnactError NOT_FOUND, SYSTEM_UNAVAILABLE, TIMEOUT
 */
export async function reachRemote(repository: Repository, remote: string): Promise<number> {
  const settings = await readSettings(repository);
  const urls = await pushUrls(repository, remote, settings);
  return withScratch(repository, async (scratch) => {
    const states = await Promise.all(urls.map((url) => askRemote(remotesOf(scratch, settings), url)));
    return Math.max(0, ...states.map(({ refs }) => [...refs.keys()].filter((ref) => ref.startsWith("refs/heads/")).length));
  });
}

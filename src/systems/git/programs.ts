import { readdir, readFile } from "node:fs/promises";

import { PROCESS_VARIABLE } from "./environment.js";

/**
 * Programs that a guard has started and that have outlived it, by the name of its process, which all of them carry in their
 * environment: a push goes on when the server that started it is killed.
 *
 * @returns their numbers; null where nobody can look (only Linux shows the environment of processes in files)
 */
export async function programsOf(processName: string): Promise<readonly number[] | null> {
  const names = await readdir("/proc").catch(() => []);
  const numbers = names.filter((name) => /^\d+$/.test(name));
  if (numbers.length === 0) return null;
  const wanted = `${PROCESS_VARIABLE}=${processName}`;
  const found = await Promise.all(
    numbers.map(async (number) => {
      // Of another user, or gone meanwhile.
      const environment = await readFile(`/proc/${number}/environ`, "latin1").catch(() => "");
      return environment.split("\0").includes(wanted) ? [Number(number)] : [];
    }),
  );
  return found.flat();
}

import { mkdir } from "node:fs/promises";
import { join } from "node:path";

import type { Setting } from "./environment.js";
import { copyIfThere, copyIndex, entriesOf, inScratch } from "./scratch.js";
import type { InScratch, Scratch } from "./scratch.js";
import type { Configured } from "./settings.js";

/** The scratch repository with a copy of the index, looking at the real work tree. */
export interface Workshop {
  readonly scratch: Scratch;
  readonly top: string;
  readonly settings: readonly Configured[];
  git(args: readonly string[], asked?: InScratch): ReturnType<typeof inScratch>;
}

/** Configuration about files that is no program. */
const FILE_SETTINGS = new Set([
  "core.filemode", "core.symlinks", "core.ignorecase", "core.precomposeunicode", "core.autocrlf", "core.eol", "core.safecrlf",
  "core.attributesfile", "core.excludesfile", "core.checkstat", "core.trustctime", "core.bigfilethreshold", "core.checkroundtripencoding",
  "core.sparsecheckout", "core.sparsecheckoutcone", "core.protecthfs", "core.protectntfs",
]);

export async function openWorkshop(scratch: Scratch, top: string, settings: readonly Configured[]): Promise<Workshop> {
  const { repository, folder } = scratch;
  await mkdir(join(folder, "info"), { recursive: true });
  for (const name of ["attributes", "exclude"]) await copyIfThere(join(repository.commonDir, "info", name), join(folder, "info", name));
  await copyIfThere(join(repository.gitDir, "info", "sparse-checkout"), join(folder, "info", "sparse-checkout"));
  await copyIndex(join(repository.gitDir, "index"), join(folder, "index"));
  for (const name of await entriesOf(repository.gitDir)) {
    if (name.startsWith("sharedindex.")) await copyIfThere(join(repository.gitDir, name), join(folder, name));
  }
  const fixed: Setting[] = [
    ...settings.filter((setting) => setting.own && FILE_SETTINGS.has(setting.key)).map(({ key, value }): Setting => [key, value]),
    ...withoutFilters(settings),
  ];
  const variables = { GIT_WORK_TREE: top };
  const git: Workshop["git"] = (args, asked = {}) =>
    inScratch(scratch, args, { ...asked, cwd: top, settings: fixed, variables: { ...variables, ...asked.variables } });
  return { scratch, top, settings, git };
}

/** Takes the program out of every filter driver, whoever configured it. */
function withoutFilters(settings: readonly Configured[]): Setting[] {
  return driversOf(settings).flatMap((driver): Setting[] => [
    [`filter.${driver}.clean`, ""],
    [`filter.${driver}.smudge`, ""],
    [`filter.${driver}.process`, ""],
    [`filter.${driver}.required`, "false"],
  ]);
}

export function driversOf(settings: readonly Configured[]): string[] {
  const drivers = settings.filter(({ value }) => value !== "").map(({ key }) => /^filter\.(.+)\.(?:clean|process)$/s.exec(key)?.[1]);
  return [...new Set(drivers.filter((driver) => driver !== undefined))];
}

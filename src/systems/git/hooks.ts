import { constants } from "node:fs";
import { access, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { EnactError } from "../../errors.js";
import { actingEnv, placeOf } from "./repository.js";
import type { Repository } from "./repository.js";
import { run } from "./run.js";
import type { Scratch } from "./scratch.js";
import { expectDone, hookWords } from "./words.js";

/** The folder of the hooks that git would run: core.hooksPath, or the repository's own. */
export async function hooksFolder(repository: Repository): Promise<string> {
  // Not through `look`, which points core.hooksPath elsewhere.
  const ran = await run({
    args: ["rev-parse", "--path-format=absolute", "--git-path", "hooks"],
    cwd: placeOf(repository),
    env: actingEnv(repository),
  });
  return expectDone(ran, "looking for hooks").stdout.toString("utf8").replace(/\n$/, "");
}

/** The file of a hook that git would run; null when there is none, or it may not be executed. */
async function hookFile(folder: string, name: string): Promise<string | null> {
  const file = join(folder, name);
  return access(file, constants.X_OK).then(
    () => file,
    () => null,
  );
}

/** What a gate was told to let through, and what it reports. */
export interface Gate {
  /** Folder to be given to git as core.hooksPath. */
  readonly folder: string;
  /** What the gate saw: nothing yet, "sent" (git was let through), "hook" (the hook refused), "url" or "refs". */
  saw(): Promise<string>;
}

export interface GateRule {
  /** Address, with credentials, that git must be about to push to. */
  readonly url: string;
  /** The one update that git must be about to make: "<sha> <ref> <old sha>". */
  readonly update: string;
  /** What the hook is told: the remote's name and the local ref, as if a person had pushed by name. */
  readonly remote: string;
  readonly localRef: string;
}

/**
 * Stands between git and the repository's own pre-push hook.
 *
 * git calls pre-push when it has connected, has compared all refs and is about to send: with the very address and the
 * very updates. That makes it the one place where "what was judged" and "what is sent" can be compared without a gap: a
 * remote or rewriting rule that changed in the last millisecond, an added tag or submodule, a mirror are all seen here,
 * and refused. Then the repository's own hook runs as it always does, with the remote's name, its address and the ref.
 */
export async function pushGate(repository: Repository, folder: string, rule: GateRule): Promise<Gate> {
  const hooks = await hooksFolder(repository);
  const report = join(folder, "report");
  await mkdir(folder, { recursive: true });
  const own = await hookFile(hooks, "pre-push");
  await writeFile(join(folder, "pre-push"), gateScript(repository, rule, report, own), { mode: 0o700 });
  const transaction = await hookFile(hooks, "reference-transaction");
  if (transaction !== null) {
    const script = ["#!/bin/sh", ...restore(repository), `exec ${quote(transaction)} "$@"`, ""].join("\n");
    await writeFile(join(folder, "reference-transaction"), script, { mode: 0o700 });
  }
  await prove(repository, join(folder, "pre-push"));
  return { folder, saw: () => readFile(report, "utf8").then((text) => text.trim(), () => "") };
}

function gateScript(repository: Repository, rule: GateRule, report: string, own: string | null): string {
  const [sha = "", ref = "", old = ""] = rule.update.split(" ");
  const feed = `${rule.localRef} ${sha} ${ref} ${old}`;
  const saw = (what: string): string => `echo ${what} >${quote(report)}`;
  const ownHook = own === null ? [] : [`printf '%s\\n' ${quote(feed)} | ${quote(own)} ${quote(rule.remote)} "$2" || { status=$?; ${saw("hook")}; exit $status; }`];
  return [
    "#!/bin/sh",
    '[ "$1" = --probe ] && exit 0',
    "updates=$(cat)",
    // Nothing to send: up to date, or turned away by the lease already.
    '[ -z "$updates" ] && exit 0',
    `[ "$2" = ${quote(rule.url)} ] || { ${saw("url")}; exit 1; }`,
    `[ "\${updates#* }" = ${quote(rule.update)} ] || { ${saw("refs")}; exit 1; }`,
    ...restore(repository),
    ...ownHook,
    `${saw("sent")} || exit 1`,
    "exit 0",
    "",
  ].join("\n");
}

/** A hook gets the person's own environment and configuration, not what the guard laid over it for this one command. */
function restore(repository: Repository): string[] {
  const { locale } = repository.home;
  return [
    'while [ "${GIT_CONFIG_COUNT:-0}" -gt 0 ]; do',
    "  GIT_CONFIG_COUNT=$((GIT_CONFIG_COUNT - 1))",
    '  unset "GIT_CONFIG_KEY_$GIT_CONFIG_COUNT" "GIT_CONFIG_VALUE_$GIT_CONFIG_COUNT"',
    "done",
    "unset GIT_CONFIG_COUNT GIT_SSH_COMMAND GIT_ALLOW_PROTOCOL LC_ALL LANGUAGE",
    ...(locale === undefined ? [] : [`LC_ALL=${quote(locale)}; export LC_ALL`]),
  ];
}

function quote(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

/** Where files may not be executed (noexec), git would pass over the gate and the hook in silence. */
async function prove(repository: Repository, script: string): Promise<void> {
  const ran = await run({ program: script, args: ["--probe"], cwd: placeOf(repository), env: repository.home.env }).catch(() => null);
  if (ran?.code === 0) return;
  throw new EnactError("SYSTEM_UNAVAILABLE", "The check before a push cannot run: the folder for temporary files does not allow programs", {
    hint: "Set TMPDIR to a folder where files may be executed.",
  });
}

const HOOK_MILLISECONDS = 600_000;

export interface HookCall {
  readonly args?: readonly string[];
  readonly variables?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Runs a hook of the repository as git does: from the hooks folder and, since git 2.54, from the configuration.
 *
 * @throws EnactError ACTION_FAILED when the hook refuses
 */
export async function runHook(repository: Repository, name: string, call: HookCall = {}): Promise<void> {
  const ran = await run({
    args: ["hook", "run", "--ignore-missing", name, "--", ...(call.args ?? [])],
    cwd: placeOf(repository),
    env: { ...hookEnv(repository), ...call.variables },
    signal: call.signal,
    milliseconds: HOOK_MILLISECONDS,
  });
  if (ran.code === 0) return;
  if (ran.stopped === "cancelled") throw new EnactError("CANCELLED", `Cancelled while the hook ${name} ran`);
  if (ran.stopped !== null) throw new EnactError("TIMEOUT", `The repository's hook ${name} took longer than ${HOOK_MILLISECONDS / 60_000} minutes`);
  throw new EnactError("ACTION_FAILED", `The repository's hook ${name} refused: ${hookWords(ran.stderr)}`, {
    hint: "Do what the hook asks for, then call again.",
  });
}

function hookEnv(repository: Repository): Record<string, string> {
  const { LC_ALL: _language, LANGUAGE: _translations, ...env } = actingEnv(repository);
  return repository.home.locale === undefined ? env : { ...env, LC_ALL: repository.home.locale };
}

/**
 * The message as the hooks find it, in a file of this call's own: in git's COMMIT_EDITMSG, which all calls share, another
 * commit at the same moment would be given this message. Hooks that look there without being told find it too.
 */
export async function messageFile({ folder, repository }: Scratch, message: string): Promise<string> {
  await writeFile(join(repository.gitDir, "COMMIT_EDITMSG"), message);
  const file = join(folder, "COMMIT_EDITMSG");
  await writeFile(file, message);
  return file;
}

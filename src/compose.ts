import { constants } from "node:fs";
import { access, stat } from "node:fs/promises";
import { basename, dirname, isAbsolute, join, resolve } from "node:path";

import type { Opened, Probe } from "./cli/opened.js";
import type { DeskSurroundings } from "./compose-desk.js";
import { approvalProbes, deskOf } from "./compose-desk.js";
import type { Config } from "./config/config.js";
import { EnactError, isEnactError } from "./errors.js";
import type { JsonObject } from "./facts/json.js";
import { unknown } from "./facts/unknown.js";
import { createGuardFrom } from "./guard/pipeline.js";
import { withRollback } from "./guard/rollback.js";
import type { SettleOptions } from "./guard/settle.js";
import { policyMeta } from "./policies/policy.js";
import type { Keys } from "./receipts/keys.js";
import { openKeys } from "./receipts/keys.js";
import type { Ledger } from "./receipts/ledger.js";
import { openSealing } from "./receipts/sealed.js";
import type { UndoStore } from "./receipts/undo-store.js";
import { newProcessName, openSqliteLedger } from "./stores/sqlite.js";
import { openUndoStore, undoLimits, undoStoreState } from "./stores/undo.js";
import { openEmail } from "./systems/email.js";
import type { Filesystem } from "./systems/filesystem.js";
import { openFilesystem } from "./systems/filesystem.js";
import { readFreezeFile } from "./systems/freeze-file.js";
import { openGdrive } from "./systems/gdrive.js";
import { openGit } from "./systems/git.js";
import { openHubspot } from "./systems/hubspot.js";
import { openPostgres } from "./systems/postgres.js";
import { openS3 } from "./systems/s3.js";
import { openSlack } from "./systems/slack.js";
import { crmCreateContactTool } from "./tools/crm_create_contact.js";
import { crmCreateTaskTool } from "./tools/crm_create_task.js";
import { emailSendTool } from "./tools/email_send.js";
import { fileDeleteTool } from "./tools/file_delete.js";
import { fileReadTool } from "./tools/file_read.js";
import { fileWriteTool } from "./tools/file_write.js";
import { gdriveDeleteTool } from "./tools/gdrive_delete.js";
import { gitCommitTool } from "./tools/git_commit.js";
import { gitDeleteBranchTool } from "./tools/git_delete_branch.js";
import { gitMergeTool } from "./tools/git_merge.js";
import { gitPushTool } from "./tools/git_push.js";
import { s3DeleteTool } from "./tools/s3_delete.js";
import { slackPostTool } from "./tools/slack_post.js";
import { sqlQueryTool } from "./tools/sql_query.js";
import type { GuardedTool } from "./tools/tool.js";
import { bindTool } from "./tools/tool.js";

/** The embedded database keeps its data with the project's state, so that it is there again tomorrow. */
export function embeddedDataDir(project: string): string {
  return join(project, ".enact", "postgres");
}

export interface Surroundings extends Pick<DeskSurroundings, "reach"> {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The user's config folder of this program: keys and the known heads of ledgers. Absolute. */
  readonly enactHome: string;
  /** The folder of the running program. It may lie in the project (node_modules), and then whoever writes there is the guard. */
  readonly program?: string;
  /** What `~` stands for in the paths of policies. */
  readonly home: string;
  readonly clock: () => Date;
  /** Tools of the caller's own, bound to systems of its own. */
  readonly tools?: readonly GuardedTool[];
}

/** `$ENACT_HOME`, else `$XDG_CONFIG_HOME/enact`, else `.config/enact` of the user. @throws EnactError USAGE */
export function enactHomeOf(env: Surroundings["env"], home: string): string {
  const { ENACT_HOME: own, XDG_CONFIG_HOME: config } = env;
  if (own !== undefined && own !== "") {
    if (isAbsolute(own)) return own;
    throw new EnactError("USAGE", `ENACT_HOME must be an absolute path, not '${own}'.`);
  }
  // The XDG specification says that a relative path is to be ignored.
  return config !== undefined && isAbsolute(config) ? join(config, "enact") : join(home, ".config", "enact");
}

/** One system with its tools. */
interface Room {
  readonly tools: readonly GuardedTool[];
  readonly probe?: Probe;
  readonly close?: () => Promise<void>;
}

/**
 * Puts a configuration together with the real systems, the ledger and the guard. Connects to nothing, loads no client and
 * writes nothing: all of that happens on first use.
 *
 * @throws EnactError CONFIG_INVALID when a system cannot be opened with what the configuration says
 */
export function compose(config: Config, around: Surroundings): Opened {
  const processName = newProcessName();
  const { project, receipts } = config;
  const { enactHome, env, clock } = around;
  const secret = env["ENACT_SECRET"];
  const keys = openKeys({ enactHome, project, signing: receipts.signing, ...(secret === undefined ? {} : { secret }) });
  const ledger = openSqliteLedger({ project, enactHome, keys, processName });
  const isGone = async (name: string) => (await ledger.executorOf(name)) === "gone";
  const rooms = roomsOf(config, { ...around, processName, isGone });
  const bound = new Map([...rooms.flatMap((room) => room.tools), ...(around.tools ?? [])].map((tool) => [tool.name, tool]));
  const tools = config.tools.flatMap((name) => bound.get(name) ?? []);
  const { identity, policies, unguarded, digest: configDigest, secrets } = config;
  const ambient = () => ambientFacts(config, around);
  const kept = undoOf(config, keys, clock);
  const guard = createGuardFrom({ tools, policies, unguarded, identity, configDigest, ledger, clock, ambient, secrets, ...kept, desk: deskOf(config, around) });
  const enabled = new Set(tools.map(({ name }) => name));
  const probes = rooms.filter((room) => room.tools.some(({ name }) => enabled.has(name))).flatMap(({ probe }) => probe ?? []);
  const end = once(async () => {
    await guard.close();
    await Promise.allSettled(rooms.map(async (room) => room.close?.()));
  });
  const interrupted = settlingOf({ tools: withRollback({ tools, ledger, ...kept }), ledger, clock, configDigest, settledBy: identity.user_email }, secrets);
  return { config, guard, probes: [...probes, ...approvalProbes(config, around), ledgerProbe(project, keys, ledger), ...undoProbes(config)], interrupted, close: end };
}

/** Loaded when it is asked for: a server never settles. */
function settlingOf(parts: Omit<SettleOptions, "redactor">, secrets: readonly string[]): Opened["interrupted"] {
  return {
    list: async () => (await import("./guard/settle.js")).openRuns(parts),
    settle: async () => {
      const [{ settleRuns }, { Redactor }, { findSecrets }] = await Promise.all([import("./guard/settle.js"), import("./receipts/redact.js"), import("./facts/secrets.js")]);
      return settleRuns({ ...parts, redactor: new Redactor(findSecrets, secrets) });
    },
  };
}

function undoOf({ project, undo }: Config, keys: Keys, clock: () => Date): { readonly undo?: UndoStore } {
  if (!undo.enabled) return {};
  return { undo: openUndoStore({ project, sealing: openSealing(keys), clock, ...undoLimits(undo) }) };
}

/** Facts about the environment, found anew for every call. */
function ambientFacts({ project }: Config, { env }: Surroundings): JsonObject {
  const freeze = readFreezeFile(join(project, ".enact", "FREEZE"));
  return {
    freeze_env: env["ENACT_FREEZE"]?.toWellFormed() ?? null,
    freeze_file: freeze !== null && "why" in freeze ? { ...unknown(freeze.why) } : freeze,
  };
}

/** What the systems may know of their surroundings. */
interface Inside extends Surroundings {
  /** Carried by the runs of this process, and by the programs that it starts. */
  readonly processName: string;
  readonly isGone: (processName: string) => Promise<boolean>;
}

function roomsOf(config: Config, around: Inside): readonly Room[] {
  const { git, postgres, filesystem, slack, email, s3, gdrive, hubspot } = config.systems;
  const files = filesystem === undefined ? undefined : openFiles(config, filesystem, around);
  const rooms = [
    git === undefined ? undefined : gitRoom(config, git, around),
    postgres === undefined ? undefined : postgresRoom(config, postgres),
    files === undefined ? undefined : filesystemRoom(files, config),
    slack === undefined ? undefined : slackRoom(slack),
    email === undefined ? undefined : emailRoom(email, files),
    s3 === undefined ? undefined : s3Room(s3),
    gdrive === undefined ? undefined : gdriveRoom(gdrive),
    hubspot === undefined ? undefined : hubspotRoom(hubspot),
  ];
  return rooms.filter((room) => room !== undefined);
}

type Options<Name extends keyof Config["systems"]> = NonNullable<Config["systems"][Name]>;

function gitRoom(config: Config, options: Options<"git">, around: Inside): Room {
  const { env, processName, isGone } = around;
  const system = openGit({ project: config.project, ...options, env, protect: ownFiles(config, around), processName, isGone });
  const reach = async (remote: string, signal: AbortSignal) => {
    try {
      return `${remote} answers, with ${await system.reader.reach({ repo: ".", signal }, remote)} branches`;
    } catch (error) {
      // Nobody asked for it by name, and everything but pushing works without.
      if (config.file === null && isEnactError(error) && error.code === "NOT_FOUND") return `there is no ${remote} to push to`;
      throw error;
    }
  };
  const look = async (signal: AbortSignal) => (await Promise.all(options.remotes.map((remote) => reach(remote, signal)))).join("; ");
  const tools = [bindTool(gitCommitTool, system), bindTool(gitDeleteBranchTool, system), bindTool(gitMergeTool, system), bindTool(gitPushTool, system)];
  return { tools, probe: { system: "git", look } };
}

function postgresRoom({ project }: Config, options: Options<"postgres">): Room {
  const dataDir = options.url === "embedded" ? { dataDir: embeddedDataDir(project) } : {};
  const system = openPostgres({ ...options, ...dataDir });
  const look = async () => {
    await system.reader.look({ relations: [], only: [], functions: [], operators: [], changed: [] });
    return "it answers";
  };
  // Starting the embedded database would make it, and a look changes nothing.
  const probe = options.url === "embedded" ? {} : { probe: { system: "postgres", look } };
  return { tools: [bindTool(sqlQueryTool, system)], ...probe, close: () => system.close() };
}

/** What the agent's tools must never touch, whatever the policies say. */
function ownFiles({ sources, project }: Config, { enactHome, program }: Surroundings): readonly string[] {
  return [...sources, join(project, ".enact"), enactHome, ...(program === undefined ? [] : [program])];
}

function openFiles(config: Config, options: Options<"filesystem">, around: Surroundings): Filesystem {
  const protectedPaths = ownFiles(config, around);
  const hookFolders = hookFoldersOf(config, around);
  return openFilesystem({ ...options, protectedPaths, hookFolders, watchPaths: policyPaths(config), home: around.home });
}

/** How long the answer to where git's hooks lie is believed, in milliseconds: the agent has no tool that moves them. */
const HOOKS_KNOWN = 30_000;

/**
 * Hooks in the work tree (core.hooksPath) run when the agent commits or pushes: through a file tool it could have its own
 * program run there. Husky's folder holds, one level up, the scripts that its hooks call.
 */
function hookFoldersOf({ project, systems: { git } }: Config, { env }: Surroundings): () => Promise<readonly string[]> {
  if (git === undefined) return () => Promise.resolve([]);
  const { reader } = openGit({ project, ...git, env });
  const ask = async (): Promise<readonly string[]> => {
    // Where git cannot say, it runs none: the git tools fail as well.
    const folder = await reader.hooks({ repo: "." }).catch(() => null);
    return folder === null ? [] : [resolve(basename(folder) === "_" ? dirname(folder) : folder)];
  };
  let known: { readonly folders: Promise<readonly string[]>; readonly until: number } | undefined;
  return () => {
    if (known === undefined || known.until < performance.now()) known = { folders: ask(), until: performance.now() + HOOKS_KNOWN };
    return known.folders;
  };
}

function filesystemRoom(system: Filesystem, { systems }: Config): Room {
  const root = systems.filesystem?.root ?? "";
  const look = async () => {
    const found = await stat(root).catch(() => undefined);
    if (found?.isDirectory() === true) return `${root} is a folder`;
    throw new EnactError("SYSTEM_UNAVAILABLE", `${root} is not a folder that can be opened`);
  };
  const tools = [bindTool(fileDeleteTool, system), bindTool(fileReadTool, system), bindTool(fileWriteTool, system)];
  return { tools, probe: { system: "filesystem", look } };
}

/** The paths that policies name: each call's facts say how its file lies to them. */
function policyPaths({ policies }: Config): readonly string[] {
  const named = policies.flatMap(({ policy }) => {
    const { allowed_dirs: allowed, paths } = policyMeta(policy)?.options ?? {};
    return [allowed, paths].flatMap((list) => (Array.isArray(list) ? (list as unknown[]) : []));
  });
  return [...new Set(named.filter((path) => typeof path === "string"))];
}

function slackRoom(options: Options<"slack">): Room {
  const system = openSlack(options);
  return { tools: [bindTool(slackPostTool, system)], probe: { system: "slack", look: () => system.reach() }, close: () => system.close() };
}

function s3Room(options: Options<"s3">): Room {
  const system = openS3(options);
  return { tools: [bindTool(s3DeleteTool, system)], probe: { system: "s3", look: () => system.reach() }, close: () => system.close() };
}

/** Attachments are read by the file tools' rules, so without these there are none. */
function emailRoom(options: Options<"email">, files: Filesystem | undefined): Room {
  const system = openEmail({ ...options, files: files?.reader });
  return { tools: [bindTool(emailSendTool, system)], probe: { system: "email", look: () => system.reach() }, close: () => system.close() };
}

function gdriveRoom(options: Options<"gdrive">): Room {
  const system = openGdrive(options);
  return { tools: [bindTool(gdriveDeleteTool, system)], probe: { system: "gdrive", look: () => system.reach() }, close: () => system.close() };
}

function hubspotRoom(options: Options<"hubspot">): Room {
  const system = openHubspot(options);
  return { tools: [bindTool(crmCreateContactTool, system), bindTool(crmCreateTaskTool, system)], probe: { system: "hubspot", look: () => system.reach() }, close: () => system.close() };
}

function ledgerProbe(project: string, keys: Keys, ledger: Ledger): Probe {
  const look = async () => {
    keys.checkPlace();
    const state = join(project, ".enact");
    const stateIsThere = (await stat(state).catch(() => undefined)) !== undefined;
    await access(stateIsThere ? state : project, constants.W_OK).catch(() => {
      throw new EnactError("LEDGER_UNAVAILABLE", `${stateIsThere ? state : project} cannot be written, so no receipt can be stored and nothing would run`);
    });
    const runs = await ledger.look((history) => history.count({ since: new Date(0) }));
    return `${runs} allowed runs on record; its head is as it was left`;
  };
  return { system: "ledger", look };
}

function undoProbes({ project, undo }: Config): readonly Probe[] {
  return undo.enabled ? [{ system: "undo", look: () => undoStoreState(project, undoLimits(undo).maxTotalBytes) }] : [];
}

function once(work: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined;
  return () => (done ??= work());
}

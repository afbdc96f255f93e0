import { PROTOCOLS } from "./environment.js";
import type { Setting } from "./environment.js";
import type { Repository } from "./repository.js";
import { look } from "./repository.js";
import { expectDone } from "./words.js";

/** One line of git's configuration. */
export interface Configured {
  readonly key: string;
  readonly value: string;
  /** True when the repository itself says so (its config, config.worktree and what they include). */
  readonly own: boolean;
}

/** All configuration that counts in this repository, in git's order. Reading runs nothing. */
export async function readSettings(repository: Repository): Promise<readonly Configured[]> {
  const ran = await look(repository, ["config", "--list", "--includes", "--show-scope", "-z"]);
  const parts = expectDone(ran, "reading git's configuration").stdout.toString("utf8").split("\0");
  const settings: Configured[] = [];
  for (let index = 0; index + 1 < parts.length; index += 2) {
    const scope = parts[index] ?? "";
    const line = parts[index + 1] ?? "";
    if (scope === "command") continue;
    const end = line.indexOf("\n");
    // A key without "= value" is a boolean that is true.
    const [key, value] = end === -1 ? [line, "true"] : [line.slice(0, end), line.slice(end + 1)];
    settings.push({ key, value, own: scope !== "system" && scope !== "global" });
  }
  return settings;
}

export function lastOf(settings: readonly Configured[], key: string): string | undefined {
  return settings.findLast((setting) => setting.key === key)?.value;
}

export function isTrue(value: string | undefined): boolean {
  return value !== undefined && /^(?:true|yes|on|1|)$/i.test(value);
}

/** How remotes are reached, alike while looking and while pushing. */
export interface Access {
  readonly variables: Readonly<Record<string, string>>;
  /** For a scratch repository, which has no configuration of its own. */
  readonly scratch: readonly Setting[];
  /** For the repository itself: takes out again what its own configuration added. */
  readonly repository: readonly Setting[];
  /** What of the repository's own configuration is not used, for an error message. */
  readonly leftOut: readonly string[];
}

/** Credential helpers that come with git or its installers: names, not programs of somebody's choice. */
const KNOWN_HELPERS = new Set(["cache", "store", "osxkeychain", "manager", "manager-core", "libsecret", "wincred", "oauth"]);

/**
 * Decides which programs may give access to a remote.
 *
 * What the person configured for themselves (system and global configuration) counts: ssh command, credential helpers,
 * proxies. Of the repository's own configuration only what is no program counts: http settings, user names, credential
 * helpers that are known by name, and an ssh command that is plain ssh with a choice of key. A program named in
 * `.git/config` is not run to look at a remote, nor to push to it: whoever can write that file could otherwise run
 * anything with a look, or send a judged push somewhere else.
 */
export function accessOf(settings: readonly Configured[]): Access {
  const leftOut: string[] = [];
  const helpers = settings.filter((setting) => /^credential\.(?:.*\.)?helper$/s.test(setting.key));
  const allowed = helpers.filter((setting) => !setting.own || setting.value === "" || KNOWN_HELPERS.has(setting.value));
  if (allowed.length < helpers.length) leftOut.push("credential.helper");
  const plain = settings.filter((setting) => setting.own && isPlainAccess(setting.key));
  const asSettings = (list: readonly Configured[]): Setting[] => list.map(({ key, value }) => [key, value]);
  return {
    variables: { GIT_SSH_COMMAND: sshCommand(settings, leftOut), GIT_ALLOW_PROTOCOL: PROTOCOLS },
    scratch: [...asSettings(plain), ["credential.helper", ""], ...asSettings(allowed), ["http.saveCookies", "false"]],
    repository: [["credential.helper", ""], ...asSettings(allowed)],
    leftOut,
  };
}

function isPlainAccess(key: string): boolean {
  return (key.startsWith("http.") && !key.endsWith(".savecookies")) || /^credential\.(?:.*\.)?(?:username|usehttppath)$/s.test(key);
}

function sshCommand(settings: readonly Configured[], leftOut: string[]): string {
  const last = settings.findLast((setting) => setting.key === "core.sshcommand");
  if (last?.own === true) {
    const words = plainSsh(last.value);
    if (words !== null) return `ssh -oBatchMode=yes ${words}`.trim();
    leftOut.push("core.sshCommand");
  }
  // The person's own command may be a wrapper that takes no options: it is left exactly as it is.
  return settings.findLast((setting) => setting.key === "core.sshcommand" && !setting.own)?.value ?? "ssh -oBatchMode=yes";
}

/** The options of an ssh command that only chooses a key, a port or a protocol; null for anything that could run more. */
function plainSsh(command: string): string | null {
  const words = command.trim().split(/\s+/);
  if (words.shift() !== "ssh") return null;
  const options = words.join(" ");
  const file = String.raw`(?:'[\w@%+=:,./~-]+'|"[\w@%+=:,./~-]+"|[\w@%+=:,./~-]+)`;
  const option = String.raw`(?:-i ?${file}|-p ?\d+|-4|-6|-o ?IdentitiesOnly[= ]yes)`;
  return new RegExp(`^(?:${option}(?: ${option})*)?$`, "i").test(options) ? options : null;
}

import { createHash } from "node:crypto";

import { EnactError } from "../../errors.js";
import type { Repository } from "./repository.js";
import { look, placeOf } from "./repository.js";
import type { Configured } from "./settings.js";
import { complaint, expectDone, lines, plainWords } from "./words.js";

/** One address of a remote, as git itself would use it. */
export interface RemoteUrl {
  /** May hold credentials: never shown, never stored. */
  readonly raw: string;
  /** Without credentials and query. */
  readonly shown: string;
  /** SHA-256 of `raw`, to know it again. */
  readonly digest: string;
}

/**
 * The addresses that a push to this remote goes to, after insteadOf and pushInsteadOf, in git's order.
 *
 * @throws EnactError INVALID_INPUT for a remote that is not configured for the guard, NOT_FOUND for one that git does not
 *   know, REFUSED for an address that starts a program
 */
export async function pushUrls(repository: Repository, remote: string, settings: readonly Configured[]): Promise<RemoteUrl[]> {
  return urls(repository, remote, settings, ["--push", "--all"]);
}

/** The address that a fetch from this remote comes from. */
export async function fetchUrl(repository: Repository, remote: string, settings: readonly Configured[]): Promise<RemoteUrl> {
  const [first] = await urls(repository, remote, settings, []);
  if (first === undefined) throw new EnactError("NOT_FOUND", `The remote '${remote}' has no address`);
  return first;
}

async function urls(repository: Repository, remote: string, settings: readonly Configured[], which: readonly string[]): Promise<RemoteUrl[]> {
  const { remotes } = repository.home;
  if (!remotes.includes(remote)) {
    throw new EnactError("INVALID_INPUT", `'${plainWords(remote, 100)}' is not a remote that the guard may use`, {
      hint: `Name one of these: ${remotes.join(", ") || "none is configured (systems.git.remotes)"}. An address is no name.`,
    });
  }
  if (settings.some(({ key, value }) => key === `remote.${remote}.vcs` && value !== "")) {
    throw new EnactError("REFUSED", `The remote '${remote}' is reached through a helper program (remote.${remote}.vcs)`);
  }
  const ran = await look(repository, ["remote", "get-url", ...which, "--", remote]);
  if (ran.stopped === null && /No such remote/i.test(ran.stderr)) {
    throw new EnactError("NOT_FOUND", `This repository has no remote '${remote}'`);
  }
  const found = [...new Set(lines(expectDone(ran, `asking for the address of '${remote}'`).stdout))];
  if (found.length === 0) throw new EnactError("NOT_FOUND", `The remote '${remote}' has no address: ${complaint(ran.stderr)}`);
  return found.map((raw) => checked(raw, remote));
}

/** Schemes that git speaks itself; for every other one it starts the program git-remote-<scheme>. */
const SCHEMES = new Set(["file", "git", "http", "https", "ssh", "git+ssh", "ssh+git"]);

function checked(raw: string, remote: string): RemoteUrl {
  const helper = /^([A-Za-z0-9+.-]*)::/.exec(raw)?.[1];
  const scheme = /^([A-Za-z0-9+.-]*):\/\//.exec(raw)?.[1];
  if (helper !== undefined) throw refused(remote, `leads to the helper program git-remote-${plainWords(helper, 30)}`);
  if (scheme !== undefined && !SCHEMES.has(scheme)) throw refused(remote, `leads to the helper program git-remote-${plainWords(scheme, 30)}`);
  if (raw.startsWith("-")) throw refused(remote, "starts with '-', which a program would take for an option");
  // eslint-disable-next-line no-control-regex
  if (/[\u0000-\u001f\u007f]/.test(raw)) throw refused(remote, "holds a control character");
  return { raw, shown: withoutCredentials(raw), digest: createHash("sha256").update(raw).digest("hex") };
}

function refused(remote: string, why: string): EnactError {
  return new EnactError("REFUSED", `The address of the remote '${remote}' ${why}`, {
    hint: "Ask the person to look at the remotes of this repository (git remote -v).",
  });
}

/** The address without what would give access: password, token, query. The user of an ssh address is no secret. */
function withoutCredentials(raw: string): string {
  const url = /^([A-Za-z][A-Za-z0-9+.-]*:\/\/)([^/?#]*)([^?#]*)/.exec(raw);
  if (url === null) {
    // host:path of ssh, or a path; a password has no place in either, but somebody may have put one there.
    return plainWords(raw.replace(/^([^/:@]*):[^/@]*@/, "$1@"), 500);
  }
  const [, scheme = "", authority = "", path = ""] = url;
  const host = authority.slice(authority.lastIndexOf("@") + 1);
  const user = authority.includes("@") ? (authority.slice(0, authority.lastIndexOf("@")).split(":")[0] ?? "") : "";
  const keepUser = user !== "" && /ssh/.test(scheme);
  return plainWords(`${scheme}${keepUser ? `${user}@` : ""}${host}${path}`, 500);
}

/** The address as it works from any folder: git takes a relative path from the work tree. */
export function absoluteUrl(repository: Repository, raw: string): string {
  const isPath = !/^[A-Za-z][A-Za-z0-9+.-]*:\/\//.test(raw) && !/^[^/]*:/.test(raw);
  return isPath && !raw.startsWith("/") && !raw.startsWith("~") ? `${placeOf(repository)}/${raw}` : raw;
}

import canonicalize from "canonicalize";
import { createHash } from "node:crypto";
import { isAbsolute, relative, sep } from "node:path";

import { withoutSecrets } from "./secrets.js";
import type { Config, Systems } from "./types.js";

/** What goes into the digest: a configuration without its digest, and its policies as plain JSON. */
export type Meaning = Pick<Config, "project" | "identity" | "systems" | "tools" | "unguarded" | "receipts" | "undo" | "approvals"> & {
  readonly policies: readonly Readonly<Record<string, unknown>>[];
};

/**
 * The digest of a configuration: SHA-256 over the canonical JSON (RFC 8785) of what it means.
 *
 * - Same meaning, same digest: comments, order of keys, tools and policies, quotes, and defaults that are left out or
 *   written make no difference. Neither does where the project lies: paths inside it are taken relative to it.
 * - Another option, another policy, another byte in a custom policy or in a file that it imports by a relative path:
 *   another digest.
 * - Secrets are not in it, nor hashes of them, which could be guessed. A new password for the same user, host and
 *   database is the same configuration.
 */
export function digestOf(meaning: Meaning): string {
  const canonical = canonicalize({
    version: 1,
    identity: meaning.identity,
    systems: portableSystems(meaning.systems, meaning.project),
    tools: meaning.tools.toSorted(),
    unguarded: meaning.unguarded.toSorted(),
    policies: meaning.policies.map((policy) => canonicalize(policy) ?? "").toSorted(),
    receipts: meaning.receipts,
    undo: meaning.undo,
    approvals: meaning.approvals,
  });
  return `sha256:${createHash("sha256").update(canonical ?? "").digest("hex")}`;
}

function portableSystems(systems: Systems, project: string): Record<string, unknown> {
  const { git, postgres, filesystem, slack, email, s3, gdrive, hubspot } = systems;
  const all = {
    git: git && { ...git, repo: portablePath(git.repo, project) },
    postgres: postgres && { ...postgres, url: withoutSecrets(postgres.url) },
    filesystem: filesystem && { ...filesystem, root: portablePath(filesystem.root, project) },
    slack: slack && { ...slack, token: "set" },
    email: email && { ...email, smtp: withoutSecrets(email.smtp) },
    s3: s3 && { ...s3, ...(s3.credentials && { credentials: s3.credentials.accessKeyId }) },
    gdrive: gdrive && { ...gdrive, credentials: portablePath(gdrive.credentials, project) },
    hubspot: hubspot && { ...hubspot, token: "set" },
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

function portablePath(path: string, project: string): string {
  const inside = relative(project, path);
  const isInside = inside !== ".." && !inside.startsWith(`..${sep}`) && !isAbsolute(inside);
  return isInside ? `./${inside.split(sep).join("/")}` : path;
}

import { createHash } from "node:crypto";
import type { drive_v3 } from "@googleapis/drive";

import { EnactError } from "../../errors.js";
import { abortable } from "../shared/abort.js";
import type { GdriveLoader, How } from "./client.js";
import { gdriveFailure, lookFailed } from "./failure.js";

/** A file or folder as Drive describes it. What its answer leaves open is undefined. */
export interface GdriveFile {
  readonly id: string;
  readonly name: string;
  readonly mimeType: string;
  readonly isFolder: boolean;
  /** Grows with every change of the file, its contents and who may see it. */
  readonly version: string;
  readonly size: number | undefined;
  readonly owners: readonly string[];
  /** The shared drive that it lies in. */
  readonly driveId: string | undefined;
  readonly isTrashed: boolean;
  readonly isShared: boolean | undefined;
  readonly canTrash: boolean | undefined;
  readonly canDelete: boolean | undefined;
}

export interface GdrivePermission {
  /** user, group, domain or anyone. */
  readonly type: string;
  readonly role: string;
  /** An address or a domain; empty for anyone. */
  readonly who: string;
}

/** What lies below a folder. */
export interface GdriveTree {
  /** Directly below. */
  readonly children: number;
  /** At any depth. */
  readonly descendants: number;
  /** SHA-256 over the ids and versions of all of them: another one means that something changed. */
  readonly digest: string;
}

const FOLDER = "application/vnd.google-apps.folder";
const FIELDS =
  "id,name,mimeType,version,size,owners(emailAddress),driveId,trashed,shared,capabilities(canTrash,canDelete)";
const LISTED = "incompleteSearch,nextPageToken,files(id,mimeType,version,parents)";
const PERMISSIONS = "nextPageToken,permissions(type,role,emailAddress,domain,deleted)";
const MAX_PERMISSION_PAGES = 20;

/** Looks at files; never reads contents. */
export class GdriveReader {
  readonly #loader: GdriveLoader;
  readonly #maxDescendants: number;

  constructor(loader: GdriveLoader, maxDescendants: number) {
    this.#loader = loader;
    this.#maxDescendants = maxDescendants;
  }

  /** @throws EnactError NOT_FOUND, SYSTEM_UNAVAILABLE, CONFIG_INVALID, CANCELLED */
  async file(id: string, signal?: AbortSignal): Promise<GdriveFile> {
    const fields = FIELDS;
    const look = this.#look((drive, how) => drive.files.get({ fileId: id, supportsAllDrives: true, fields }, how));
    return asFile(await abortable(look, signal), id);
  }

  /** With whom a file is shared; undefined when the account may not see that. @throws EnactError */
  async permissions(id: string, signal?: AbortSignal): Promise<readonly GdrivePermission[] | undefined> {
    return abortable(this.#permissions(id), signal);
  }

  /** Everything below a folder, with or without what is in the trash already. @throws EnactError SYSTEM_UNAVAILABLE when it cannot be counted to the end */
  async tree(folderId: string, withTrashed: boolean, signal?: AbortSignal): Promise<GdriveTree> {
    return abortable(this.#tree(folderId, withTrashed), signal);
  }

  async #permissions(id: string): Promise<readonly GdrivePermission[] | undefined> {
    const found: GdrivePermission[] = [];
    let pageToken: string | undefined;
    for (let page = 0; page < MAX_PERMISSION_PAGES; page += 1) {
      const which = { fileId: id, supportsAllDrives: true, pageSize: 100, fields: PERMISSIONS, ...(pageToken === undefined ? {} : { pageToken }) };
      let answer: drive_v3.Schema$PermissionList;
      try {
        answer = await this.#loader.request((drive, how) => drive.permissions.list(which, how));
      } catch (error) {
        if (gdriveFailure(error).status === 403 && gdriveFailure(error).kind === "ACTION_FAILED") return undefined;
        throw lookFailed(error);
      }
      if (!Array.isArray(answer.permissions)) throw strange();
      found.push(...answer.permissions.filter(({ deleted }) => deleted !== true).map(asPermission));
      pageToken = answer.nextPageToken ?? undefined;
      if (pageToken === undefined) return found;
    }
    throw new EnactError("SYSTEM_UNAVAILABLE", "The file is shared with too many to list");
  }

  async #tree(folderId: string, withTrashed: boolean): Promise<GdriveTree> {
    const seen = new Map<string, string>();
    let children = 0;
    const folders = [folderId];
    for (let folder = folders.shift(); folder !== undefined; folder = folders.shift()) {
      const query = `'${folder}' in parents${withTrashed ? "" : " and trashed = false"}`;
      for (const { id, mimeType, version } of await this.#children(query, this.#maxDescendants - seen.size)) {
        if (folder === folderId) children += 1;
        if (seen.has(id)) continue;
        seen.set(id, version);
        // A shortcut is only a pointer: what it points to stays.
        if (mimeType === FOLDER) folders.push(id);
      }
    }
    const all = [...seen].toSorted(([a], [b]) => (a < b ? -1 : 1));
    return { children, descendants: seen.size, digest: createHash("sha256").update(JSON.stringify(all)).digest("hex") };
  }

  async #children(q: string, most: number): Promise<readonly { id: string; mimeType: string; version: string }[]> {
    const found: { id: string; mimeType: string; version: string }[] = [];
    let pageToken: string | undefined;
    do {
      const which = {
        q,
        pageSize: 1000,
        fields: LISTED,
        supportsAllDrives: true,
        includeItemsFromAllDrives: true,
        ...(pageToken === undefined ? {} : { pageToken }),
      };
      const answer = await this.#look((drive, how) => drive.files.list(which, how));
      if (!Array.isArray(answer.files)) throw strange();
      if (answer.incompleteSearch === true) throw new EnactError("SYSTEM_UNAVAILABLE", "Drive did not list the whole folder");
      for (const { id, mimeType, version } of answer.files) {
        if (typeof id !== "string" || !isGdriveId(id)) throw strange();
        found.push({ id, mimeType: mimeType ?? "", version: version ?? "" });
      }
      if (found.length > most) throw new EnactError("SYSTEM_UNAVAILABLE", `More than ${this.#maxDescendants} files lie below the folder`);
      pageToken = answer.nextPageToken ?? undefined;
    } while (pageToken !== undefined);
    return found;
  }

  async #look<Answer>(send: (drive: drive_v3.Drive, how: How) => Promise<{ data: Answer }>): Promise<Answer> {
    try {
      return await this.#loader.request(send);
    } catch (error) {
      throw lookFailed(error);
    }
  }
}

/** True for what can be an id: it goes into addresses and queries. */
export function isGdriveId(text: string): boolean {
  return /^[A-Za-z0-9_-]{1,200}$/.test(text);
}

function asFile(raw: drive_v3.Schema$File, wanted: string): GdriveFile {
  const { id, name, mimeType, version, size, owners, capabilities } = raw;
  // An alias such as "root" answers with another id.
  if (id !== wanted || typeof version !== "string" || version === "") throw strange();
  const bytes = typeof size === "string" && /^\d{1,15}$/.test(size) ? Number(size) : undefined;
  return {
    id,
    name: name ?? "",
    mimeType: mimeType ?? "",
    isFolder: mimeType === FOLDER,
    version,
    size: bytes,
    owners: (owners ?? []).map(({ emailAddress }) => emailAddress ?? ""),
    driveId: raw.driveId ?? undefined,
    isTrashed: raw.trashed === true,
    isShared: raw.shared ?? undefined,
    canTrash: capabilities?.canTrash ?? undefined,
    canDelete: capabilities?.canDelete ?? undefined,
  };
}

function asPermission({ type, role, emailAddress, domain }: drive_v3.Schema$Permission): GdrivePermission {
  return { type: type ?? "", role: role ?? "", who: emailAddress ?? domain ?? "" };
}

function strange(): EnactError {
  return new EnactError("SYSTEM_UNAVAILABLE", "The answer is not Drive's: a proxy, a wrong root_url, or an alias in place of an id");
}

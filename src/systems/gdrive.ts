import { EnactError } from "../errors.js";
import { checkedEndpoint } from "./shared/endpoint.js";
import { GdriveLoader } from "./gdrive/client.js";
import { reachDrive } from "./gdrive/reach.js";
import { GdriveReader } from "./gdrive/reader.js";
import { GdriveWriter } from "./gdrive/writer.js";

export { isGdriveId } from "./gdrive/reader.js";
export type { GdriveFile, GdrivePermission, GdriveReader, GdriveTree } from "./gdrive/reader.js";
export type { GdriveWriter, RemovalOutcome } from "./gdrive/writer.js";

export interface GdriveOptions {
  /**
   * The path of a credentials file that Google handed out (service account or authorized user), or its JSON. Read on
   * first use. Least privilege: share only the folders that the agent may touch with the service account; the scope is
   * `https://www.googleapis.com/auth/drive`, because Google has none for deleting alone.
   */
  readonly credentials: string;
  /** Another server that speaks Drive's API v3. Default: Google's own. */
  readonly rootUrl?: string | undefined;
  /** More files below a folder are not counted: what goes with it is then unknown. Default 1000. */
  readonly maxDescendants?: number | undefined;
  /** Allows plain http to another machine for `rootUrl`. */
  readonly insecure?: boolean | undefined;
  /** For one request. Default 15 seconds. */
  readonly timeoutMs?: number | undefined;
}

/** Drive as a guarded tool sees it. */
export interface GdriveSystem {
  readonly reader: GdriveReader;
  readonly writer: GdriveWriter;
  /** For enact-guard doctor: what a look that changes nothing finds, one clause. @throws EnactError SYSTEM_UNAVAILABLE */
  reach(): Promise<string>;
  close(): Promise<void>;
}

/**
 * Opens Google Drive. Connects to nothing, reads nothing and loads nothing before the first request.
 * @throws EnactError CONFIG_INVALID
 */
export function openGdrive(options: GdriveOptions): GdriveSystem {
  if (options.credentials.trim() === "") throw new EnactError("CONFIG_INVALID", "systems.gdrive.credentials is empty", { done: "Nothing was started." });
  const rules = { key: "systems.gdrive.root_url", insecure: options.insecure };
  const rootUrl = options.rootUrl === undefined ? undefined : checkedEndpoint(options.rootUrl, rules);
  // Google's client drops a path without a word.
  if (rootUrl !== undefined && new URL(rootUrl).pathname !== "/") {
    throw new EnactError("CONFIG_INVALID", "systems.gdrive.root_url must not have a path", { done: "Nothing was started." });
  }
  const loader = new GdriveLoader({
    credentials: options.credentials,
    rootUrl,
    timeoutMs: options.timeoutMs ?? 15_000,
  });
  const reader = new GdriveReader(loader, options.maxDescendants ?? 1000);
  return { reader, writer: new GdriveWriter(loader, reader), reach: () => reachDrive(loader), close: async () => undefined };
}

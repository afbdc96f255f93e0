import { extensionsOf, type FileFacts } from "../../facts/file.js";
import { unknown, type OrUnknown } from "../../facts/unknown.js";
import type { FileLook, FileReader, NotKnown, ReadStep } from "../../systems/filesystem.js";

/** A file that another tool would read (an attachment), as facts and as the step that reads exactly it. */
export interface FileDescription {
  readonly facts: FileFacts;
  /** For `reader.read(step, maxBytes)` or `writer.read(…)`. */
  readonly step: ReadStep;
}

/**
 * Looks at a file under the rules of `file_read`: inside the root, not protected, a regular file.
 *
 * @throws EnactError as FileReader.look
 */
export async function describeFile(reader: FileReader, path: string, signal?: AbortSignal): Promise<FileDescription> {
  const look = await reader.look(path, "read", signal === undefined ? {} : { signal });
  return { facts: factsOf(look), step: { place: look.step } };
}

/** The facts that all file tools and attachments have. */
export function factsOf(look: FileLook): FileFacts {
  return {
    path: look.path,
    requested_path: look.requested,
    real_path: look.realPath,
    root: look.root,
    kind: look.kind,
    size: look.size,
    mode: look.mode,
    hard_links: look.hardLinks,
    links: look.links.map((link) => ({ ...link })),
    extensions: extensionsOf(look.names),
    tracked_by_git: known(look.tracked),
    policy_paths: Object.fromEntries(look.policyPaths.map(policyPath)),
  };
}

function policyPath(found: FileLook["policyPaths"][number]): [string, FileFacts["policy_paths"][string]] {
  if ("why" in found) return [found.given, unknown(found.why)];
  return [found.given, { real_path: found.realPath, exists: found.exists, relation: found.relation }];
}

/** A fact of a look as a fact of a payload. */
export function known<Value extends boolean | number | string | null>(value: Value | NotKnown): OrUnknown<Value> {
  return typeof value === "object" && value !== null ? unknown(value.why) : value;
}

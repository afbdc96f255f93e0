import type { Policy, PolicyDefinition } from "../policy.js";
import { blockExtensionsPolicy } from "./block_extensions.js";
import { dontDeleteFilePolicy } from "./dont_delete_file.js";
import { restrictPathsPolicy } from "./restrict_paths.js";

export { blockExtensionsPolicy, dontDeleteFilePolicy, restrictPathsPolicy };

/** No files with these extensions, each with its dot. */
export const blockExtensions = (extensions: readonly string[]): Policy => blockExtensionsPolicy.create({ extensions });

/** No deletions at all. */
export const dontDeleteFile: Policy = dontDeleteFilePolicy.create({});

/** Only below these directories. */
export const restrictPaths = (allowed_dirs: readonly string[]): Policy => restrictPathsPolicy.create({ allowed_dirs });

/** All policies of this category, sorted by id. */
export const filesystemPolicies: readonly PolicyDefinition[] = [blockExtensionsPolicy, dontDeleteFilePolicy, restrictPathsPolicy];

import { existsSync } from "node:fs";
import { join } from "node:path";

import { parse } from "yaml";

import { readConfigFile } from "./file.js";
import { approvalsSchema } from "./schema.js";

/**
 * The port of the page on which people approve, of this project. Read without the rest of the configuration: a person who
 * registers a passkey in another terminal need not have set the variables that the agent's tools want.
 *
 * @throws EnactError CONFIG_INVALID when a file that was asked for cannot be read
 */
export function approvalsPort({ project, file }: { readonly project: string; readonly file?: string }): number {
  const path = file ?? join(project, "enact.yaml");
  const usual = approvalsSchema.parse({}).port;
  if (file === undefined && !existsSync(path)) return usual;
  const written = portIn(readConfigFile(path));
  const checked = approvalsSchema.shape.port.safeParse(written);
  return checked.success ? checked.data : usual;
}

/** Undefined where the file says nothing; what is wrong with it is said by whoever reads all of it. */
function portIn(text: string): unknown {
  try {
    return (parse(text) as { readonly approvals?: { readonly port?: unknown } } | null)?.approvals?.port;
  } catch {
    return undefined;
  }
}

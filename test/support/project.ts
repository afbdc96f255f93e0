import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import type { ServerProcess } from "./mcp-client.js";

/** A throw-away project folder, with the user's folder beside it. */
export interface TestProject extends ServerProcess {
  readonly folder: string;
  readonly enactHome: string;
  /** Every path below the project and the user's folder. */
  everything(): readonly string[];
  remove(): void;
}

export function testProject(files: Readonly<Record<string, string>>): TestProject {
  const base = mkdtempSync(join(tmpdir(), "enact-project-"));
  const folder = join(base, "project");
  const enactHome = join(base, "home", "enact");
  mkdirSync(folder);
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
  return {
    folder,
    enactHome,
    cwd: folder,
    env: { PATH: process.env["PATH"] ?? "", HOME: join(base, "home"), ENACT_HOME: enactHome },
    everything: () => readdirSync(base, { recursive: true, encoding: "utf8" }).toSorted(),
    remove: () => rmSync(base, { recursive: true, force: true }),
  };
}

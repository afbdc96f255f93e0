import { execFile } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";

import { EnactError } from "../../errors.js";
import type { AgentConnection, DemoParts } from "../demo.js";
import { startServices } from "./services.js";

export interface DemoSurroundings {
  /** The built program, absolute. */
  readonly program: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Where the embedded database of a project keeps its data. */
  readonly dataDir: (project: string) => string;
  readonly connectAgent: (server: {
    readonly command: string;
    readonly args: readonly string[];
    readonly cwd: string;
    readonly env: Readonly<Record<string, string>>;
  }) => Promise<AgentConnection>;
}

/** The real parts of the demo: this very program as a child process, and the embedded database that it will open. */
export function demoParts({ program, env, dataDir, connectAgent }: DemoSurroundings): DemoParts {
  const childEnv = (enactHome: string): Record<string, string> => ({
    ...Object.fromEntries(["PATH", "HOME"].flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]]))),
    ENACT_HOME: enactHome,
    // The user's own git configuration would make the demo look different on every machine.
    GIT_CONFIG_NOSYSTEM: "1",
    NO_COLOR: "1",
  });
  return {
    connect: (project, enactHome) =>
      connectAgent({ command: process.execPath, args: [program, "serve", "--project", project], cwd: project, env: childEnv(enactHome) }),
    verify: (project, enactHome) =>
      new Promise((resolve) => {
        const options = { cwd: project, env: childEnv(enactHome) };
        execFile(process.execPath, [program, "verify", "--project", project], options, (error, stdout, stderr) => {
          resolve({ code: error === null ? 0 : Number(error.code ?? 3), output: stdout + stderr });
        });
      }),
    startServices,
    seedDatabase: (project, statements) => seed(dataDir(project), statements),
  };
}

async function seed(dataDir: string, statements: string): Promise<void> {
  const { PGlite } = await import("@electric-sql/pglite").catch((cause: unknown) => {
    const hint = "Run npm install @electric-sql/pglite beside enact-guard, then the demo again.";
    throw new EnactError("NOT_INSTALLED", "The demo needs the embedded PostgreSQL (PGlite)", { hint, cause });
  });
  await mkdir(dirname(dataDir), { recursive: true, mode: 0o700 });
  const database = await PGlite.create({ dataDir });
  try {
    await database.exec(statements);
  } finally {
    await database.close();
  }
}

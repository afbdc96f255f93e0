import { execFile } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";

import { EnactError } from "../../errors.js";
import { answerRequest } from "../../approvals/answering.js";
import type { Inbox } from "../../approvals/inbox.js";
import { makePersonKey } from "../../approvals/person-key.js";
import { openRegistry } from "../../approvals/registry.js";
import { challengeOf, statementOf } from "../../approvals/request.js";
import type { AgentConnection, DemoParts, DemoPerson } from "../demo.js";
import { startServices } from "./services.js";

export interface DemoSurroundings {
  /** The built program, absolute. */
  readonly program: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Where the embedded database of a project keeps its data. */
  readonly dataDir: (project: string) => string;
  readonly openInbox: (enactHome: string) => Inbox;
  readonly connectAgent: (server: {
    readonly command: string;
    readonly args: readonly string[];
    readonly cwd: string;
    readonly env: Readonly<Record<string, string>>;
  }) => Promise<AgentConnection>;
}

/** The real parts of the demo: this very program as a child process, and the embedded database that it will open. */
export function demoParts({ program, env, dataDir, openInbox, connectAgent }: DemoSurroundings): DemoParts {
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
    person: (enactHome) => Promise.resolve(approver(enactHome, openInbox(enactHome))),
    startServices,
    seedDatabase: (project, statements) => seed(dataDir(project), statements),
  };
}

const PERSON = "ann@shop.example";

/**
 * Ann, who approves. Her key is not stored: at a terminal it would lie under her passphrase, which takes half a second to
 * open; the signature is the same.
 */
function approver(enactHome: string, inbox: Inbox): DemoPerson {
  const registry = openRegistry({ enactHome });
  const key = makePersonKey(PERSON);
  registry.add({ id: key.id, email: PERSON, kind: "key", public_key: key.public_key, created_at: new Date().toISOString() }, null);
  return {
    email: PERSON,
    async approve(id) {
      const now = new Date();
      const request = (await inbox.get(id, now))?.request;
      if (request === null || request === undefined) throw new EnactError("NOT_FOUND", "There is no such request");
      const signature = key.sign(challengeOf(statementOf(request, "approve")));
      const answer = { request_id: id, decision: "approve", method: "key", approver_id: key.id, who: PERSON, reason: null, signature } as const;
      await answerRequest({ inbox, registry }, { ...answer, answered_at: now.toISOString() }, now);
    },
    close: () => inbox.close(),
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

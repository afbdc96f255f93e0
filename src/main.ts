#!/usr/bin/env node
import { once } from "node:events";
import { homedir, userInfo } from "node:os";
import { dirname, join, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";

import manifest from "../package.json" with { type: "json" };
import type { AddPasskey } from "./cli/approvers.js";
import type { ExitCode, Io } from "./cli/io.js";
import type { Opened } from "./cli/opened.js";
import type { Commands, ProjectArgs } from "./cli/program.js";
import { runProgram } from "./cli/program.js";
import type { Config } from "./config/config.js";
import { isEnactError } from "./errors.js";
import type { LedgerReader } from "./receipts/ledger.js";

/** Whoever read the output (`head`, a pager) has seen enough. */
const onBrokenPipe = () => process.exit();
process.stdout.on("error", onBrokenPipe);

/** This file, dist/main.js, and the folder of its package. */
const PROGRAM = fileURLToPath(import.meta.url);
const PACKAGE_ROOT = join(dirname(PROGRAM), "..");
/** What browsers get. */
const ASSETS = join(PACKAGE_ROOT, "dist", "web");
/** How clients start this program: by its name where npm installed it, by its path in a checkout. */
const launch = PACKAGE_ROOT.split(sep).includes("node_modules") ? { command: "npx", args: ["-y", "enact-guard"] } : { command: "node", args: [PROGRAM] };

const io: Io = { cwd: process.cwd(), env: process.env, stdout: process.stdout, stderr: process.stderr };

function projectOf(args: ProjectArgs): string {
  return resolve(io.cwd, args.project ?? ".");
}

async function load(project: string, file?: string): Promise<Config> {
  const [{ loadConfig }, { policies }, { tools }] = await Promise.all([
    import("./config/config.js"),
    import("./policies/index.js"),
    import("./tools/index.js"),
  ]);
  return loadConfig({ project, ...(file === undefined ? {} : { file }), env: io.env, tools, policies, packageRoot: PACKAGE_ROOT });
}

async function open(args: ProjectArgs): Promise<Opened> {
  const composing = Promise.all([import("./compose.js"), import("./compose-reach.js")]);
  const config = await load(projectOf(args), args.config === undefined ? undefined : resolve(io.cwd, args.config));
  const [{ compose, enactHomeOf }, { reachPeople }] = await composing;
  const enactHome = enactHomeOf(io.env, homedir());
  const reach = reachPeople({ enactHome, assets: ASSETS, log: (line) => void process.stderr.write(`enact-guard: ${line}\n`) });
  return compose(config, { env: io.env, enactHome, home: homedir(), program: join(PACKAGE_ROOT, "dist"), clock: () => new Date(), reach });
}

/** Needs no configuration: a ledger is proved as it lies there. */
async function openLedger(args: ProjectArgs): Promise<LedgerReader> {
  const [{ openSqliteReader }, { keys, place }] = await Promise.all([import("./stores/sqlite.js"), evidence(args)]);
  return openSqliteReader({ ...place, keys });
}

/** The keys that receipts and checkpoints of a project are checked with. */
async function evidence(args: ProjectArgs) {
  const [{ openKeys }, { openCheckpointKeys }, { approversForProofs }, { enactHomeOf }] = await Promise.all([
    import("./receipts/keys.js"),
    import("./receipts/checkpoint-keys.js"),
    import("./approvals/registry.js"),
    import("./compose.js"),
  ]);
  const { ENACT_SECRET: secret } = io.env;
  const place = { project: projectOf(args), enactHome: enactHomeOf(io.env, homedir()) };
  const keys = openKeys({ ...place, signing: "ed25519", ...(secret === undefined ? {} : { secret }) });
  return { place, keys, enactHome: place.enactHome, checkpointKeys: openCheckpointKeys(place), approvers: approversForProofs(place) };
}

/** What the page on which people approve needs, for a command that serves it. */
async function approvalServer(args: ProjectArgs, { inbox, registry, enactHome, clock }: Pick<Awaited<ReturnType<typeof approvalDeps>>, "inbox" | "registry" | "enactHome" | "clock">) {
  const [{ approvalsPort }, { sealingOf }] = await Promise.all([import("./config/approvals-port.js"), import("./compose-reach.js")]);
  const file = args.config === undefined ? {} : { file: resolve(io.cwd, args.config) };
  return { port: approvalsPort({ project: projectOf(args), ...file }), enactHome, inbox, registry, sealing: sealingOf(enactHome), assets: ASSETS, clock };
}

/** Serves the page on which people approve besides what a command does. That it cannot is worth a line and no failure. */
async function besides(args: ProjectArgs): Promise<{ readonly origin: string; close(): Promise<void> }> {
  const [{ KeptPage }, { approvalsOrigin }, deps] = await Promise.all([import("./web/approvals/keep.js"), import("./web/approvals/start.js"), approvalDeps()]);
  const server = await approvalServer(args, deps);
  const page = new KeptPage(server);
  const origin = approvalsOrigin(server.port);
  try {
    await page.serve();
    process.stderr.write(`enact-guard: what waits for a person is on ${origin}/approvals\n`);
  } catch (error) {
    process.stderr.write(`enact-guard: ${isEnactError(error) ? error.message : "The approval page cannot be shown"}\n`);
  }
  return { origin, close: async () => void (await Promise.all([page.close(), deps.inbox.close()])) };
}

/** The inbox and the approvers of this user, and the terminal at which a person decides. */
async function approvalDeps() {
  const [{ openInbox }, { openRegistry }, { openTerminal }, { enactHomeOf }] = await Promise.all([
    import("./stores/inbox.js"),
    import("./approvals/registry.js"),
    import("./cli/terminal.js"),
    import("./compose.js"),
  ]);
  const enactHome = enactHomeOf(io.env, homedir());
  const inbox = openInbox({ enactHome });
  const using = async (work: () => Promise<ExitCode>): Promise<ExitCode> => {
    try {
      return await work();
    } finally {
      await inbox.close();
    }
  };
  return { inbox, registry: openRegistry({ enactHome }), enactHome, terminal: openTerminal(process.stdin, process.stdout), clock: () => new Date(), using };
}

/** Files that say all there is to say: no ledger is opened. */
async function verifyFiles(args: Parameters<Commands["verify"]>[0]): Promise<ExitCode> {
  const { verifyFilesCommand } = await import("./cli/evidence/verify-files.js");
  return verifyFilesCommand(args, io, await evidence(args));
}

const commands: Commands = {
  async serve(args) {
    const { claimStdout } = await import("./mcp/stdout.js");
    // A server still has to record what it is doing.
    process.stdout.off("error", onBrokenPipe);
    const output = claimStdout(process.stdout, process.stderr);
    const [{ serveCommand }, { serveOnStdio }, { instructionsFor }, { Housekeeping }] = await Promise.all([
      import("./cli/serve.js"),
      import("./mcp/serve.js"),
      import("./mcp/instructions.js"),
      import("./mcp/housekeeping.js"),
    ]);
    return serveCommand(io, () => open(args), ({ guard, config, close }) => {
      const keeper = new Housekeeping();
      return serveOnStdio({
        guard,
        instructions: instructionsFor(guard, config.notices),
        version: manifest.version,
        approvals: config.approvals.page ? `http://localhost:${String(config.approvals.port)}` : null,
        input: process.stdin,
        output,
        signals: process,
        log: (line) => void process.stderr.write(`enact-guard: ${line}\n`),
        answered: () => keeper.answered(),
        close,
      });
    });
  },
  async check(args) {
    const { against } = args;
    if (against !== undefined) {
      const { checkAgainst } = await import("./cli/rejudge/against.js");
      return checkAgainst({ ...args, against }, io, { open: () => open(args), openLedger: () => openLedger(args) });
    }
    const { checkCommand } = await import("./cli/check.js");
    return checkCommand(args, io, () => open(args));
  },
  async receipts(args) {
    const { receiptsCommand } = await import("./cli/receipts.js");
    return receiptsCommand(args, io, { openLedger: () => openLedger(args) });
  },
  async verify(args) {
    if (args.export !== undefined || args.proof !== undefined || args.from !== undefined) return verifyFiles(args);
    const [{ verifyCommand }, { verifyCheckpoint, trustedKeys }, { approvalChecker }, { approversForProofs }] = await Promise.all([
      import("./cli/verify.js"),
      import("./cli/evidence/verify-checkpoint.js"),
      import("./approvals/proof.js"),
      import("./approvals/registry.js"),
    ]);
    const { checkpointKeys, enactHome } = await evidence(args);
    const approvals = () => approvalChecker(approversForProofs({ enactHome }));
    const compare = (file: string, reader: LedgerReader) => verifyCheckpoint(resolve(io.cwd, file), reader, trustedKeys(args.publicKey, io.cwd, checkpointKeys));
    return verifyCommand({ ...args, checkpoints: args.checkpoint ?? [] }, io, { openLedger: () => openLedger(args), compare, approvals, open: () => open(args) });
  },
  async export(args) {
    const { exportCommand } = await import("./cli/export.js");
    const { checkpointKeys: keys, approvers } = await evidence(args);
    return exportCommand(args, io, {
      openLedger: () => openLedger(args),
      keys,
      approvers,
      verifierPage: join(PACKAGE_ROOT, "verifier", "verify.html"),
      program: `enact-guard ${manifest.version}`,
      clock: () => new Date(),
    });
  },
  async checkpoint(args) {
    const { checkpointCommand } = await import("./cli/checkpoint.js");
    const { checkpointKeys: keys } = await evidence(args);
    return checkpointCommand({ ...args, publicKeys: args.publicKey ?? [] }, io, { openLedger: () => openLedger(args), keys });
  },
  async init(args) {
    const [{ initCommand }, { tools }] = await Promise.all([import("./cli/init.js"), import("./tools/index.js")]);
    const project = projectOf(args);
    const file = args.config === undefined ? {} : { file: resolve(io.cwd, args.config) };
    return initCommand(args, io, { project, ...file, tools, launch, load: (draft) => load(project, draft) });
  },
  async demo(args) {
    const [{ demoCommand }, { demoParts }, { embeddedDataDir }, { connectAgent }, { openInbox }] = await Promise.all([
      import("./cli/demo.js"),
      import("./cli/demo/parts.js"),
      import("./compose.js"),
      import("./mcp/client.js"),
      import("./stores/inbox.js"),
    ]);
    return demoCommand(args, io, demoParts({ program: PROGRAM, env: io.env, dataDir: embeddedDataDir, openInbox: (enactHome) => openInbox({ enactHome }), connectAgent }));
  },
  async ui(args) {
    const [{ uiCommand }, { startWebServer }, { receiptPages }, { openBrowser }, { approvalChecker }, { approversForProofs }] = await Promise.all([
      import("./cli/ui.js"),
      import("./web/server.js"),
      import("./web/receipts.js"),
      import("./web/open-browser.js"),
      import("./approvals/proof.js"),
      import("./approvals/registry.js"),
    ]);
    const [{ enactHomeOf }, { wayToApprovals }] = await Promise.all([import("./compose.js"), import("./web/approvals/way-there.js")]);
    const enactHome = enactHomeOf(io.env, homedir());
    // From now on, so that a signal that comes while the server starts is not lost.
    const stopped = Promise.race((["SIGINT", "SIGTERM", "SIGHUP"] as const).map((name) => once(process, name)));
    return uiCommand(args, io, {
      start: async (port, onOpened) => {
        const page = await besides(args);
        const receipts = receiptPages({ project: projectOf(args), openLedger: () => openLedger(args), approvals: () => approvalChecker(approversForProofs({ enactHome })) });
        const server = await startWebServer({ port, assets: ASSETS, modules: [receipts, wayToApprovals(page.origin)], onOpened });
        return { ...server, close: async () => void (await Promise.all([server.close(), page.close()])) };
      },
      openBrowser,
      stopped,
    });
  },
  async approve(args) {
    const [{ approveCommand }, deps] = await Promise.all([import("./cli/approve.js"), approvalDeps()]);
    return deps.using(() => approveCommand(args, io, { ...deps, userName: userInfo().username }));
  },
  async approvals(args) {
    const [{ approvalsCommand }, deps, { realPathOf }] = await Promise.all([import("./cli/approvals.js"), approvalDeps(), import("./receipts/key-files.js")]);
    const { project, ...rest } = args;
    const page = args.watch ? await besides(args) : undefined;
    try {
      return await deps.using(() => approvalsCommand({ ...rest, ...(project === undefined ? {} : { project: realPathOf(projectOf(args)) }) }, io, deps));
    } finally {
      await page?.close();
    }
  },
  async approvers(args) {
    const [{ approversCommand }, deps] = await Promise.all([import("./cli/approvers.js"), approvalDeps()]);
    const addPasskey: AddPasskey = async (email, terminal, confirm) => {
      const { addPasskey: add } = await import("./web/approvals/add-passkey.js");
      return add({ ...(await approvalServer(args, deps)), email, confirm, write: (text) => terminal.write(text) });
    };
    return deps.using(() => approversCommand(args, io, { ...deps, addPasskey }));
  },
  async rollback(args) {
    const [{ rollbackCommand }, { openTerminal }] = await Promise.all([import("./cli/rollback.js"), import("./cli/terminal.js")]);
    return rollbackCommand(args, io, { open: () => open(args), terminal: openTerminal(process.stdin, process.stdout) });
  },
  async doctor(args) {
    const { doctorCommand } = await import("./cli/doctor.js");
    return doctorCommand(args, io, () => open(args));
  },
};

process.exitCode = await runProgram({
  argv: process.argv.slice(2),
  io,
  commands,
  version: manifest.version,
  stdinIsTerminal: process.stdin.isTTY,
});
// Whatever still holds a socket or a timer has had its time; what was written leaves first.
process.stdout.write("", () => process.exit());

import type { ExitCode, Io } from "./io.js";
import { EXIT } from "./io.js";

export interface UiArgs {
  /** Left out: the usual port when it is free, else any. */
  readonly port?: number;
  /** Open the browser of this desktop. Off by default: the link is for whoever reads the terminal. */
  readonly open: boolean;
  readonly json: boolean;
}

/** What main.ts wires in: this room knows neither the server nor the process. */
export interface UiDeps {
  /** `onOpened` is called each time a link was used. @throws EnactError USAGE, NOT_INSTALLED */
  start(port: number | null, onOpened: () => void): Promise<UiServer>;
  /** Shows a link to the desktop's browser without putting it where other users can read it. */
  openBrowser(link: string): Promise<OpenedBrowser>;
  /** Resolves when the person wants to stop: SIGINT, SIGTERM. */
  stopped: Promise<unknown>;
}

export interface UiServer {
  readonly origin: string;
  newLink(): string;
  close(): Promise<void>;
}

export interface OpenedBrowser {
  /** False when this machine has no way to open one. */
  readonly opened: boolean;
  /** Removes what was needed to open it. */
  readonly tidy: () => Promise<void>;
}

/**
 * Serves the receipts browser on loopback until it is stopped. Prints a link that works once, for one browser; when it was
 * used, a new one. With `--json` one line, `{"url": …}`, and nothing more.
 *
 * @returns 0
 * @throws EnactError USAGE when the port is taken
 */
export async function uiCommand(args: UiArgs, io: Pick<Io, "stdout" | "stderr">, deps: UiDeps): Promise<ExitCode> {
  let server: UiServer | undefined;
  let browser: OpenedBrowser | undefined;
  const again = (): void => {
    void browser?.tidy();
    if (!args.json && server !== undefined) io.stdout.write(`Opened. For another browser: ${server.newLink()}\n`);
  };
  server = await deps.start(args.port ?? null, again);
  try {
    const link = server.newLink();
    io.stdout.write(args.json ? `${JSON.stringify({ url: link })}\n` : greeting(link));
    if (args.open) browser = await deps.openBrowser(server.newLink());
    if (browser?.opened === false) io.stderr.write("No browser could be opened on this machine: open the link yourself.\n");
    await deps.stopped;
  } finally {
    await browser?.tidy();
    await server.close();
  }
  return EXIT.done;
}

function greeting(link: string): string {
  return [
    "The receipts of this project, for your browser on this machine:",
    "",
    `  ${link}`,
    "",
    "The link works once. Keep it to yourself: it shows what your agents did. Ctrl+C stops.",
    "",
  ].join("\n");
}

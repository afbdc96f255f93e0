import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

export interface OpenedBrowser {
  readonly opened: boolean;
  readonly tidy: () => Promise<void>;
}

/**
 * Opens a link in the desktop's browser. The link lets in whoever has it, and every user of a machine can read the
 * arguments of every process: so the browser is given a file that only this user can read, which leads on to the link.
 */
export async function openBrowser(link: string): Promise<OpenedBrowser> {
  const folder = await mkdtemp(join(tmpdir(), "enact-ui-"));
  const file = join(folder, "open.html");
  await writeFile(file, `<!doctype html><meta charset="utf-8"><meta name="referrer" content="no-referrer"><meta http-equiv="refresh" content="0;url=${link}">`, { mode: 0o600, flag: "wx" });
  const opened = await started(pathToFileURL(file).href);
  return { opened, tidy: () => rm(folder, { recursive: true, force: true }) };
}

const OPENERS: Readonly<Partial<Record<NodeJS.Platform, readonly [string, ...string[]]>>> = {
  darwin: ["open"],
  // The first quoted argument of start would be a title.
  win32: ["cmd", "/c", "start", '""'],
};

/** How long a program that cannot open anything takes to say so, in milliseconds; others go on in the background. */
const SAYS_SO_WITHIN = 1500;

function started(url: string): Promise<boolean> {
  const [command, ...args] = OPENERS[process.platform] ?? ["xdg-open"];
  return new Promise((resolve) => {
    const child = spawn(command, [...args, url], { stdio: "ignore", detached: true });
    const patience = setTimeout(() => resolve(true), SAYS_SO_WITHIN);
    const end = (opened: boolean) => {
      clearTimeout(patience);
      resolve(opened);
    };
    child.once("error", () => end(false));
    child.once("exit", (code) => end(code === 0));
    child.unref();
  });
}

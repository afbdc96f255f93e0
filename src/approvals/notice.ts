import { execFile } from "node:child_process";

import type { Announcer } from "./open-desk.js";
import { shortId } from "./request.js";

const TITLE = "Enact Guard";

/**
 * A notice on the desktop that somebody is asked. It names the tool and the request and nothing that the agent wrote, so
 * that no call can put words into it; both are of letters, digits and underscores.
 *
 * @param run starts a program with these arguments and no shell, and does not wait for it
 */
export function desktopNotice(platform: string, run = start): Announcer {
  return (request) => {
    const [tool, id] = [request.plan.workflow, shortId(request.id)].map((word) => word.replaceAll(/\W/gu, "")) as [string, string];
    const text = `An agent asks for your approval: ${tool}. enact-guard approve ${id}`;
    if (platform === "darwin") run("osascript", ["-e", `display notification "${text}" with title "${TITLE}"`]);
    else if (platform === "linux") run("notify-send", ["--app-name", TITLE, TITLE, text]);
    // Nothing to tell the agent: whether somebody saw it is not known.
    return Promise.resolve([]);
  };
}

function start(program: string, args: readonly string[]): void {
  const child = execFile(program, [...args], { timeout: 5000 }, () => undefined);
  child.unref();
}

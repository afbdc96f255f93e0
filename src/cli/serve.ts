import { EnactError } from "../errors.js";
import type { ExitCode, Io } from "./io.js";
import { EXIT } from "./io.js";
import type { Opened } from "./opened.js";

/** The MCP door, injected: this room does not know the SDK. Closes what it was given; resolves when the process may exit. */
export type Door = (opened: Opened) => Promise<void>;

/**
 * Serves until the client goes. Before the first answer the guard proves to itself that its policies block; opening and
 * proving write nothing, so that a client may start the server just to look.
 *
 * @throws EnactError CONFIG_INVALID, SELF_TEST_FAILED: nothing is served
 */
export async function serveCommand(io: Io, open: () => Promise<Opened>, door: Door): Promise<ExitCode> {
  const opened = await open();
  const { ok, failures } = opened.guard.selfTest();
  if (!ok) {
    await opened.close();
    throw new EnactError("SELF_TEST_FAILED", ["The policies do not block what they must, so nothing is served:", ...failures.map((line) => `  - ${line}`)].join("\n"), {
      done: "Nothing was started.",
      hint: "Correct the configuration; enact-guard doctor shows the same list.",
    });
  }
  for (const notice of opened.config.notices) io.stderr.write(`enact-guard: ${notice}\n`);
  await door(opened);
  return EXIT.done;
}

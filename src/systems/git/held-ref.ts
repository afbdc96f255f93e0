import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";

import { EnactError } from "../../errors.js";
import { tipOf } from "./refs.js";
import { actingEnv } from "./repository.js";
import type { Repository } from "./repository.js";
import { complaint } from "./words.js";

export interface HeldRef {
  readonly place: string;
  readonly ref: string;
  readonly from: string;
  readonly to: string;
  readonly reason: string;
}

/**
 * Moves a ref in two phases around an action: git locks it and checks its old tip, the action runs, then the ref moves.
 * If the action fails, the ref is let go as it was.
 */
export async function moveHeld(repository: Repository, held: HeldRef, action: () => Promise<void>): Promise<void> {
  const args = ["update-ref", "--stdin", "-z", "--create-reflog", "-m", held.reason];
  const child = spawn("git", args, { cwd: held.place, env: actingEnv(repository), stdio: ["pipe", "pipe", "pipe"], windowsHide: true });
  const talk = new Talk(child);
  try {
    await talk.say(`start\0update ${held.ref}\0${held.to}\0${held.from}\0prepare\0`, "prepare: ok");
  } catch (error) {
    child.kill();
    const now = await tipOf(repository, held.ref.slice("refs/heads/".length)).catch(() => null);
    if (now !== held.from) throw new EnactError("STALE_PLAN", "The branch has moved on since it was judged");
    throw new EnactError("ACTION_FAILED", `The branch cannot be moved: ${complaint(error instanceof Error ? error.message : "")}`);
  }
  try {
    await action();
  } catch (error) {
    await talk.say("abort\0", "abort: ok").catch(() => child.kill());
    throw error;
  }
  await talk.say("commit\0", "commit: ok").catch(() => {
    throw new EnactError("OUTCOME_UNKNOWN", "git ended while it moved the branch", { done: "The files of the work tree were brought up to date; the branch may not have moved." });
  });
  talk.end();
}

/** A conversation with `git update-ref --stdin`. */
class Talk {
  readonly #child: ChildProcess;
  #heard = "";
  #errors = "";

  constructor(child: ChildProcess) {
    this.#child = child;
    child.stdout?.on("data", (chunk: Buffer) => (this.#heard += chunk.toString("utf8")));
    child.stderr?.on("data", (chunk: Buffer) => (this.#errors += chunk.toString("utf8")));
    child.stdin?.on("error", () => undefined);
  }

  /** Says something and waits for the answer. @throws Error with git's complaint when it ends instead */
  say(words: string, answer: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error("git took too long")), 60_000);
      const check = (): void => {
        if (!this.#heard.includes(answer)) return;
        clearTimeout(timer);
        resolve();
      };
      this.#child.stdout?.on("data", check);
      this.#child.once("close", () => {
        clearTimeout(timer);
        check();
        reject(new Error(this.#errors));
      });
      this.#child.once("error", reject);
      this.#child.stdin?.write(words);
    });
  }

  end(): void {
    this.#child.stdin?.end();
  }
}

import { EnactError } from "../../errors.js";

/** The code of a failed system call, such as "ENOENT"; "UNKNOWN" when it has none. */
export function errno(error: unknown): string {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  return typeof code === "string" ? code : "UNKNOWN";
}

/** Runs a system call; what `expected` lists becomes undefined, everything else is thrown on. */
export function unless<Value>(expected: readonly string[], call: () => Value): Value | undefined {
  try {
    return call();
  } catch (error) {
    if (expected.includes(errno(error))) return undefined;
    throw error;
  }
}

export type WalkProblem = "missing" | "not_a_folder" | "loop" | "denied" | "changed" | "too_deep" | "unreadable_name" | "other";

/** Why a path could not be walked. Stays inside this room: the way out is an EnactError. */
export class WalkFailure extends Error {
  readonly problem: WalkProblem;
  /** The absolute path at which it happened. */
  readonly where: string;
  readonly detail: string;

  constructor(problem: WalkProblem, where: string, detail = "") {
    super(`${problem}: ${where}`);
    this.name = "WalkFailure";
    this.problem = problem;
    this.where = where;
    this.detail = detail;
  }
}

/** A system call that failed at `where`, as a reason that a person understands. */
export function walkFailure(error: unknown, where: string): WalkFailure {
  if (error instanceof WalkFailure) return error;
  const code = errno(error);
  if (code === "ENOENT") return new WalkFailure("missing", where);
  if (code === "ENOTDIR") return new WalkFailure("not_a_folder", where);
  if (code === "ELOOP") return new WalkFailure("loop", where);
  if (code === "EACCES" || code === "EPERM") return new WalkFailure("denied", where);
  return new WalkFailure("other", where, code);
}

/** What the system says when something under a path is another thing than a moment ago. */
const MOVED = ["ENOENT", "ENOTDIR", "ELOOP", "EINVAL", "EISDIR", "ESTALE"];

/** True for failures that only mean that somebody else changed something. */
export function isChange(error: unknown): boolean {
  return error instanceof WalkFailure ? error.problem === "changed" : MOVED.includes(errno(error));
}

/** Tidies up as far as it goes: what cannot be tidied must not turn a done action into a failed one. */
export function tidy(call: () => void): void {
  try {
    call();
  } catch {
    // It stays behind under a name that says what it is.
  }
}

const PERMISSION = ["EACCES", "EPERM"];
const SPACE = ["ENOSPC", "EDQUOT"];

/** What a failed action means, as a clause: "permission was denied". */
export function inWords(error: unknown): string {
  const code = errno(error);
  if (PERMISSION.includes(code)) return "permission was denied";
  if (SPACE.includes(code)) return "there is no space left";
  if (code === "EROFS") return "the file system is read-only";
  if (code === "EBUSY") return "it is in use, perhaps as a mount point";
  if (code === "EMFILE" || code === "ENFILE") return "too many files are open";
  return `the system said ${code}`;
}

/** The world is no longer as it was judged, and nothing was done. */
export function stale(path: string, what: string): EnactError {
  const hint = "Look again: call the tool once more, it will judge the file as it is now.";
  return new EnactError("STALE_PLAN", `'${path}' is no longer as it was judged: ${what}`, { hint });
}

/** Why nothing was done, as an error of this project. Only for failures before the first change, or after it was undone. */
export function settled(error: unknown, path: string, doing: string): EnactError {
  if (error instanceof EnactError) return error;
  if (error instanceof WalkFailure || isChange(error)) return stale(path, "something on the way to it was moved or exchanged");
  return failed(path, doing, error);
}

/** The system refused for certain. */
export function failed(path: string, doing: string, error: unknown, done?: string): EnactError {
  const options = done === undefined ? { cause: error } : { cause: error, done };
  return new EnactError("ACTION_FAILED", `'${path}' could not be ${doing}: ${inWords(error)}`, options);
}

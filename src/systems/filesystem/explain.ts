import { EnactError } from "../../errors.js";
import { errno, isChange, WalkFailure } from "./failures.js";
import { isWithin, relativeTo, shown } from "./path.js";
import { protectedName } from "./protected-names.js";

/** The one answer for everything outside, so that asking does not tell what is there. */
export function outside(given: string, root: string): EnactError {
  const hint = `Give a path below the root ${root}. What lies outside is for the person to change.`;
  return new EnactError("REFUSED", `'${shown(given)}' leads outside the root, and file tools work only inside it`, { hint });
}

/** Why a path of a call could not be walked, for a person. `root` is the root's real path. */
export function explainWalk(error: unknown, given: string, root: string): unknown {
  if (error instanceof EnactError || isChange(error)) return error;
  if (!(error instanceof WalkFailure)) return new EnactError("SYSTEM_UNAVAILABLE", `'${shown(given)}' could not be looked at (${errno(error)})`, { cause: error });
  if (!isWithin(error.where, root)) return outside(given, root);
  const where = relativeTo(root, error.where);
  const named = protectedName(where.split("/"));
  if (named !== undefined) {
    return new EnactError("REFUSED", `'${shown(where)}' ${named.protection.why}. File tools keep away from it`, { hint: named.protection.hint });
  }
  return new EnactError(...byProblem(error, shown(where), given));
}

/** Why a folder could not be listed: what vanishes between listing and looking is a change, not a wrong path. */
export function explainListing(error: unknown, given: string, root: string): unknown {
  const isGone = error instanceof WalkFailure && ["missing", "not_a_folder", "loop"].includes(error.problem);
  return isGone ? new WalkFailure("changed", error.where) : explainWalk(error, given, root);
}

type Parts = ConstructorParameters<typeof EnactError>;

function byProblem({ problem, detail }: WalkFailure, where: string, given: string): Parts {
  switch (problem) {
    case "missing":
      return notFound(where, given);
    case "not_a_folder":
      return ["INVALID_INPUT", `'${where}' is a file, and the path goes on below it`, { hint: "Give the path of an existing file." }];
    case "loop":
      return ["INVALID_INPUT", `'${where}' is part of a circle of links`, { hint: "Name the file itself, not a link to it." }];
    case "too_deep":
      return ["INVALID_INPUT", `'${where}' lies too many folders deep`, { hint: "Ask the person to do this." }];
    case "unreadable_name":
      return ["REFUSED", `'${where}' is a link whose target is no valid UTF-8`, { hint: "Name the file itself, not the link." }];
    case "denied":
      return ["SYSTEM_UNAVAILABLE", `'${where}' cannot be looked at: permission was denied`, { hint: "Ask the person for access." }];
    case "changed":
    case "other":
    default:
      return ["SYSTEM_UNAVAILABLE", `'${where}' could not be looked at (${detail || problem})`];
  }
}

function notFound(where: string, given: string): Parts {
  const hint = given.includes("\\") ? "Write paths with '/'." : "Look at the spelling, and at upper and lower case.";
  return ["NOT_FOUND", `'${where}' does not exist`, { hint }];
}

export function missing(path: string, given: string): EnactError {
  return new EnactError(...notFound(shown(path), given));
}

/** The root is a setting of the person; without it no file tool can work. */
export function explainRoot(error: unknown, root: string): unknown {
  if (!(error instanceof WalkFailure) || error.problem === "changed") return error;
  const why = error.problem === "missing" ? "does not exist" : error.problem === "not_a_folder" ? "is not a folder" : "cannot be opened";
  const hint = "Ask the person to look at systems.filesystem.root in enact.yaml.";
  return new EnactError("SYSTEM_UNAVAILABLE", `The root of the file tools, '${root}', ${why}`, { hint });
}

import { textAt, textsAt } from "../json.js";
import { facts, list } from "../show.js";
import type { Draw, Sheet } from "./sheet.js";
import { caution, notices } from "./sheet.js";

/** What a rollback says in `changes`, and what it leaves to a person. */
export const rollbackSheet: Draw = ({ payload, target }, show): Sheet => {
  const left = textsAt(payload, "not_undone");
  const run = textAt(payload, "run_id");
  return {
    title: `Undo ${target}`,
    notices: notices(left.length > 0 && caution("Not everything is undone: the rest is for a person, as listed below.")),
    sections: [
      { title: "What changes", body: list(textsAt(payload, "changes").map((change) => show.line(change))) },
      ...(left.length === 0 ? [] : [{ title: "What stays to be done by hand", body: list(left.map((line) => show.line(line))) }]),
      ...(run === undefined ? [] : [{ title: "Which run", body: facts(["Run", show.code(run)]) }]),
    ],
    // What each tool's undoing is bound to differs: the plan is shown open as well.
    isComplete: false,
  };
};

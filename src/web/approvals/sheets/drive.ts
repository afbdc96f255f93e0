import { at, listAt, numberAt, textAt, textsAt, unknownAt } from "../json.js";
import { bytes, counted, facts, list } from "../show.js";
import { html } from "../html.js";
import type { Draw, Sheet } from "./sheet.js";
import { caution, danger, notices } from "./sheet.js";

export const gdriveDeleteSheet: Draw = ({ payload, step }, show): Sheet => {
  const isForGood = at(step, "permanently") === true;
  const below = numberAt(payload, "descendants") ?? 0;
  const name = textAt(payload, "name") ?? textAt(step, "file_id") ?? "";
  const shares = listAt(payload, "shared_with");
  const more = (numberAt(payload, "shared_with_count") ?? shares.length) - shares.length;
  const unknown = unknownAt(payload, "descendants") ?? unknownAt(payload, "shared_with");
  const people = shares.map((share) => html`${show.line(textAt(share, "who") || "anyone")} <span class="aside">${show.line(`${textAt(share, "type") ?? ""}, ${textAt(share, "role") ?? ""}`)}</span>`);
  return {
    title: isForGood ? `Delete ${name} from Google Drive for good` : `Move ${name} to the trash of Google Drive`,
    notices: notices(
      below > 0 && (isForGood ? danger : caution)(`${counted(below, "file or folder", "files and folders")} below it go with it.`),
      unknown !== undefined && danger(`Not everything is known about it: ${unknown}.`),
      at(payload, "shared_with_anyone") === true && caution("Anyone with the link can see it today."),
    ),
    sections: [
      {
        title: "What",
        body: facts(
          ["Name", show.line(name)],
          ["Id", show.code(textAt(step, "file_id") ?? "")],
          ["Kind", show.code(textAt(payload, "mime_type") ?? "")],
          ["Size", numberAt(payload, "size") !== undefined && bytes(numberAt(payload, "size"))],
          ["Version", show.code(textAt(step, "version") ?? "")],
          ["Owners", textsAt(payload, "owners").length > 0 && list(textsAt(payload, "owners").map((owner) => show.line(owner)))],
          ["Shared with", people.length > 0 && list(more > 0 ? [...people, `and ${counted(more, "more")}`] : people)],
          ["Shared drive", textAt(payload, "drive_id") !== undefined && show.code(textAt(payload, "drive_id") ?? "")],
        ),
      },
    ],
    isComplete: true,
  };
};

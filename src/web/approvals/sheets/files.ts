import type { JsonValue } from "../../../receipts/receipt.js";
import type { Child } from "../html.js";
import { html } from "../html.js";
import { at, listAt, numberAt, textAt, textsAt } from "../json.js";
import type { Shower } from "../show.js";
import { bytes, counted, facts, list } from "../show.js";
import type { Draw, Sheet } from "./sheet.js";
import { caution, notices } from "./sheet.js";

export const fileWriteSheet: Draw = ({ payload, step }, show): Sheet => {
  const exists = at(payload, "exists") === true;
  const folders = textsAt(payload, "creates_folders");
  return {
    title: `${exists ? "Replace" : "Make"} the file ${textAt(payload, "path") ?? ""}`,
    notices: notices(
      exists && caution("What is in the file now is replaced, whole."),
      at(payload, "owner_changes") === true && caution("The file belongs to another user, and will belong to this one."),
    ),
    sections: [
      { title: "New content", body: show.block(textAt(step, "content") ?? "", "New content of the file") },
      { title: "Where", body: [place(payload, show), facts(["New size", bytes(numberAt(payload, "content_size"))], ["Folders made for it", folders.length > 0 && list(folders.map((folder) => show.code(folder)))])] },
    ],
    isComplete: true,
  };
};

export const fileReadSheet: Draw = ({ payload }, show): Sheet => ({
  title: `Read the file ${textAt(payload, "path") ?? ""}`,
  notices: notices(caution("The agent sees what is in it.")),
  sections: [{ title: "Where", body: place(payload, show) }],
  isComplete: true,
});

export const fileDeleteSheet: Draw = ({ payload, step }, show): Sheet => {
  const isFolder = textAt(payload, "kind") === "directory";
  const isLink = textAt(payload, "kind") === "symlink";
  const path = textAt(payload, "path") ?? "";
  const files = numberAt(payload, "file_count") ?? 0;
  const untracked = numberAt(payload, "untracked_count") ?? 0;
  const what = isFolder ? `the folder ${path} with ${counted(files, "file")} in it` : isLink ? `the link ${path}` : `the file ${path}`;
  return {
    title: `Delete ${what}`,
    notices: notices(!isLink && untracked > 0 && caution(`Git could not bring back ${counted(untracked, "file")} of this.`)),
    sections: [{ title: "Where", body: place(payload, show) }, ...(isFolder ? [{ title: "What lies below it", body: below(payload, step, show) }] : [])],
    isComplete: true,
  };
};

function below(payload: JsonValue, step: JsonValue, show: Shower): Child {
  const all = textsAt(step, "paths");
  const entries = all.length > 0 ? all : textsAt(payload, "entries");
  const count = numberAt(step, "entries") ?? entries.length;
  const rest = count - entries.length;
  const digest = textAt(step, "tree_digest");
  return html`${facts(
    ["Files and links", String(numberAt(payload, "file_count") ?? "not known")],
    ["Folders", String(numberAt(payload, "folder_count") ?? "not known")],
    ["Together", bytes(numberAt(payload, "bytes"))],
    ["Bound to", digest !== undefined && html`${show.code(digest)} <span class="aside">changes when anything below does, and then nothing is deleted</span>`],
  )}${list(entries.map((entry) => show.code(entry)))}${rest > 0 && html`<p class="aside">The plan names the first ${entries.length} of ${count} entries, and holds a digest of them all.</p>`}`;
}

function place(payload: JsonValue, show: Shower): Child {
  const links = listAt(payload, "links").map((link) => html`${show.code(textAt(link, "path") ?? "")} leads to ${show.code(textAt(link, "target") ?? "")}`);
  const link = textAt(payload, "link_target", "target");
  const tracked = at(payload, "tracked_by_git");
  return facts(
    ["Path", show.code(textAt(payload, "path") ?? "")],
    ["Really at", show.code(textAt(payload, "real_path") ?? "")],
    ["Through links", links.length > 0 && list(links)],
    ["The link leads to", link !== undefined && html`${show.code(link)} <span class="aside">which stays</span>`],
    ["Size now", numberAt(payload, "size") !== undefined && bytes(numberAt(payload, "size"))],
    ["In git", tracked === true ? "yes" : tracked === false ? "no" : false],
  );
}

import type { JsonValue } from "../../../receipts/receipt.js";
import type { Child } from "../html.js";
import { html } from "../html.js";
import { at, listAt, numberAt, textAt, textsAt, unknownAt } from "../json.js";
import type { Notice, Section, Shower } from "../show.js";
import { counted, facts, list, table } from "../show.js";
import type { Draw, Sheet } from "./sheet.js";
import { caution, danger, notices } from "./sheet.js";

export const gitPushSheet: Draw = ({ payload, step }, show): Sheet => {
  const push = at(step, "push") ?? null;
  const lost = numberAt(payload, "lost_commit_count") ?? 0;
  return {
    title: `Push ${textAt(push, "branch") ?? ""} to ${textAt(push, "remote") ?? ""}`,
    notices: notices(
      lost > 0 && danger(`${counted(lost, "commit")} would be lost at the remote.`),
      unknownAt(payload, "lost_commit_count") !== undefined && danger("Nobody knows which commits would be lost at the remote."),
      isProtected(payload, textAt(push, "branch")) && caution("This branch is a protected one: main, master or the remote's default."),
      secretNotice(payload),
    ),
    sections: [
      { title: "Where", body: destinations(push, show) },
      { title: "Commits", body: commits(payload, "commits", "commit_count", show) },
      ...lostSection(payload, show),
    ],
    isComplete: true,
  };
};

export const gitCommitSheet: Draw = ({ payload, step }, show): Sheet => {
  const commit = at(step, "commit") ?? null;
  const files = listAt(payload, "files");
  const total = numberAt(payload, "file_count") ?? files.length;
  const more = total - files.length;
  const rows = files.map((file) => [show.code(textAt(file, "path") ?? ""), textAt(file, "status") ?? ""]);
  return {
    title: `Commit ${counted(total, "file")} on ${textAt(commit, "branch") ?? "a detached HEAD"}`,
    notices: notices(secretNotice(payload)),
    sections: [
      { title: "Message", body: show.block(textAt(commit, "message") ?? "", "Message of the commit") },
      { title: "Files", body: [table(counted(total, "file"), [{ name: "Path" }, { name: "Change" }], rows), more > 0 && html`<p class="aside">and ${counted(more, "more file")}; all of them are bound by the tree below</p>`] },
      { title: "Where", body: facts(["Repository", show.code(textAt(commit, "repo") ?? "")], ["Branch", show.code(textAt(commit, "branch") ?? "detached HEAD")], ["After", show.code(textAt(commit, "parent") ?? "nothing: the first commit")], ["Tree", show.code(textAt(commit, "tree") ?? "")], ["Author", show.line(textAt(payload, "author") ?? "")], ["Paths given", list(textsAt(commit, "paths").map((path) => show.code(path)))]) },
    ],
    isComplete: true,
  };
};

export const gitMergeSheet: Draw = ({ payload, step }, show): Sheet => ({
  title: `Merge ${textAt(step, "head") ?? ""} into ${textAt(step, "base") ?? ""}`,
  notices: notices(isProtected(payload, textAt(step, "base")) && caution("The branch that moves is a protected one.")),
  sections: [
    { title: "Where", body: facts(["Repository", show.code(textAt(step, "repo") ?? "")], ["Moves", show.code(textAt(step, "base") ?? "")], ["From", show.code(textAt(step, "base_sha") ?? "")], ["Brings in", show.code(textAt(step, "head") ?? "")], ["At", show.code(textAt(step, "head_sha") ?? "")], ["How", textAt(step, "update") ?? ""], ["Resulting tree", textAt(step, "tree") !== undefined && show.code(textAt(step, "tree") ?? "")], ["Files changed", String(numberAt(payload, "file_count") ?? "not known")]) },
    { title: "Commits", body: commits(payload, "commits", "commit_count", show) },
  ],
  isComplete: true,
});

export const gitDeleteBranchSheet: Draw = ({ payload, step }, show): Sheet => {
  const remote = textAt(payload, "remote");
  const lost = numberAt(payload, "lost_commit_count") ?? 0;
  const branch = textAt(payload, "branch") ?? "";
  return {
    title: `Delete the branch ${branch}${remote === undefined ? "" : ` at ${remote}`}`,
    notices: notices(lost > 0 && danger(`${counted(lost, "commit")} would be on no branch any more.`), at(payload, "protected") === true && danger("This branch is a protected one: main, master or the remote's default.")),
    sections: [
      { title: "Where", body: textAt(step, "where") === "remote" ? destinations(at(step, "push") ?? null, show) : facts(["Repository", show.code(textAt(step, "local", "repo") ?? "")], ["Branch", show.code(textAt(step, "local", "branch") ?? "")], ["At", show.code(textAt(step, "local", "tip") ?? "")]) },
      ...lostSection(payload, show),
    ],
    isComplete: true,
  };
};

function isProtected(payload: JsonValue, branch: string | undefined): boolean {
  return branch !== undefined && textsAt(payload, "protected_branches").includes(branch);
}

function secretNotice(payload: JsonValue): Notice | false {
  const secrets = listAt(payload, "secrets").map((secret) => textAt(secret, "where") ?? "");
  return secrets.length > 0 && danger(`Something looks like a password or a key: ${secrets.join(", ")}.`);
}

function destinations(push: JsonValue, show: Shower): Child {
  const rows = listAt(push, "destinations").map((destination) => [
    show.code(textAt(destination, "url") ?? ""),
    show.code(textAt(destination, "old") ?? "not there yet"),
    at(destination, "moves") === false ? "stays as it is" : show.code(textAt(push, "sha") ?? "deleted"),
  ]);
  return html`${facts(["Repository", show.code(textAt(push, "repo") ?? "")], ["Branch there", show.code(`refs/heads/${textAt(push, "branch") ?? ""}`)], ["From the local branch", show.code(textAt(push, "source") ?? "")])}${table(counted(rows.length, "address", "addresses"), [{ name: "Address" }, { name: "Now at" }, { name: "Then at" }], rows)}`;
}

function commits(payload: JsonValue, key: string, countKey: string, show: Shower): Child {
  const found = listAt(payload, key);
  const total = numberAt(payload, countKey);
  const why = unknownAt(payload, countKey);
  if (why !== undefined) return html`<p class="unknown">not known: ${show.line(why)}</p>`;
  const rows = found.map((commit) => [show.code((textAt(commit, "sha") ?? "").slice(0, 12)), show.line(textAt(commit, "subject") ?? ""), String(numberAt(commit, "file_count") ?? "")]);
  const hasCounts = found.some((commit) => numberAt(commit, "file_count") !== undefined);
  const columns = [{ name: "Commit" }, { name: "Subject" }, ...(hasCounts ? [{ name: "Files", isNumber: true }] : [])];
  const more = (total ?? found.length) - found.length;
  return html`${table(counted(total ?? found.length, "commit"), columns, rows.map((row) => row.slice(0, columns.length)))}${more > 0 && html`<p class="aside">and ${counted(more, "more commit")}, all reached from the tip above</p>`}`;
}

function lostSection(payload: JsonValue, show: Shower): readonly Section[] {
  const isNone = numberAt(payload, "lost_commit_count") === 0;
  return isNone ? [] : [{ title: "Commits that would be lost", body: commits(payload, "lost_commits", "lost_commit_count", show) }];
}

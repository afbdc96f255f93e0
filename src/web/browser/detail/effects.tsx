import type { ComponentChildren } from "preact";

import { bytes, count, counted } from "../format.js";
import { Text } from "../text.js";
import type { Fields } from "./fields.js";
import { fields, number, objects, text, texts } from "./fields.js";
import { FileDiff, Sha } from "./diff.js";
import { SqlEffects } from "./sql.js";

export interface EffectProps {
  readonly payload: Fields;
  readonly decision: string;
  /** False while nothing is known of what came of it. */
  readonly isFinal: boolean;
}

/** What a call would change, or changed, as far as the receipt holds it. */
export function Effects({ tool, ...props }: EffectProps & { readonly tool: string }) {
  const Effect = Object.hasOwn(EFFECTS, tool) ? EFFECTS[tool] : undefined;
  if (Effect === undefined) return null;
  return (
    <section class="section">
      <h3>{titleOf(props)}</h3>
      <Effect {...props} />
    </section>
  );
}

function titleOf({ decision, isFinal }: EffectProps): string {
  if (decision === "BLOCK") return "What it would have done";
  return isFinal ? "What it did" : "What it set out to do";
}

const EFFECTS: Readonly<Record<string, (props: EffectProps) => ComponentChildren>> = {
  sql_query: SqlEffects,
  file_write: FileDiff,
  file_delete: FileDelete,
  git_push: GitPush,
  git_merge: GitMerge,
  git_commit: GitCommit,
  git_delete_branch: GitDeleteBranch,
  s3_delete: S3Delete,
  email_send: EmailSend,
  enact_rollback: Rollback,
};

function FileDelete({ payload }: EffectProps) {
  const files = number(payload["file_count"]) ?? 0;
  const folders = number(payload["folder_count"]) ?? 0;
  return (
    <>
      <p class="change is-minus">
        <strong><Text value={text(payload["path"])} /></strong> {counted(files, "file")}{folders === 0 ? "" : ` in ${counted(folders, "folder")}`}, {bytes(number(payload["bytes"]) ?? 0)}
      </p>
      <Lines lines={texts(payload["entries"])} of={files} sign="minus" />
    </>
  );
}

/** The first of a longer list, each with a sign in front. */
export function Lines({ lines, of = lines.length, sign }: { readonly lines: readonly string[]; readonly of?: number; readonly sign: "plus" | "minus" | "none" }) {
  if (lines.length === 0) return null;
  return (
    <ul class="lines">
      {lines.map((line, index) => <li key={index} class={`line is-${sign}`}><Text value={line} /></li>)}
      {of > lines.length ? <li class="line is-more">and {count(of - lines.length)} more</li> : null}
    </ul>
  );
}

function Move({ from, to, name }: { readonly from: unknown; readonly to: unknown; readonly name: string }) {
  return (
    <p class="move">
      <strong><Text value={name} /></strong> {text(from) === "" ? <span class="tag">new</span> : <Sha value={text(from)} />} <span aria-label="to">→</span> {text(to) === "" ? <span class="tag is-minus">gone</span> : <Sha value={text(to)} />}
    </p>
  );
}

function commitLines(value: unknown): readonly string[] {
  return objects(value).map((commit) => {
    const files = number(commit["file_count"]);
    return `${text(commit["sha"]).slice(0, 9)}  ${text(commit["subject"])}${files === null ? "" : `  (${counted(files, "file")})`}`;
  });
}

function Commits({ payload }: { readonly payload: Fields }) {
  const lost = commitLines(payload["lost_commits"]);
  return (
    <>
      <Lines lines={commitLines(payload["commits"])} of={number(payload["commit_count"]) ?? 0} sign="plus" />
      {lost.length === 0 ? null : <p class="hint">Commits that leave the branch:</p>}
      <Lines lines={lost} of={number(payload["lost_commit_count"]) ?? 0} sign="minus" />
    </>
  );
}

function GitPush({ payload }: EffectProps) {
  return (
    <>
      <Move name={`${text(payload["branch"])} of ${text(payload["remote"])}`} from={payload["old_sha"]} to={payload["new_sha"]} />
      <p class="hint"><Text value={text(payload["update"]).replaceAll("_", " ")} /></p>
      <Commits payload={payload} />
    </>
  );
}

function GitMerge({ payload }: EffectProps) {
  return (
    <>
      <Move name={text(payload["base"])} from={payload["base_sha"]} to={payload["head_sha"]} />
      <p class="hint"><Text value={`${text(payload["update"]).replaceAll("_", " ")} of ${text(payload["head"])}`} />, {counted(number(payload["file_count"]) ?? 0, "file")} change</p>
      <Commits payload={payload} />
    </>
  );
}

const SIGNS: Readonly<Record<string, string>> = { added: "+ ", deleted: "− ", changed: "~ " };

function GitCommit({ payload }: EffectProps) {
  const files = objects(payload["files"]).map((file) => `${SIGNS[text(file["status"])] ?? ""}${text(file["path"])}`);
  return (
    <>
      <pre class="quote"><Text value={text(payload["message"])} lines /></pre>
      <Lines lines={files} of={number(payload["file_count"]) ?? 0} sign="none" />
    </>
  );
}

function GitDeleteBranch({ payload }: EffectProps) {
  const where = text(payload["remote"]) === "" ? "" : ` of ${text(payload["remote"])}`;
  return (
    <>
      <Move name={`${text(payload["branch"])}${where}`} from={payload["tip"]} to="" />
      <Commits payload={payload} />
    </>
  );
}

function S3Delete({ payload }: EffectProps) {
  const all = objects(payload["objects"]);
  const lines = all.slice(0, 50).map((object) => `${text(object["key"])}  ${bytes(number(object["size"]) ?? 0)}  ${text(object["effect"])}`);
  return (
    <>
      <p class="change is-minus"><strong><Text value={text(payload["path"])} /></strong> {counted(number(payload["object_count"]) ?? all.length, "object")}, {bytes(number(payload["total_bytes"]) ?? 0)}</p>
      <Lines lines={lines} of={all.length} sign="minus" />
    </>
  );
}

function Rollback({ payload }: EffectProps) {
  const left = texts(payload["not_undone"]);
  return (
    <>
      <p class="hint">Of run <code><Text value={text(payload["run_id"])} /></code> (<Text value={text(payload["undone_workflow"])} />):</p>
      <Lines lines={texts(payload["changes"])} sign="none" />
      {left.length === 0 ? null : <p class="hint">Left for a person to do:</p>}
      <Lines lines={left} sign="minus" />
    </>
  );
}

function EmailSend({ payload }: EffectProps) {
  const recipients = texts(payload["recipients"]);
  const server = fields(payload["server"]);
  return (
    <>
      <p class="change is-plus"><strong><Text value={text(payload["subject"])} /></strong> {counted(number(payload["recipient_count"]) ?? recipients.length, "recipient")}{text(server["host"]) === "" ? "" : <> by <Text value={text(server["host"])} /></>}</p>
      <Lines lines={recipients.slice(0, 20)} of={recipients.length} sign="none" />
    </>
  );
}

import { bytes } from "../format.js";
import { Text, plain } from "../text.js";
import type { EffectProps } from "./effects.js";
import { number, text, texts, whyUnknown } from "./fields.js";

/** The beginning of a digest; all of it for whoever points at it or copies it. */
export function Sha({ value }: { readonly value: string }) {
  const short = value.replace(/^sha256:/u, "").slice(0, 10);
  return <code class="sha" title={plain(value)}><Text value={short} /></code>;
}

/** A written file: contents are not in receipts, so what is compared is size and digest. */
export function FileDiff({ payload }: EffectProps) {
  const [before, after] = [number(payload["size"]), number(payload["content_size"])];
  const isNew = payload["exists"] === false;
  const previous = payload["previous_sha256"];
  const folders = texts(payload["creates_folders"]);
  return (
    <>
      <p class="move"><strong><Text value={text(payload["path"])} /></strong>{isNew ? <span class="tag is-plus">new file</span> : null}</p>
      <table class="diff">
        <thead><tr><th scope="col"><span class="visually-hidden">Side</span></th><th scope="col">Size</th><th scope="col">SHA-256</th></tr></thead>
        <tbody>
          {isNew ? null : <Side name="before" size={before} sha={text(previous)} why={whyUnknown(previous)} />}
          <Side name="after" size={after} sha={text(payload["content_sha256"])} why={null} />
        </tbody>
      </table>
      {isNew || before === null || after === null ? null : <p class="hint">{change(after - before)}{text(previous) !== "" && text(previous) === text(payload["content_sha256"]) ? "; the content is the same" : ""}</p>}
      {folders.length === 0 ? null : <p class="hint">New folders: <Text value={folders.join(", ")} /></p>}
    </>
  );
}

function change(difference: number): string {
  if (difference === 0) return "Same size";
  return difference > 0 ? `${bytes(difference)} more` : `${bytes(-difference)} less`;
}

function Side({ name, size, sha, why }: { readonly name: "before" | "after"; readonly size: number | null; readonly sha: string; readonly why: string | null }) {
  return (
    <tr class={name === "before" ? "is-minus" : "is-plus"}>
      <th scope="row">{name}</th>
      <td>{size === null ? "none" : bytes(size)}</td>
      <td>{why === null ? <Sha value={sha} /> : <span class="fact-unknown">unknown: <Text value={why} /></span>}</td>
    </tr>
  );
}

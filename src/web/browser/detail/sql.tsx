import { count, counted } from "../format.js";
import { Text } from "../text.js";
import type { EffectProps } from "./effects.js";
import { Lines } from "./effects.js";
import type { Fields } from "./fields.js";
import { number, objects, text, texts, whyUnknown } from "./fields.js";

/** A statement, and what PostgreSQL counted while it ran. */
export function SqlEffects({ payload, decision }: EffectProps) {
  const { effects } = payload;
  const why = whyUnknown(effects);
  const counts = objects(payload["counts"]);
  return (
    <>
      <pre class="code" tabIndex={0}><Text value={text(payload["sql"])} lines /></pre>
      {(number(payload["param_count"]) ?? 0) > 0 ? <p class="hint">{counted(number(payload["param_count"]) ?? 0, "parameter")}; their values are not in receipts.</p> : null}
      {why === null ? <p class="hint">{measuredText(text(effects), decision)}</p> : <p class="hint fact-unknown">Effects unknown: <Text value={why} /></p>}
      {counts.length === 0 ? null : <Counts counts={counts} />}
      <Lines lines={texts(payload["deletes"])} sign="minus" />
      <Lines lines={texts(payload["ddl"])} sign="minus" />
      <Lines lines={texts(payload["cascades"])} sign="none" />
    </>
  );
}

function measuredText(effects: string, decision: string): string {
  if (effects !== "measured") return decision === "BLOCK" ? "Judged by its text and the catalogue; nothing was run." : "As the text and the catalogue say.";
  return decision === "BLOCK" ? "Run, counted by PostgreSQL, and rolled back: nothing of it is left." : "Counted by PostgreSQL before the commit, triggers and cascades included.";
}

function Counts({ counts }: { readonly counts: readonly Fields[] }) {
  return (
    <table class="diff counts">
      <thead><tr><th scope="col">Table</th><th scope="col">Inserted</th><th scope="col">Updated</th><th scope="col">Deleted</th><th scope="col">Read</th></tr></thead>
      <tbody>
        {counts.map((row, index) => (
          <tr key={index}>
            <th scope="row"><Text value={text(row["table"])} /></th>
            <Rows value={row["inserted"]} sign="+" style="is-plus" />
            <Rows value={row["updated"]} sign="~" style="is-changed" />
            <Rows value={row["deleted"]} sign="−" style="is-minus" />
            <td>{row["read"] === true ? "yes" : ""}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Rows({ value, sign, style }: { readonly value: unknown; readonly sign: string; readonly style: string }) {
  const rows = number(value) ?? 0;
  return rows === 0 ? <td class="is-zero">0</td> : <td class={style}>{`${sign}${count(rows)}`}</td>;
}

import { useEffect, useRef } from "preact/hooks";

import type { ReceiptDetail, RunDetail, RunRow } from "../../receipts/wire.js";
import { count, stateName, took, whenExactly } from "../format.js";
import { Icon, StateIcon } from "../icons.js";
import type { State, Store } from "../store.js";
import { Text } from "../text.js";
import { Actions } from "./actions.js";
import { Approval } from "./approval.js";
import { Effects } from "./effects.js";
import { Facts } from "./facts.js";
import type { Fields } from "./fields.js";
import { fields, text, texts } from "./fields.js";
import { Policies } from "./policies.js";
import { Proof } from "./proof.js";

interface Props {
  readonly state: State;
  readonly store: Store;
}

/** One call in full, beside the list or over it. */
export function Detail({ state, store, isOver }: Props & { readonly isOver: boolean }) {
  const pane = useRef<HTMLElement>(null);
  const { open } = state;
  const detail = open?.detail ?? null;
  useEffect(() => {
    if (pane.current !== null) pane.current.scrollTop = 0;
  }, [open?.sequence]);
  useEffect(() => {
    if (isOver) pane.current?.focus();
  }, [isOver]);
  const close = (): void => {
    store.close();
    // Not before the list can be reached again.
    requestAnimationFrame(() => document.querySelector<HTMLElement>("#runs")?.focus());
  };
  return (
    <article ref={pane} class="detail" aria-label="The call in full" tabIndex={-1} aria-busy={detail === null && open?.error === null}>
      <div class="detail-bar">
        <span class="detail-place">{detail === null ? "" : `Receipt ${detail.receipts.map(({ sequence }) => String(sequence)).join(", ")}`}</span>
        <button type="button" class="button is-round" onClick={close} aria-label="Close" title="Close (Esc)"><Icon name="close" /></button>
      </div>
      {open?.error === null || open === null ? null : <p class="detail-error" role="alert"><Text value={open.error.message} />. {open.error.hint}</p>}
      {detail === null ? null : <Whole detail={detail} state={state} store={store} />}
    </article>
  );
}

function Whole({ detail, state, store }: Props & { readonly detail: RunDetail }) {
  const { row, receipts } = detail;
  const genuine = receipts.filter(({ entry }) => entry !== null);
  const final = genuine.at(-1);
  const approvals = genuine.map(({ entry }) => fields(entry?.["approval"]));
  // The decision holds the proof, the outcome says that it was used.
  const approval = approvals.find(({ state: standing }) => standing === "granted") ?? approvals.at(-1);
  const entry: Fields = { ...fields(final?.entry), approval };
  return (
    <>
      {row.problem === null ? <Head row={row} now={state.now} reversal={fields(fields(entry["payload"])["reversal"])} /> : <Wrong row={row} problem={row.problem} receipts={receipts} />}
      {row.problem === null || final === undefined ? null : <p class="section hint">Below: what receipt {count(final.sequence)} says. Its own signature is right; it lies behind the broken place, so the chain does not prove it.</p>}
      {final === undefined ? null : <Content entry={entry} isFinal={receipts.length > 1 || row.state === "BLOCK"} />}
      <Proof detail={detail} status={state.status} store={store} />
    </>
  );
}

function Head({ row, now, reversal }: { readonly row: RunRow; readonly now: number; readonly reversal: Fields }) {
  const meta: readonly (readonly [string, string])[] = [
    ["When", whenExactly(row.at)], ["Took", took(row.took)], ["Person", row.person], ["Role", row.role], ["Run", row.run_id],
  ];
  return (
    <header class="detail-head">
      <p class={`verdict state-${row.state}`}><StateIcon state={row.state} />{stateName(row.state, row.at, now)}<span class="verdict-tool"><Text value={row.tool} /></span></p>
      <h2><Text value={row.target === "" ? row.tool : row.target} /></h2>
      <dl class="meta">
        {meta.filter(([, value]) => value !== "").map(([name, value]) => <div key={name}><dt>{name}</dt><dd><Text value={value} /></dd></div>)}
      </dl>
      {row.state === "PASS" || row.state === "PARTIAL" ? <Reversal reversal={reversal} runId={row.run_id} /> : null}
      {row.state === "OPEN" ? <p class="hint">Allowed, and no outcome is recorded: it is running, or was interrupted. Look at the system to see whether it was done.</p> : null}
    </header>
  );
}

/** What was said before the call ran. */
function Reversal({ reversal, runId }: { readonly reversal: Fields; readonly runId: string }) {
  const how = text(reversal["how"]);
  if (typeof reversal["possible"] !== "boolean") return null;
  if (!reversal["possible"]) return <p class="hint">Cannot be undone{how === "" ? "" : ": "}<Text value={how} /></p>;
  return <p class="hint">Can be undone{how === "" ? "" : ": "}<Text value={how} />. <code><Text value={`enact-guard rollback ${runId.slice(0, 8)}`} /></code></p>;
}

/** What lies there is quoted, and never shown as if it had happened. */
function Wrong({ row, problem, receipts }: { readonly row: RunRow; readonly problem: string; readonly receipts: readonly ReceiptDetail[] }) {
  return (
    <section class="section wrong" role="alert">
      <p class={`verdict state-${row.state}`}><StateIcon state={row.state} />{stateName(row.state)}</p>
      <h2><Text value={problem} /></h2>
      <p>This is not what the guard wrote: do not rely on what it says. In a terminal, <code>enact-guard verify</code> tells what was done to the ledger.</p>
      {receipts.filter(({ raw }) => raw !== null).map(({ sequence, raw }) => (
        <details key={sequence}>
          <summary>What lies in place {String(sequence)}, unproved</summary>
          <pre class="raw" tabIndex={0}><Text value={raw ?? ""} /></pre>
        </details>
      ))}
    </section>
  );
}

function Content({ entry, isFinal }: { readonly entry: Fields; readonly isFinal: boolean }) {
  const redacted = texts(entry["redacted"]);
  return (
    <>
      <Policies results={entry["policy_results"]} />
      <Effects tool={text(entry["workflow"])} payload={fields(entry["payload"])} decision={text(entry["decision"])} isFinal={isFinal} />
      <Actions actions={entry["actions_taken"]} />
      <Approval approval={entry["approval"]} />
      <section class="section">
        <h3>Facts</h3>
        <p class="hint">What the guard found out itself, before and after. File contents, row values and mail bodies are not in receipts.</p>
        <Facts value={entry["payload"]} />
      </section>
      {redacted.length === 0 ? null : (
        <section class="section">
          <h3>Redacted</h3>
          <p class="hint">Secrets were taken out of these places before signing.</p>
          <ul class="plain-list">{redacted.map((pointer) => <li key={pointer}><code><Text value={pointer} /></code></li>)}</ul>
        </section>
      )}
    </>
  );
}

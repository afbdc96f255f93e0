import type { LedgerStatus, ReceiptDetail, RunDetail } from "../../receipts/wire.js";
import { bytes, count } from "../format.js";
import { Icon } from "../icons.js";
import type { Store } from "../store.js";
import { Text } from "../text.js";
import { fields, text } from "./fields.js";

interface Props {
  readonly detail: RunDetail;
  readonly status: LedgerStatus | null;
  readonly store: Store;
}

/** Signature and place in the chain of each receipt of the call, checked on the server a moment ago. */
export function Proof({ detail, status, store }: Props) {
  return (
    <section class="section">
      <h3>Proof</h3>
      {detail.receipts.map((receipt) => <Receipt key={receipt.sequence} receipt={receipt} detail={detail} status={status} store={store} />)}
    </section>
  );
}

function Receipt({ receipt, detail, status, store }: Props & { readonly receipt: ReceiptDetail }) {
  const { sequence, entry, signature, hash, previous, next } = receipt;
  const phase = text(fields(entry)["phase"]);
  return (
    <div class="receipt">
      <h4>Receipt {count(sequence)} of {count(status?.newest ?? sequence)}{phase === "" ? "" : <span class="tag"><Text value={phase} /></span>}</h4>
      <dl class="evidence">
        <Line name="Signature"><Signature receipt={receipt} location={detail.key_location} /></Line>
        <Line name="Chain"><Chain receipt={receipt} status={status} /></Line>
        <Line name="Hash"><code class="digest"><Text value={hash} /></code></Line>
        <Line name="Signed with"><Text value={signature.key_id} /></Line>
        {["plan_digest", "config_digest"].map((name) => text(fields(entry)[name]) === "" ? null : <Line key={name} name={name === "plan_digest" ? "Plan" : "Configuration"}><code class="digest"><Text value={text(fields(entry)[name])} /></code></Line>)}
      </dl>
      <nav class="neighbours" aria-label={`Around receipt ${String(sequence)}`}>
        {previous === null ? <span class="neighbour">first receipt</span> : <Neighbour sequence={previous.sequence} fits={previous.fits} isThere={previous.hash !== null} store={store} direction="before" />}
        {next === null ? <span class="neighbour">newest receipt</span> : <Neighbour sequence={next.sequence} fits={next.fits} isThere store={store} direction="after" />}
      </nav>
      <details>
        <summary>The receipt as it was signed, {bytes(receipt.bytes)}</summary>
        {entry === null ? <p class="hint">It is not what was signed.</p> : <pre class="raw" tabIndex={0}><Text value={JSON.stringify(entry, null, 2)} lines /></pre>}
      </details>
    </div>
  );
}

function Line({ name, children }: { readonly name: string; readonly children: preact.ComponentChildren }) {
  return <div><dt>{name}</dt><dd>{children}</dd></div>;
}

function Signature({ receipt, location }: { readonly receipt: ReceiptDetail; readonly location: string }) {
  const { state, algorithm } = receipt.signature;
  if (state === "valid") return <span class="is-good"><Icon name="key" /> Valid <span class="hint"><Text value={algorithm} /></span></span>;
  if (state === "unknown_key") return <span class="is-bad">Cannot be checked: the key is not in <Text value={location} /></span>;
  return <span class="is-bad"><Text value={receipt.problem ?? "It does not fit the content"} /></span>;
}

function Chain({ receipt, status }: { readonly receipt: ReceiptDetail; readonly status: LedgerStatus | null }) {
  const { previous, sequence } = receipt;
  const proof = status?.proof;
  if (previous !== null && !previous.fits) return <span class="is-bad">Does not follow receipt {count(previous.sequence)}{previous.hash === null ? ", which is missing" : ""}</span>;
  if (proof === undefined || sequence <= proof.proved_to) return <span class="is-good"><Icon name="link" /> Proved from the first receipt to this one</span>;
  if (proof.state === "wrong") return <span class="is-bad">Fits its neighbour, but lies behind receipt {count(proof.problem?.sequence ?? 0)}, where the chain is broken: unproved</span>;
  return <span class="hint">Not checked yet</span>;
}

function Neighbour({ sequence, fits, isThere, store, direction }: { readonly sequence: number; readonly fits: boolean; readonly isThere: boolean; readonly store: Store; readonly direction: "before" | "after" }) {
  const arrow = direction === "before" ? "←" : "→";
  const name = `${direction === "before" ? `${arrow} ` : ""}${count(sequence)}${direction === "after" ? ` ${arrow}` : ""}`;
  if (!isThere) return <span class="neighbour is-bad">{name} missing</span>;
  return <button type="button" class={fits ? "neighbour" : "neighbour is-bad"} onClick={() => store.open(sequence)} aria-label={`Receipt ${direction}: ${count(sequence)}`}>{name}{fits ? "" : " ✗"}</button>;
}


import type { LedgerStatus } from "../receipts/wire.js";
import { count, counted, whenExactly } from "./format.js";
import { Icon } from "./icons.js";
import type { State } from "./store.js";
import { Text } from "./text.js";

export function Header({ state, onHelp }: { readonly state: State; readonly onHelp: () => void }) {
  const { status, problem } = state;
  return (
    <header class="header">
      <h1 class="brand">
        <Icon name="shield" />
        <span class="brand-name">Enact Guard</span>
        <span class="brand-project" title={status?.location ?? ""}><Text value={status?.project ?? ""} /></span>
      </h1>
      <ProofBadge status={status} />
      <span class={problem === null ? "live" : "live is-off"} title="New calls appear by themselves">{problem === null ? "Live" : "Not connected"}</span>
      <a class="link" href="/approvals" title="What waits for a person">Approvals</a>
      <button type="button" class="button is-round" onClick={onHelp} aria-label="Keys and help" title="Keys and help (?)">?</button>
    </header>
  );
}

/** Whether the ledger as a whole is what the guards wrote. */
function ProofBadge({ status }: { readonly status: LedgerStatus | null }) {
  if (status === null) return <div class="proof is-checking">Reading…</div>;
  const { state, problem } = status.proof;
  const text = proofText(status);
  return (
    <div class={`proof is-${state}`} role={problem === null ? "status" : "alert"} title={proofTitle(status)}>
      <span class="proof-dot" aria-hidden="true" />
      <span class="proof-text"><Text value={text} /></span>
    </div>
  );
}

function proofText({ proof, exists, entries }: LedgerStatus): string {
  if (proof.problem !== null) {
    const more = proof.problems > 1 ? ` (and ${counted(proof.problems - 1, "more place", "more places")})` : "";
    return `${proof.problem.message}${more}`;
  }
  if (proof.state === "checking") return `Checking ${count(proof.checked)} of ${counted(entries, "receipt")}`;
  if (proof.state === "empty") return exists ? "No receipts yet" : "No ledger yet";
  return `${counted(proof.checked, "receipt")} verified`;
}

function proofTitle({ proof, location, keys, losses }: LedgerStatus): string {
  const lines = [location];
  if (proof.state === "whole") lines.push("Content, signatures, order, nothing removed. Checked again and again while you look.");
  if (proof.at !== null) lines.push(`Last checked in full: ${whenExactly(proof.at)}`);
  for (const key of keys) lines.push(`Signed with ${key.key_id}: ${count(key.entries)}`);
  for (const loss of losses) lines.push(`On ${loss.accepted_at} a person accepted a loss: ${String(loss.kept)} receipts were left.`);
  if (proof.state === "wrong") lines.push("enact-guard verify says more.");
  return lines.join("\n");
}

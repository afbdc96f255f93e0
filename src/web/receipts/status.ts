import type { Timeline } from "./timeline.js";
import type { LedgerWatch } from "./watch.js";
import type { Facet, LedgerProof, LedgerStatus, RunState } from "./wire.js";

/** Names in a list to choose from; hostile ledgers could hold any number. */
const MAX_FACETS = 200;

/** What the head of the page says of the ledger as a whole. */
export function ledgerStatus(watch: LedgerWatch, project: string): LedgerStatus {
  const { reading } = watch;
  const timeline = reading?.timeline;
  const newest = timeline?.last ?? 0;
  return {
    project,
    location: reading?.reader.location ?? "",
    exists: reading?.reader.exists ?? false,
    revision: watch.revision,
    entries: timeline?.entries ?? 0,
    reading: reading === undefined ? watch.failure === null : !reading.isRead,
    newest,
    runs: timeline?.runs.length ?? 0,
    proof: proofOf(watch),
    ...facetsOf(timeline),
    keys: watch.walk?.keys ?? [],
    losses: reading?.reader.acceptedLosses ?? [],
  };
}

function proofOf(watch: LedgerWatch): LedgerProof {
  const { walk, reading, failure } = watch;
  const structure = reading?.reader.structureProblem ?? null;
  const end = reading?.endIsMissing === true ? (walk?.missingEnd() ?? null) : null;
  const first = walk?.problems[0];
  const problems = (walk?.problems.length ?? 0) + (end === null ? 0 : 1) + (structure === null ? 0 : 1);
  const base = { checked: walk?.lines ?? 0, of: reading?.timeline.entries ?? 0, at: watch.checkedAt, proved_to: walk?.provedTo ?? 0, problems };
  if (failure !== null) return { ...base, state: "unreadable", proved_to: 0, problem: { kind: "unreadable", sequence: 0, message: failure } };
  if (structure !== null) return { ...base, state: "wrong", proved_to: 0, problem: { kind: "structure", sequence: 0, message: structure } };
  if (first !== undefined) return { ...base, state: "wrong", problem: { kind: first.kind, sequence: first.sequence, message: first.message } };
  if (end !== null) {
    const message = `Receipts ${String(end.from)} to ${String(end.to)} are missing: the ledger was cut, deleted or replaced by an older copy`;
    return { ...base, state: "wrong", problem: { kind: "cut", sequence: end.from, message } };
  }
  if (watch.isChecked) return { ...base, state: base.of === 0 ? "empty" : "whole", problem: null };
  return { ...base, state: "checking", problem: null };
}

function facetsOf(timeline: Timeline | undefined): Pick<LedgerStatus, "states" | "tools" | "people" | "policies"> {
  const states: Record<RunState, number> = { PASS: 0, BLOCK: 0, PARTIAL: 0, ROLLED_BACK: 0, OPEN: 0, WRONG: 0, MISSING: 0 };
  const [tools, people, policies] = [new Map<string, number>(), new Map<string, number>(), new Map<string, number>()];
  for (const { state, tool, person, failed } of timeline?.runs ?? []) {
    states[state] += 1;
    count(tools, tool);
    count(people, person);
    for (const policy of failed) count(policies, policy);
  }
  return { states, tools: listed(tools), people: listed(people), policies: listed(policies) };
}

function count(counts: Map<string, number>, name: string): void {
  if (name !== "") counts.set(name, (counts.get(name) ?? 0) + 1);
}

function listed(counts: ReadonlyMap<string, number>): readonly Facet[] {
  const facets = [...counts].map(([name, number]) => ({ name, count: number }));
  facets.sort((a, b) => (a.name < b.name ? -1 : 1));
  return facets.slice(0, MAX_FACETS);
}

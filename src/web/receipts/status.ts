import type { Problem } from "../../receipts/check.js";
import { headOf } from "../../receipts/verify-ledger.js";
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

/** In the order in which `verify` says it. */
function proofOf(watch: LedgerWatch): LedgerProof {
  const { walk, failure } = watch;
  const problem = failure === null ? problemOf(watch) : ({ kind: "unreadable", sequence: 0, message: failure } as const);
  const places = Math.max(walk?.problems.length ?? 0, problem === null ? 0 : 1);
  const base = { checked: walk?.lines ?? 0, of: watch.reading?.timeline.entries ?? 0, at: watch.checkedAt, problems: places };
  if (problem !== null) {
    const provedTo = problem.kind === "unreadable" || problem.kind === "structure" ? 0 : (walk?.provedTo ?? 0);
    return { ...base, state: failure === null ? "wrong" : "unreadable", proved_to: provedTo, problem: { kind: problem.kind, sequence: problem.sequence, message: problem.message } };
  }
  const provedTo = walk?.provedTo ?? 0;
  if (watch.isChecked) return { ...base, state: base.of === 0 ? "empty" : "whole", proved_to: provedTo, problem: null };
  return { ...base, state: "checking", proved_to: provedTo, problem: null };
}

function problemOf(watch: LedgerWatch): Pick<Problem, "kind" | "sequence" | "message"> | null {
  const { walk, reading } = watch;
  if (walk === undefined || reading === undefined) return null;
  const { reader } = reading;
  if (walk.problems.length > 0 || watch.isChecked) {
    const found = walk.explained(() => reader.lines());
    if (found !== null) return found;
  }
  if (reader.structureProblem !== null) return { kind: "structure", sequence: 0, message: reader.structureProblem };
  return watch.isChecked ? headOf(reader, { entries: walk.lines, keys: walk.keys }) : null;
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

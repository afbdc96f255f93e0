import { memo } from "./memo.js";
import type { RefObject } from "preact";
import { useCallback, useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";

import type { LedgerStatus, RunRow } from "../receipts/wire.js";
import { counted, rowLabel, stateName, took, when, whenExactly } from "./format.js";
import { isEverything } from "./filter.js";
import { useMedia } from "./hooks.js";
import { StateIcon } from "./icons.js";
import type { State, Store } from "./store.js";
import { Text, plain } from "./text.js";
import type { Virtual } from "./virtual.js";
import { useVirtual } from "./virtual.js";

interface Props {
  readonly state: State;
  readonly store: Store;
}

const WIDE_ROW = 34;
const NARROW_ROW = 62;

/**
 * The calls, newest first. A row's number counts from the oldest match, so that it stays the same when new ones come on top;
 * its place on the screen counts from the newest.
 */
export function List({ state, store, isUnder }: Props & { readonly isUnder: boolean }) {
  const isNarrow = useMedia("(max-width: 720px)");
  const rowHeight = isNarrow ? NARROW_ROW : WIDE_ROW;
  const scroller = useRef<HTMLDivElement>(null);
  const [active, setActive] = useState<number | null>(null);
  const virtual = useVirtual(scroller, state.total, rowHeight);
  useEffect(() => setActive(null), [state.view]);
  useAnchor(scroller, state, rowHeight);
  const go = useCallback((row: number) => goTo(row, { state, store, virtual, setActive }), [state, store, virtual]);
  const pick = useCallback((row: number) => pickRow(row, store, setActive), [store]);
  if (state.status !== null && state.total === 0 && !state.searching) return <Nothing state={state} status={state.status} />;
  return (
    <section class="list" aria-label="Calls" inert={isUnder}>
      <Added state={state} store={store} scroller={scroller} />
      <div
        ref={scroller} id="runs" class="scroller" role="grid" tabIndex={0} aria-label="Calls, newest first" aria-rowcount={state.total} aria-busy={state.searching}
        {...(active === null ? {} : { "aria-activedescendant": `run-${String(active)}` })}
        onKeyDown={(event) => listKey(event, { active, go, pick, virtual, total: state.total })} onScroll={(event) => void (event.currentTarget.scrollTop < rowHeight && store.seenNew())}
      >
        <div class="rows" style={{ height: `${String(virtual.height)}px` }} role="presentation">
          {virtual.items.map(({ index, start }) => {
            const row = state.total - 1 - index;
            return <Slot key={row} number={row} start={start} place={index} run={store.row(row)} state={state} isActive={row === active} pick={pick} />;
          })}
        </div>
        {virtual.shown < state.total ? <p class="note">{counted(state.total - virtual.shown, "older call")}: filter to see them.</p> : null}
      </div>
    </section>
  );
}

interface SlotProps {
  readonly number: number;
  readonly start: number;
  readonly place: number;
  readonly run: RunRow | undefined;
  readonly state: State;
  readonly isActive: boolean;
  readonly pick: (row: number) => void;
}

function Slot({ number, start, place, run, state, isActive, pick }: SlotProps) {
  const isOpen = run !== undefined && state.open?.sequence === run.sequence;
  const classes = ["row", ...(isActive ? ["is-active"] : []), ...(isOpen ? ["is-open"] : []), ...(run === undefined ? ["is-empty"] : [`is-${proofOf(run, state.status)}`])];
  return (
    <div
      id={`run-${String(number)}`} class={classes.join(" ")} role="row" aria-rowindex={place + 1} aria-selected={isOpen} style={{ transform: `translateY(${String(start)}px)` }}
      {...(run === undefined ? { "aria-label": "Loading" } : { "aria-label": plain(rowLabel(run, state.now)) })} onClick={() => pick(number)}
    >
      {run === undefined ? <span class="bone" role="gridcell" /> : <Cells run={run} now={minute(state.now)} />}
    </div>
  );
}

/** Rows change with the minute, not with each look. */
function minute(now: number): number {
  return Math.floor(now / 60_000) * 60_000;
}

const Cells = memo(function Cells({ run, now }: { readonly run: RunRow; readonly now: number }) {
  const { state, at, tool, target, why, problem, person, stopped_by: stoppedBy, took: time } = run;
  return (
    <>
      <span class={`badge state-${state}`} role="gridcell"><StateIcon state={state} /><span>{stateName(state, at, now)}</span></span>
      <span class="cell-time" role="gridcell" title={whenExactly(at)}>{when(at, now)}</span>
      <span class="cell-tool" role="gridcell"><Text value={tool} /></span>
      <span class="cell-what" role="gridcell">
        <span class="target"><Text value={problem ?? target} /></span>
        {problem === null && why !== "" ? <span class="why"><Text value={stoppedBy.length === 0 ? why : `${stoppedBy.join(", ")}: ${why}`} /></span> : null}
      </span>
      <span class="cell-person" role="gridcell">{problem === null ? <Text value={person} /> : null}</span>
      <span class="cell-took" role="gridcell">{problem === null ? took(time) : ""}</span>
    </>
  );
});

/** wrong: not what the guard wrote. after: behind such a place, where nothing is proved. */
function proofOf(run: RunRow, status: LedgerStatus | null): "wrong" | "after" | "fine" {
  if (run.problem !== null) return "wrong";
  const proof = status?.proof;
  if (proof === undefined || proof.state !== "wrong") return "fine";
  return run.last > proof.proved_to && (proof.problem === null || run.last >= proof.problem.sequence) ? "after" : "fine";
}

interface Going {
  readonly state: State;
  readonly store: Store;
  readonly virtual: Virtual;
  readonly setActive: (row: number) => void;
}

function goTo(row: number, { state, store, virtual, setActive }: Going): void {
  const inside = Math.min(state.total - 1, Math.max(state.total - virtual.shown, row));
  setActive(inside);
  virtual.scrollTo(state.total - 1 - inside);
  const run = store.row(inside);
  if (state.open !== null && run !== undefined) store.open(run.sequence);
}

/** Opens a call; when it is open already, goes to it. */
function pickRow(row: number, store: Store, setActive: (row: number) => void): void {
  setActive(row);
  const run = store.row(row);
  if (run === undefined) return;
  if (store.state.open?.sequence === run.sequence) document.querySelector<HTMLElement>(".detail")?.focus();
  else store.open(run.sequence);
}

interface KeyTarget {
  readonly active: number | null;
  readonly total: number;
  readonly virtual: Virtual;
  readonly go: (row: number) => void;
  readonly pick: (row: number) => void;
}

function listKey(event: KeyboardEvent, { active, total, virtual, go, pick }: KeyTarget): void {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const from = active ?? total;
  const moves: Readonly<Record<string, number>> = {
    ArrowDown: from - 1, j: from - 1, ArrowUp: active === null ? total - 1 : from + 1, k: active === null ? total - 1 : from + 1,
    PageDown: from - virtual.page(), PageUp: from + virtual.page(), Home: total - 1, End: 0,
  };
  const move = moves[event.key];
  if (move !== undefined) go(move);
  else if ((event.key === "Enter" || event.key === " ") && active !== null) pick(active);
  else return;
  event.preventDefault();
}

/** New calls come on top: whoever looks at older ones keeps them in sight. */
function useAnchor(scroller: RefObject<HTMLElement | null>, { total, view, searching }: State, rowHeight: number): void {
  const before = useRef({ total, view });
  useLayoutEffect(() => {
    const element = scroller.current;
    const came = total - before.current.total;
    const isSame = before.current.view === view;
    if (!searching) before.current = { total, view };
    if (element === null) return;
    if (!isSame) element.scrollTop = 0;
    else if (came > 0 && element.scrollTop > rowHeight) element.scrollTop += came * rowHeight;
  }, [total, view, searching]);
}

function Added({ state, store, scroller }: Props & { readonly scroller: RefObject<HTMLElement | null> }) {
  const isAbove = (scroller.current?.scrollTop ?? 0) > 0;
  const show = (): void => {
    scroller.current?.scrollTo({ top: 0 });
    store.seenNew();
  };
  return (
    <div class="added" aria-live="polite">
      {state.added > 0 && isAbove ? <button type="button" class="button is-new" onClick={show}>{counted(state.added, "new call")}</button> : null}
    </div>
  );
}

function Nothing({ state, status }: { readonly state: State; readonly status: LedgerStatus }) {
  const isFiltered = !isEverything(state.view) && status.runs > 0;
  return (
    <section class="list nothing" aria-label="Calls">
      <h2>{isFiltered ? "No call matches" : "No calls yet"}</h2>
      {isFiltered ? <p>Take a filter away, or search for less.</p> : <p>Each guarded call of an agent in this project appears here, allowed or blocked, as soon as it is made. To plug the guard into an agent: <code>enact-guard init</code>. To see it at work: <code>enact-guard demo</code>.</p>}
    </section>
  );
}

import type { Ref } from "preact";
import { useEffect, useState } from "preact/hooks";

import type { Facet, LedgerStatus, RunState } from "../receipts/wire.js";
import type { Period, View } from "./filter.js";
import { ALWAYS, EVERYTHING, PERIODS, isEverything } from "./filter.js";
import { count, counted, stateName, whenExactly } from "./format.js";
import { Icon, StateIcon } from "./icons.js";
import type { State, Store } from "./store.js";
import { plain } from "./text.js";

interface Props {
  readonly state: State;
  readonly store: Store;
}

export function Toolbar({ state, store, search }: Props & { readonly search: Ref<HTMLInputElement> }) {
  const { view, status, total } = state;
  const show = (change: Partial<View>): void => store.show(change);
  return (
    <section class="toolbar" aria-label="Filter" role="search">
      <Search text={view.text} onText={(text) => show({ text })} field={search} searching={state.searching} />
      <States view={view} status={status} show={show} />
      <div class="selects">
        <Select label="Tool" all="All tools" value={view.tool} facets={status?.tools ?? []} onValue={(tool) => show({ tool })} />
        <Select label="Stopped by" all="Any policy" value={view.policy} facets={status?.policies ?? []} onValue={(policy) => show({ policy })} />
        <Select label="Person" all="Everybody" value={view.person} facets={status?.people ?? []} onValue={(person) => show({ person })} />
        <PeriodSelect period={view.period} onPeriod={(period) => show({ period })} />
      </div>
      <div class="result">
        <span role="status">{state.searching ? "Searching…" : counted(total, "call")}</span>
        {isEverything(view) ? null : <button type="button" class="button is-plain" onClick={() => show(EVERYTHING)}>Clear filters</button>}
      </div>
    </section>
  );
}

const TYPING = 200;

function Search({ text, onText, field, searching }: { readonly text: string; readonly onText: (text: string) => void; readonly field: Ref<HTMLInputElement>; readonly searching: boolean }) {
  const [typed, setTyped] = useState(text);
  useEffect(() => setTyped(text), [text]);
  useEffect(() => {
    const timer = setTimeout(() => onText(typed), TYPING);
    return () => clearTimeout(timer);
  }, [typed]);
  return (
    <label class={searching && typed !== "" ? "search is-busy" : "search"}>
      <Icon name="search" />
      <input
        ref={field} type="search" value={typed} maxLength={200} placeholder="Search everything in the receipts" aria-label="Search everything in the receipts" spellcheck={false} autocomplete="off"
        onInput={(event) => setTyped(event.currentTarget.value)} onKeyDown={(event) => leaveField(event, typed, setTyped)}
      />
      <kbd aria-hidden="true">/</kbd>
    </label>
  );
}

/** Esc empties the field, and leaves it when it is empty; an arrow leads to the list. */
function leaveField(event: KeyboardEvent, typed: string, setTyped: (text: string) => void): void {
  if (event.key === "Escape" && typed !== "") setTyped("");
  else if (event.key === "Escape" || event.key === "ArrowDown" || event.key === "Enter") document.querySelector<HTMLElement>("#runs")?.focus();
  else return;
  event.preventDefault();
}

const CHOICES: readonly RunState[] = ["PASS", "BLOCK", "PARTIAL", "ROLLED_BACK", "OPEN"];

function States({ view, status, show }: { readonly view: View; readonly status: LedgerStatus | null; readonly show: (change: Partial<View>) => void }) {
  const isWrong = (status?.states.WRONG ?? 0) + (status?.states.MISSING ?? 0) > 0 || view.states.includes("WRONG");
  return (
    <div class="states" role="group" aria-label="Decision">
      {CHOICES.map((state) => <StateChip key={state} states={[state]} view={view} status={status} show={show} />)}
      {isWrong ? <StateChip states={["WRONG", "MISSING"]} view={view} status={status} show={show} /> : null}
    </div>
  );
}

function StateChip({ states, view, status, show }: { readonly states: readonly [RunState, ...RunState[]]; readonly view: View; readonly status: LedgerStatus | null; readonly show: (change: Partial<View>) => void }) {
  const [state] = states;
  const isOn = view.states.includes(state);
  const number = states.reduce((sum, name) => sum + (status?.states[name] ?? 0), 0);
  const toggle = (): void => show({ states: isOn ? view.states.filter((name) => !states.includes(name)) : [...view.states, ...states] });
  return (
    <button type="button" class={`chip state-${state}`} aria-pressed={isOn} onClick={toggle}>
      <StateIcon state={state} />
      <span>{stateName(state)}</span>
      <span class="chip-count">{count(number)}</span>
    </button>
  );
}

function Select({ label, all, value, facets, onValue }: { readonly label: string; readonly all: string; readonly value: string; readonly facets: readonly Facet[]; readonly onValue: (value: string) => void }) {
  const isListed = value === "" || facets.some(({ name }) => name === value);
  return (
    <label class={value === "" ? "select" : "select is-on"}>
      <span class="select-label">{label}</span>
      <select value={value} onChange={(event) => onValue(event.currentTarget.value)}>
        <option value="">{all}</option>
        {isListed ? null : <option value={value}>{plain(value)}</option>}
        {facets.map(({ name, count: number }) => <option key={name} value={name}>{`${plain(name)} (${count(number)})`}</option>)}
      </select>
    </label>
  );
}

const DRAWN = -1;

function PeriodSelect({ period, onPeriod }: { readonly period: Period; readonly onPeriod: (period: Period) => void }) {
  const choose = (back: number): void => onPeriod(back === 0 ? ALWAYS : back === DRAWN ? { back, from: null, to: null } : { back, from: null, to: null });
  return (
    <>
      <label class={period.back === 0 ? "select" : "select is-on"}>
        <span class="select-label">Time</span>
        <select value={String(period.back)} onChange={(event) => choose(Number(event.currentTarget.value))}>
          {PERIODS.map(([back, name]) => <option key={back} value={String(back)}>{name}</option>)}
          <option value={String(DRAWN)}>From … to …</option>
        </select>
      </label>
      {period.back === DRAWN ? <Range period={period} onPeriod={onPeriod} /> : null}
    </>
  );
}

function Range({ period, onPeriod }: { readonly period: Period; readonly onPeriod: (period: Period) => void }) {
  const field = (name: "from" | "to", label: string) => (
    <label class="select is-on">
      <span class="select-label">{label}</span>
      <input type="datetime-local" step="1" value={localTime(period[name])} title={whenExactly(period[name])} onChange={(event) => onPeriod({ ...period, [name]: instantOf(event.currentTarget.value) })} />
    </label>
  );
  return <>{field("from", "From")}{field("to", "To")}</>;
}

/** As the field wants it: local time, without a zone. */
function localTime(at: number | null): string {
  if (at === null) return "";
  const date = new Date(at);
  return new Date(at - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
}

function instantOf(text: string): number | null {
  const at = new Date(text).getTime();
  return Number.isFinite(at) ? at : null;
}

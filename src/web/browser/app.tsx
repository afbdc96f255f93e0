import type { Ref } from "preact";
import { useCallback, useEffect, useRef, useState } from "preact/hooks";

import { GONE, LOCKED } from "./api.js";
import { Detail } from "./detail/detail.js";
import { Header } from "./header.js";
import { Help } from "./help.js";
import { takesText, useKeys, useMedia, useStore } from "./hooks.js";
import { List } from "./list.js";
import { Locked } from "./locked.js";
import { Overview } from "./overview.js";
import type { State, Store } from "./store.js";
import { Toolbar } from "./toolbar.js";

export function App({ store }: { readonly store: Store }) {
  const state = useStore(store);
  const [help, setHelp] = useState(false);
  const search = useRef<HTMLInputElement>(null);
  const closeHelp = useCallback(() => setHelp(false), []);
  const onKey = useCallback((event: KeyboardEvent) => pageKey(event, store, search.current, () => setHelp(true)), [store]);
  useKeys(onKey);
  useTitle(state);
  if (state.problem?.code === LOCKED) return <Locked problem={state.problem} />;
  return (
    <div class={state.open === null ? "page" : "page has-open"}>
      <a class="skip" href="#runs" onClick={focusList}>Skip to the calls</a>
      <Header state={state} onHelp={() => setHelp(true)} />
      <Gone state={state} />
      <Main state={state} store={store} search={search} />
      {help ? <Help onClose={closeHelp} /> : null}
    </div>
  );
}

/** Where there is no room beside the list, a call lies over it, and what is under it is out of reach. */
function Main({ state, store, search }: { readonly state: State; readonly store: Store; readonly search: Ref<HTMLInputElement> }) {
  const isOver = useMedia("(max-width: 720px)") && state.open !== null;
  return (
    <main class="main">
      <div class="under" inert={isOver}>
        {state.status?.runs === 0 ? null : <Overview state={state} store={store} />}
        <Toolbar state={state} store={store} search={search} />
      </div>
      <div class="split">
        <List state={state} store={store} isUnder={isOver} />
        {state.open === null ? null : <Detail state={state} store={store} isOver={isOver} />}
      </div>
    </main>
  );
}

function pageKey(event: KeyboardEvent, store: Store, search: HTMLInputElement | null, showHelp: () => void): void {
  if (event.key === "Escape" && store.state.open !== null && !takesText(event.target)) {
    store.close();
    requestAnimationFrame(() => document.querySelector<HTMLElement>("#runs")?.focus());
    return;
  }
  if (takesText(event.target)) return;
  if (event.key === "/") {
    event.preventDefault();
    search?.focus();
    search?.select();
  } else if (event.key === "?") showHelp();
}

function focusList(event: Event): void {
  event.preventDefault();
  document.querySelector<HTMLElement>("#runs")?.focus();
}

function Gone({ state }: { readonly state: State }) {
  const { problem } = state;
  if (problem === null) return null;
  return (
    <div class="banner" role="alert">
      <strong>{problem.message}.</strong> {problem.hint}
      {problem.code === GONE && state.status !== null ? " What is shown was read before." : ""}
    </div>
  );
}

/** The tab says whether something is wrong, and how many calls came while nobody looked. */
function useTitle({ status, added }: State): void {
  const wrong = status?.proof.state === "wrong" ? "✗ " : "";
  const came = added > 0 ? `(${String(added)}) ` : "";
  const title = `${wrong}${came}Receipts · ${status?.project ?? ""} · Enact Guard`;
  useEffect(() => {
    document.title = title;
  }, [title]);
}

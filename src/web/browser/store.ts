import type { Changes, Charts, LedgerStatus, RunDetail, RunPage, RunRow } from "../receipts/wire.js";
import { ApiError, GONE, LOCKED, ask } from "./api.js";
import type { View } from "./filter.js";
import { EVERYTHING, filterOf, hashOf, queryOf, viewFromHash } from "./filter.js";

/** Rows that the server sends at a time. */
const CHUNK = 100;
const POLL_EVERY = 1000;
const CHARTS_EVERY = 2000;

export interface Open {
  readonly sequence: number;
  readonly detail: RunDetail | null;
  readonly error: ApiError | null;
}

/** What the page shows. Replaced, never changed. */
export interface State {
  readonly view: View;
  readonly status: LedgerStatus | null;
  readonly charts: Charts | null;
  /** Runs that match. */
  readonly total: number;
  /** Matching runs that came on top since the view was chosen. */
  readonly added: number;
  readonly searching: boolean;
  readonly open: Open | null;
  readonly problem: ApiError | null;
  /** Goes up when rows came in. */
  readonly rows: number;
  readonly now: number;
}

const START: State = { view: EVERYTHING, status: null, charts: null, total: 0, added: 0, searching: true, open: null, problem: null, rows: 0, now: 0 };

/**
 * Follows the server: asks each second what is new, and fetches the rows that are looked at. Rows are counted from the
 * oldest match, which stays where it is while new ones come on top.
 */
export class Store {
  state: State = { ...START, now: Date.now() };
  readonly #listeners = new Set<() => void>();
  readonly #chunks = new Map<number, { readonly rows: readonly RunRow[]; readonly isStale: boolean }>();
  readonly #asked = new Set<number>();
  #revision = "";
  #lastQuery = "";
  #chartsOf = "";
  #chartsAt = 0;
  #view = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  start(): void {
    const { view, run } = viewFromHash(location.hash);
    this.#set({ view });
    if (run !== null) this.open(run);
    addEventListener("hashchange", () => this.#goTo(location.hash));
    document.addEventListener("visibilitychange", () => void (document.visibilityState === "visible" && this.#poll()));
    void this.#poll();
  }

  show(change: Partial<View>): void {
    const view = { ...this.state.view, ...change };
    if (JSON.stringify(view) === JSON.stringify(this.state.view)) return;
    this.#view.abort();
    this.#view = new AbortController();
    this.#chunks.clear();
    this.#asked.clear();
    this.#revision = "";
    this.#chartsOf = "";
    this.#set({ view, searching: true, added: 0 });
    this.#remember(false);
    void this.#poll();
  }

  /** A row by its number from the oldest match on; asks for it when it is not here. */
  row(index: number): RunRow | undefined {
    const chunk = Math.floor(index / CHUNK);
    const kept = this.#chunks.get(chunk);
    if (kept === undefined || kept.isStale) void this.#fetchChunk(chunk);
    return kept?.rows[index - chunk * CHUNK];
  }

  open(sequence: number): void {
    const isNew = this.state.open === null;
    this.#set({ open: { sequence, detail: this.state.open?.detail ?? null, error: null } });
    this.#remember(isNew);
    void this.#fetchDetail(sequence);
  }

  close(): void {
    this.#set({ open: null });
    this.#remember(false);
  }

  seenNew(): void {
    if (this.state.added > 0) this.#set({ added: 0 });
  }

  #set(change: Partial<State>): void {
    this.state = { ...this.state, ...change };
    for (const listener of this.#listeners) listener();
  }

  /** A new entry in the browser's history only for opening a run, so that Back closes it. */
  #remember(isStep: boolean): void {
    const hash = hashOf(this.state.view, this.state.open?.sequence ?? null);
    const address = `${location.pathname}${hash}`;
    if (isStep) history.pushState(null, "", address);
    else history.replaceState(null, "", address);
  }

  #goTo(hash: string): void {
    const { view, run } = viewFromHash(hash);
    this.show(view);
    if (run === null) this.#set({ open: null });
    else if (run !== this.state.open?.sequence) this.open(run);
  }

  #query(): URLSearchParams {
    return queryOf(filterOf(this.state.view, Date.now()));
  }

  async #poll(): Promise<void> {
    clearTimeout(this.#timer);
    const { signal } = this.#view;
    const query = this.#query();
    // A period that moves on leaves the oldest behind: the rest is numbered anew.
    const isAnotherQuery = query.toString() !== this.#lastQuery;
    this.#lastQuery = query.toString();
    query.set("since", isAnotherQuery ? "" : this.#revision);
    try {
      const changes = await ask<Changes>("changes", query, signal);
      if (!signal.aborted) this.#took(changes);
    } catch (error) {
      if (signal.aborted) return;
      this.#set({ problem: asProblem(error), now: Date.now(), searching: false });
    }
    const isLocked = this.state.problem?.code === LOCKED;
    if (!signal.aborted && !isLocked && document.visibilityState === "visible") this.#timer = setTimeout(() => void this.#poll(), POLL_EVERY);
  }

  #took({ status, total, changed_from: changedFrom }: Changes): void {
    const isSameView = this.#revision !== "";
    const came = isSameView ? Math.max(0, total - this.state.total) : 0;
    const isNew = status.revision !== this.#revision;
    this.#revision = status.revision;
    for (const [chunk, kept] of this.#chunks) {
      if ((chunk + 1) * CHUNK > changedFrom) this.#chunks.set(chunk, { ...kept, isStale: true });
    }
    const { open } = this.state;
    this.#set({ status, total, added: this.state.added + came, searching: false, problem: null, now: Date.now(), rows: this.state.rows + (isNew ? 1 : 0) });
    if (open !== null && isNew) void this.#fetchDetail(open.sequence);
    this.#fetchCharts();
  }

  async #fetchChunk(chunk: number): Promise<void> {
    if (this.#asked.has(chunk) || chunk < 0) return;
    this.#asked.add(chunk);
    const { signal } = this.#view;
    const query = this.#query();
    query.set("chunk", String(chunk));
    try {
      const page = await ask<RunPage>("runs", query, signal);
      if (signal.aborted) return;
      this.#chunks.set(chunk, { rows: page.rows, isStale: false });
      this.#set({ rows: this.state.rows + 1 });
    } catch {
      // The next look says what is the matter.
    } finally {
      if (!signal.aborted) this.#asked.delete(chunk);
    }
  }

  async #fetchDetail(sequence: number): Promise<void> {
    const isStill = (): boolean => this.state.open?.sequence === sequence;
    try {
      const detail = await ask<RunDetail>(`receipts/${String(sequence)}`, new URLSearchParams());
      if (isStill()) this.#set({ open: { sequence, detail, error: null } });
    } catch (error) {
      if (isStill()) this.#set({ open: { sequence, detail: null, error: asProblem(error) } });
    }
  }

  #fetchCharts(): void {
    const query = this.#query();
    const wanted = `${this.#revision} ${query.toString()}`;
    if (wanted === this.#chartsOf || (this.#chartsOf !== "" && Date.now() - this.#chartsAt < CHARTS_EVERY)) return;
    this.#chartsOf = wanted;
    this.#chartsAt = Date.now();
    void this.#fetchChartsOf(query, this.#view.signal);
  }

  async #fetchChartsOf(query: URLSearchParams, signal: AbortSignal): Promise<void> {
    try {
      const charts = await ask<Charts>("charts", query, signal);
      if (!signal.aborted) this.#set({ charts });
    } catch {
      // The next look says what is the matter.
    }
  }
}

function asProblem(error: unknown): ApiError {
  return error instanceof ApiError ? error : new ApiError(GONE, "The page could not read the answer of the server", "Load it again.");
}

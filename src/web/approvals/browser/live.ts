import { showTimes, startClock } from "./times.js";

const EVERY_MS = 2000;

/** Asks the server whether something has changed, while the page can be seen. */
export function keepUpToDate(): void {
  startClock();
  const page = document.querySelector<HTMLElement>("[data-live]");
  if (page === null) return;
  const look = page.dataset["live"] === "list" ? () => refreshList(page) : () => reloadWhenDecided(page);
  setInterval(() => {
    if (document.visibilityState === "visible") void look().catch(() => undefined);
  }, EVERY_MS);
}

async function refreshList(page: HTMLElement): Promise<void> {
  const response = await fetch("/approvals/list");
  if (!response.ok) return;
  // Parsed, never run: a document made this way executes no script.
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html").querySelector<HTMLElement>("#requests");
  const old = page.querySelector<HTMLElement>("#requests");
  if (fresh === null || old === null || signature(fresh) === signature(old)) return;
  const focused = old.contains(document.activeElement) ? document.activeElement?.getAttribute("href") : null;
  old.replaceWith(fresh);
  showTimes(fresh);
  if (focused !== null && focused !== undefined) fresh.querySelector<HTMLElement>(`a[href="${CSS.escape(focused)}"]`)?.focus();
  const waiting = Number(fresh.dataset["waiting"] ?? 0);
  document.title = waiting > 0 ? `(${waiting}) Approvals · Enact Guard` : "Approvals · Enact Guard";
}

/** What is listed and how it stands; not how much time is left, which changes by itself. */
function signature(list: HTMLElement): string {
  return [...list.querySelectorAll<HTMLAnchorElement>("a.row")].map((row) => `${row.getAttribute("href") ?? ""} ${row.className} ${row.querySelector(".meta")?.textContent ?? ""}`).join("\n");
}

async function reloadWhenDecided(page: HTMLElement): Promise<void> {
  const { id = "", tag = "" } = page.dataset;
  const isBusy = page.querySelector("[aria-busy=true]") !== null;
  const isWriting = (page.querySelector<HTMLTextAreaElement>("#reason")?.value ?? "") !== "";
  if (isBusy || isWriting) return;
  const response = await fetch(`/approvals/${id}/state`);
  if (!response.ok) return;
  const state = (await response.json()) as { readonly tag?: string };
  if (state.tag !== undefined && state.tag !== tag) location.reload();
}

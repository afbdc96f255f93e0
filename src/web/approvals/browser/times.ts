const SECOND = 1000;
const TICK = 10 * SECOND;

/** Writes instants in the reader's own time, and keeps "in 58 min" true. */
export function showTimes(root: ParentNode): void {
  const format = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
  for (const element of root.querySelectorAll<HTMLTimeElement>("time[datetime]")) {
    const date = new Date(element.dateTime);
    if (Number.isNaN(date.getTime())) continue;
    // A shorter text than the server's moves nothing.
    element.style.minWidth = `${element.getBoundingClientRect().width}px`;
    element.title = element.dateTime;
    element.textContent = format.format(date);
  }
  tick();
}

function tick(): void {
  for (const element of document.querySelectorAll<HTMLElement>("[data-until]")) {
    const left = Math.floor((Date.parse(element.dataset["until"] ?? "") - Date.now()) / SECOND);
    if (Number.isFinite(left)) element.textContent = left > 0 ? `in ${amount(left)}` : "now";
  }
}

/** The same words as the server's; rounded down. */
function amount(seconds: number): string {
  if (seconds < 90) return `${seconds} s`;
  if (seconds < 90 * 60) return `${Math.floor(seconds / 60)} min`;
  return seconds < 48 * 3600 ? `${Math.floor(seconds / 3600)} h` : `${Math.floor(seconds / 86_400)} days`;
}

export function startClock(): void {
  setInterval(tick, TICK);
}

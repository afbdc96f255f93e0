import type { WireError } from "../receipts/wire.js";

/** Where the key of this browser is kept: storage belongs to one port, which cookies do not. */
const KEY = "enact-key";

/** An answer that is no answer: what happened, and what to do about it. */
export class ApiError extends Error {
  readonly code: string;
  readonly hint: string;

  constructor(code: string, message: string, hint = "") {
    super(message);
    this.code = code;
    this.hint = hint;
  }
}

/** This browser was not let in, or the server was started again since. */
export const LOCKED = "REFUSED";
/** The server does not answer: it was stopped. */
export const GONE = "GONE";

/**
 * Takes the key out of the address (`#key=…`), so that it is in no history and no screenshot.
 * @returns used: the link had been used before
 */
export function takeKey(): "key" | "used" | "none" {
  const hash = new URLSearchParams(location.hash.slice(1));
  const key = hash.get("key");
  const used = hash.has("used");
  if (key === null && !used) return "none";
  history.replaceState(null, "", location.pathname);
  if (key !== null) localStorage.setItem(KEY, key);
  return key === null ? "used" : "key";
}

/** @throws ApiError */
export async function ask<Answer>(path: string, query: URLSearchParams, signal?: AbortSignal): Promise<Answer> {
  let response: Response;
  try {
    const init: RequestInit = { headers: { "x-enact-key": localStorage.getItem(KEY) ?? "" }, cache: "no-store" };
    response = await fetch(`/api/${path}?${query.toString()}`, signal === undefined ? init : { ...init, signal });
  } catch (error) {
    if (signal?.aborted === true) throw error;
    throw new ApiError(GONE, "enact-guard ui has ended", "Start it again in the terminal, and open the new link.");
  }
  if (response.ok) return (await response.json()) as Answer;
  const said = (await response.json().catch(() => ({}))) as Partial<WireError>;
  throw new ApiError(said.error?.code ?? "INTERNAL", said.error?.message ?? "The server could not answer", said.error?.hint);
}

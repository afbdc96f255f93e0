import { EnactError } from "../../errors.js";

/** Stops waiting for a look when the caller gives up. The look may still finish in the background: it changes nothing. */
export async function abortable<Value>(look: Promise<Value>, signal: AbortSignal | undefined): Promise<Value> {
  if (signal === undefined) return look;
  if (signal.aborted) {
    look.catch(() => undefined);
    throw cancelled();
  }
  const waiting = new AbortController();
  const gaveUp = new Promise<never>((_resolve, reject) => {
    signal.addEventListener("abort", () => reject(cancelled()), { once: true, signal: waiting.signal });
  });
  try {
    return await Promise.race([look, gaveUp]);
  } finally {
    waiting.abort();
    look.catch(() => undefined);
  }
}

function cancelled(): EnactError {
  return new EnactError("CANCELLED", "The call was cancelled before anything was done");
}

import { EnactError } from "../errors.js";

/**
 * A look that hangs is a look that failed: the call is blocked before the host gives up on it. The look hears of it
 * through its signal, and may still end in the background: it changes nothing.
 *
 * Nothing outlives the call. AbortSignal.timeout would keep every call, its plan included, until its time is over.
 *
 * @throws EnactError TIMEOUT after this many milliseconds, CANCELLED when the caller gives up
 */
export async function lookInTime<Found>(
  look: (signal: AbortSignal) => Promise<Found>,
  limitMs: number,
  caller: AbortSignal | undefined,
): Promise<Found> {
  const ended = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let onCancel: (() => void) | undefined;
  const givenUp = new Promise<never>((_resolve, reject) => {
    const giveUp = (error: EnactError) => {
      ended.abort();
      reject(error);
    };
    onCancel = () => giveUp(new EnactError("CANCELLED", "The caller cancelled while the guard was looking"));
    timer = setTimeout(() => giveUp(new EnactError("TIMEOUT", "Looking took too long")), limitMs);
    timer.unref();
    if (caller?.aborted === true) onCancel();
    else caller?.addEventListener("abort", onCancel, { once: true });
  });
  // It has its answer even where the look throws before anybody waits for both.
  givenUp.catch(() => undefined);
  try {
    return await Promise.race([look(ended.signal), givenUp]);
  } finally {
    clearTimeout(timer);
    if (onCancel !== undefined) caller?.removeEventListener("abort", onCancel);
  }
}

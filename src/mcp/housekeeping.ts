import { getHeapStatistics } from "node:v8";

/** The memory of V8: a port, so that tests can watch the keeper without filling real memory. */
export interface Heap {
  /** Bytes of memory that it occupies, garbage included. */
  size(): number;
  /** Collects all garbage and gives what it took back to the machine. @throws when it cannot here */
  collect(): Promise<void>;
}

/** Growth, in bytes, that is collected when no call has come for a while; less is not worth the work. */
const WORTH_IT = 4 * 1024 * 1024;
/** Growth, in bytes, that is collected between two calls, because the agent makes no pause. */
const TOO_MUCH = 18 * 1024 * 1024;
/** Without a call for this long, in milliseconds, the agent is thinking. */
const PAUSE = 2000;

/**
 * Keeps the server small between calls. V8 leaves garbage lie until there are some 50 MB of it, which is right for a
 * program that works all the time and wrong for a guard that waits for an agent to think, once for each open window.
 */
export class Housekeeping {
  readonly #heap: Heap;
  #timer: NodeJS.Timeout | undefined;
  /** The size that it had when it was last collected. */
  #least: number;
  #isCollecting = false;

  /** Made when the server has started, which leaves garbage as well: that much is collected at the first pause. */
  constructor(heap: Heap = v8Heap) {
    this.#heap = heap;
    this.#least = heap.size() - WORTH_IT;
    this.answered();
  }

  /** A call was answered. */
  answered(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#tidy(WORTH_IT), PAUSE);
    this.#timer.unref();
    void this.#tidy(TOO_MUCH);
  }

  async #tidy(growth: number): Promise<void> {
    if (this.#isCollecting || this.#heap.size() - this.#least < growth) return;
    this.#isCollecting = true;
    try {
      // The answer goes out first.
      await nextTurn();
      await this.#heap.collect();
      this.#least = this.#heap.size();
      this.#isCollecting = false;
    } catch {
      // Built without an inspector: V8 collects as it sees fit, and nothing is tried again.
    }
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}

/** The heap of this process. The inspector's session is within the process: it opens no port, and ends at once. */
const v8Heap: Heap = {
  size: () => getHeapStatistics().total_physical_size,
  async collect() {
    const { Session } = await import("node:inspector");
    const session = new Session();
    session.connect();
    await new Promise<void>((resolve) => session.post("HeapProfiler.collectGarbage", () => resolve()));
    // Not from within the answer: the collector still holds its lock then, and the end of the session waits for it.
    await nextTurn();
    session.disconnect();
  },
};

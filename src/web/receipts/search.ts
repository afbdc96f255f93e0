import type { StoredLine } from "../../receipts/check.js";
import type { Timeline } from "./timeline.js";

/** Fields that are numbers to a person: a short word is in one of them by chance. */
const DIGESTS: ReadonlySet<string> = new Set(["signature", "previous", "subjects", "plan_digest", "config_digest"]);
const DIGEST = /^(?:sha256:)?[0-9a-f]{40,}$/u;
/** From this length on, someone looks for a digest. */
const DIGEST_LENGTH = 7;

/** Looks for a text in receipts, line by line: nothing of them is kept but which runs have it. */
export class TextSearch {
  readonly #needle: string;
  /** As it stands in the bytes of a receipt. */
  readonly #escaped: string;
  readonly #timeline: Timeline;
  readonly #runs = new Set<number>();
  #after = Number.MIN_SAFE_INTEGER;

  constructor(text: string, timeline: Timeline) {
    this.#needle = text.toLowerCase();
    this.#escaped = JSON.stringify(this.#needle).slice(1, -1);
    this.#timeline = timeline;
  }

  /** The place up to which was looked. */
  get after(): number {
    return this.#after;
  }

  has(run: number): boolean {
    return this.#runs.has(run);
  }

  /** @returns the run that turns out to have the text, if it was not known to */
  add(line: StoredLine): number | undefined {
    this.#after = line.sequence ?? 0;
    const text = Buffer.from(line.bytes.buffer, line.bytes.byteOffset, line.bytes.byteLength).toString("utf8").toLowerCase();
    if (!text.includes(this.#escaped)) return undefined;
    const run = this.#timeline.runAt(this.#after);
    if (run === undefined || this.#runs.has(run) || !this.#isSaid(line)) return undefined;
    this.#runs.add(run);
    return run;
  }

  #isSaid(line: StoredLine): boolean {
    let entry: unknown;
    try {
      entry = JSON.parse(Buffer.from(line.bytes).toString("utf8"));
    } catch {
      // What is not readable is found by its bytes.
      return true;
    }
    if (typeof entry !== "object" || entry === null) return true;
    const wantsDigest = this.#needle.length >= DIGEST_LENGTH;
    return Object.entries(entry).some(([name, value]) => (wantsDigest || !DIGESTS.has(name)) && this.#says(value, wantsDigest));
  }

  #says(value: unknown, wantsDigest: boolean): boolean {
    if (typeof value === "string") return (wantsDigest || !DIGEST.test(value)) && value.toLowerCase().includes(this.#needle);
    if (typeof value === "number" || typeof value === "boolean") return String(value) === this.#needle;
    if (typeof value !== "object" || value === null) return false;
    return Object.values(value).some((child) => this.#says(child, wantsDigest));
  }
}

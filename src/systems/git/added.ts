import type { ChangedFile } from "./history.js";
import { inScratch } from "./scratch.js";
import type { InScratch, Scratch } from "./scratch.js";
import { expectDone, shownBytes } from "./words.js";

/** Finds secrets in a text: the detector of the facts room, handed in because systems import nothing of ours. */
export type SecretFinder = (text: string) => readonly { readonly kind: string; readonly start: number; readonly end: number }[];

/** Where a secret was added; never the secret. */
export interface AddedSecret {
  readonly kind: string;
  /** Null: in the message. */
  readonly file: string | null;
  /** From 1. */
  readonly line: number;
  readonly commit: string | null;
}

/** What a commit, made or about to be made, adds. */
export interface Addition {
  readonly commit: string | null;
  readonly message: string;
  readonly files: readonly ChangedFile[];
}

/** More bytes than this are not looked through. */
const MOST_SCANNED = 32 * 1024 * 1024;
const MOST_FOUND = 50;
const SCAN_MILLISECONDS = 20_000;

/**
 * Looks for secrets in the lines and messages that commits add. A line that was in the file before, or in a file that
 * the same commit deletes (it was moved), is not added.
 *
 * @returns why it could not look at everything, instead of a list
 */
export async function addedSecrets(scratch: Scratch, additions: readonly Addition[], find: SecretFinder, asked: InScratch = {}): Promise<AddedSecret[] | string> {
  const found: AddedSecret[] = additions.flatMap(({ commit, message }) => inText(message, find).map((hit) => ({ kind: hit.kind, file: null, line: hit.line, commit })));
  const wanted = new Map<string, { addition: Addition; file: ChangedFile }[]>();
  for (const addition of additions) {
    for (const file of addition.files) {
      // 160000: the commit of a submodule, which has no content here.
      if (/^0+$/.test(file.blob) || file.mode === "160000") continue;
      const places = wanted.get(file.blob) ?? [];
      wanted.set(file.blob, [...places, { addition, file }]);
    }
  }
  const until = Date.now() + SCAN_MILLISECONDS;
  const blobs = new Blobs(scratch, asked);
  const tooMuch = await blobs.limit([...wanted.keys()]);
  if (tooMuch !== null) return tooMuch;
  for await (const { sha, text } of blobs.texts([...wanted.keys()])) {
    if (Date.now() > until) return "there is more to look through for keys than time allows";
    const hits = inText(text, find);
    if (hits.length === 0) continue;
    for (const place of wanted.get(sha) ?? []) found.push(...(await newHits(blobs, hits, place)));
    if (found.length >= MOST_FOUND) break;
  }
  return found.slice(0, MOST_FOUND);
}

/** The whole messages of commits, also what stands behind a NUL that git log would not show. */
export async function messagesOf(scratch: Scratch, shas: readonly string[]): Promise<Map<string, string>> {
  const messages = new Map<string, string>();
  for await (const { sha, text } of new Blobs(scratch, {}).texts(shas)) {
    messages.set(sha, text.slice(text.indexOf("\n\n") + 2));
  }
  return messages;
}

interface Hit {
  readonly kind: string;
  readonly line: number;
  /** The whole lines that it stands on. */
  readonly lines: readonly string[];
}

function inText(text: string, find: SecretFinder): Hit[] {
  const spans = find(text);
  if (spans.length === 0) return [];
  const lines = text.split("\n");
  const starts: number[] = [];
  let offset = 0;
  for (const line of lines) {
    starts.push(offset);
    offset += line.length + 1;
  }
  return spans.map(({ kind, start, end }) => {
    const first = starts.findLastIndex((begin) => begin <= start);
    const last = starts.findLastIndex((begin) => begin < Math.max(end, start + 1));
    return { kind, line: first + 1, lines: lines.slice(first, last + 1).map(trimmed) };
  });
}

/** Another line ending does not make a line a new one. */
function trimmed(line: string): string {
  return line.endsWith("\r") ? line.slice(0, -1) : line;
}

async function newHits(blobs: Blobs, hits: readonly Hit[], place: { addition: Addition; file: ChangedFile }): Promise<AddedSecret[]> {
  const { addition, file } = place;
  const gone = addition.files.filter((other) => /^0+$/.test(other.blob)).flatMap((other) => other.before);
  const olds = [...new Set([...file.before, ...gone])].filter((sha) => !/^0+$/.test(sha));
  const known = new Set<string>();
  const tooMuch = await blobs.limit(olds);
  // What was there before cannot be read in full: then every line counts as added.
  if (tooMuch === null) {
    for await (const { text } of blobs.texts(olds)) for (const line of text.split("\n")) known.add(trimmed(line));
  }
  return hits
    .filter((hit) => hit.lines.some((line) => !known.has(line)))
    .map((hit) => ({ kind: hit.kind, file: shownBytes(file.path), line: hit.line, commit: addition.commit }));
}

/** Reads blobs in portions, so that neither git nor the guard holds all of them at once. */
class Blobs {
  readonly #scratch: Scratch;
  readonly #asked: InScratch;

  constructor(scratch: Scratch, asked: InScratch) {
    this.#scratch = scratch;
    this.#asked = asked;
  }

  /** Why these cannot all be read; null when they can. */
  async limit(shas: readonly string[]): Promise<string | null> {
    if (shas.length === 0) return null;
    const input = Buffer.from(`${shas.join("\n")}\n`);
    const args = ["cat-file", "--batch-check=%(objectname) %(objectsize)", "--buffer"];
    const ran = expectDone(await inScratch(this.#scratch, args, { ...this.#asked, input }), "measuring files");
    let total = 0;
    for (const line of ran.stdout.toString("latin1").split("\n")) {
      if (line.endsWith(" missing")) return "the content of a file is not in this (partial) clone, so it cannot be looked through for keys";
      total += Number(line.split(" ")[1] ?? 0);
    }
    const limit = MOST_SCANNED / (1024 * 1024);
    return total > MOST_SCANNED ? `more than ${limit} MB would have to be looked through for keys` : null;
  }

  async *texts(shas: readonly string[]): AsyncGenerator<{ sha: string; text: string }> {
    for (let index = 0; index < shas.length; index += 200) {
      const input = Buffer.from(`${shas.slice(index, index + 200).join("\n")}\n`);
      const ran = expectDone(await inScratch(this.#scratch, ["cat-file", "--batch", "--buffer"], { ...this.#asked, input }), "reading files");
      yield* parseBatch(ran.stdout);
    }
  }
}

function* parseBatch(output: Buffer): Generator<{ sha: string; text: string }> {
  let offset = 0;
  while (offset < output.length) {
    const end = output.indexOf(10, offset);
    const [sha = "", , size = "0"] = output.toString("latin1", offset, end).split(" ");
    const start = end + 1;
    offset = start + Number(size) + 1;
    yield { sha, text: textOf(output.subarray(start, offset - 1)) };
  }
}

/** A file as text. In UTF-16 every other byte of a key is zero, which would hide it. */
function textOf(bytes: Buffer): string {
  const zeros = bytes.subarray(0, 4096).reduce((sum, byte) => sum + (byte === 0 ? 1 : 0), 0);
  const looksWide = zeros * 4 > Math.min(bytes.length, 4096);
  return looksWide ? Buffer.from(bytes.filter((byte) => byte !== 0)).toString("utf8") : bytes.toString("utf8");
}

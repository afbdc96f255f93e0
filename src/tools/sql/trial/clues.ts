/** What constants suggest as values. */
export interface Clues {
  /** The constants themselves. */
  readonly texts: readonly string[];
  /** Pieces of them that could be words, keys or names. */
  readonly words: readonly string[];
  /** Whole numbers in them, those around them, and what comes of adding and multiplying them. */
  readonly integers: readonly bigint[];
  /** Numbers with a fraction, likewise. */
  readonly decimals: readonly string[];
  /** Days, as 2024-05-31, and instants of them. */
  readonly instants: readonly string[];
  readonly uuids: readonly string[];
}

const MOST = 40;
const LONGEST = 200;

export function cluesIn(constants: readonly string[]): Clues {
  const texts = few(constants.filter((text) => text.length <= LONGEST));
  const all = texts.join("\n");
  const words = few(texts.flatMap((text) => text.split(/[^\p{L}\p{N}@._-]+/u)).filter((word) => word !== ""));
  const numbers = few([...all.matchAll(/\d+(?:\.\d+)?/g)].map(([number]) => number).filter((number) => number.length <= 18));
  return {
    texts,
    words,
    integers: integersNear(numbers.filter((number) => !number.includes(".")).map(BigInt)),
    decimals: few(numbers.flatMap((number) => [number, `-${number}`, String(Number(number) + 0.5), String(Number(number) - 0.5)])),
    instants: instantsNear(all),
    uuids: few([...all.matchAll(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/gi)].map(([uuid]) => uuid)),
  };
}

export function few<Item>(items: readonly Item[], most = MOST): readonly Item[] {
  return [...new Set(items)].slice(0, most);
}

function integersNear(numbers: readonly bigint[]): readonly bigint[] {
  const around = numbers.flatMap((number) => [number + 1n, number - 1n, -number, 1n - number, -1n - number]);
  const pairs = numbers.slice(0, 6).flatMap((a) =>
    numbers.slice(0, 6).flatMap((b) => [a + b, a - b, -a - b, a * b, -a * b, ...(b === 0n ? [] : [a / b, a / b + 1n, a % b])]),
  );
  return few([...numbers, ...around, ...pairs], 90);
}

function instantsNear(all: string): readonly string[] {
  const days = [...all.matchAll(/\d{4}-\d\d(?:-\d\d)?/g)].map(([day]) => (day.length === 7 ? `${day}-15` : day));
  const years = [...all.matchAll(/\b[12]\d{3}\b/g)].map(([year]) => `${year}-06-15`);
  const instants = [...all.matchAll(/\d{4}-\d\d-\d\d[ T]\d\d:\d\d(?::\d\d(?:\.\d+)?)?/g)].map(([instant]) => instant);
  const valid = few([...days, ...years]).filter((day) => !Number.isNaN(Date.parse(`${day}T00:00:00Z`)));
  const around = valid.flatMap((day) => [-1, 0, 1, 2, 3, 4, 5].map((more) => new Date(Date.parse(`${day}T00:00:00Z`) + more * DAY).toISOString().slice(0, 10)));
  return few([...valid, ...instants.filter((instant) => !Number.isNaN(Date.parse(instant.replace(" ", "T")))), ...around], 60);
}

const DAY = 86_400_000;

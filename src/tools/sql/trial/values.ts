import type { Clues } from "./clues.js";
import { few } from "./clues.js";
import { jsonNear, JSON_VALUES } from "./json-values.js";
import { textsNear, TEXTS } from "./text-values.js";
import type { TrialColumn, TrialType } from "./types.js";

/** Values of a type, as PostgreSQL reads them. */
export interface Pool {
  /** What the statement's own constants suggest. */
  readonly near: readonly string[];
  /** Everyday and unusual values of the type. */
  readonly usual: readonly string[];
  /** As many different values as one likes, of a type that has so many. */
  readonly fresh?: (index: number) => string;
}

const BOUNDS: Readonly<Record<string, bigint>> = { int2: 2n ** 15n, int4: 2n ** 31n, int8: 2n ** 63n };

/** The values that a column is tried with; undefined for a type of which nothing is known here. */
export function poolOf(column: TrialColumn, clues: Clues): Pool | undefined {
  const { type, modifier } = column;
  if (type.name === "numeric" && modifier >= 4) return fitting(numbers(clues), modifier);
  if (type.name === "bit") return bits(modifier);
  if (type.category === "A") return type.element && arrays(typePool(elementOf(type), clues), clues);
  return typePool(type, clues);
}

function elementOf(type: TrialType): TrialType {
  return { name: type.element?.name ?? "", category: type.element?.category ?? "", element: undefined, labels: type.labels };
}

function typePool(type: TrialType, clues: Clues): Pool | undefined {
  const bound = BOUNDS[type.name];
  if (bound !== undefined) return integers(clues, bound);
  if (["numeric", "float4", "float8", "money"].includes(type.name)) return numbers(clues);
  if (type.category === "e") return { near: type.labels, usual: [] };
  if (type.category === "B") return { near: ["true", "false"], usual: [] };
  if (type.name === "char") return { near: few(clues.words.map((word) => word.slice(0, 1)).filter((letter) => /^[\x21-\x7e]$/.test(letter)), 8), usual: ["a", "B", "0"] };
  if (type.category === "S") return { near: textsNear(clues), usual: TEXTS, fresh: (index) => `v${index}` };
  return LISTS[type.name]?.(clues);
}

function integers(clues: Clues, bound: bigint): Pool {
  const inside = (number: bigint): boolean => number >= -bound && number < bound;
  const usual = [1n, 2n, 3n, 0n, -1n, ...Array.from({ length: 21 }, (_, index) => BigInt(index + 4)), 42n, 100n, -50n, 1000n, -1000n, 30_011n, 1_000_003n, -1_000_003n];
  return { near: clues.integers.filter(inside).map(String), usual: usual.filter(inside).map(String), fresh: (index) => String(200 + index) };
}

function numbers(clues: Clues): Pool {
  return {
    near: few([...clues.decimals, ...clues.integers.slice(0, 30).map(String)], 60),
    usual: ["1", "0", "-1", "0.5", "-0.25", "2.75", "3", "7", "10", "99.99", "100", "-50", "1234.5", "1000003", "-999999"],
    fresh: (index) => `${20 + index}.5`,
  };
}

/** https://www.postgresql.org/docs/current/catalog-pg-attribute.html: precision and scale of numeric, 4 bytes of length apart. */
function fitting({ near, usual, fresh }: Pool, modifier: number): Pool {
  const precision = ((modifier - 4) >> 16) & 0xffff;
  const scale = (modifier - 4) & 0x7ff;
  const fits = (text: string): boolean => scale <= precision && Math.abs(Number(text)) < 10 ** (precision - scale) - 1;
  // Without room for so many values there are none to be had.
  return { near: near.filter(fits), usual: usual.filter(fits), ...(fresh !== undefined && fits("9999") ? { fresh } : {}) };
}

function bits(modifier: number): Pool {
  const length = Math.max(1, modifier);
  const half = "01".repeat(length).slice(0, length);
  return { near: [], usual: ["0".repeat(length), "1".repeat(length), half, `1${half}`.slice(0, length)] };
}

/** An array of these, as PostgreSQL reads it. */
function list(values: readonly string[]): string {
  return `{${values.map((value) => `"${value.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`).join(",")}}`;
}

function arrays(elements: Pool | undefined, clues: Clues): Pool | undefined {
  if (elements === undefined) return undefined;
  const { near, usual } = elements;
  const own = clues.texts.filter((text) => /^\{[^{}"\\]*\}$/.test(text) && near.length > 0 && text.slice(1, -1).split(",").every((part) => near.includes(part.trim())));
  const some = [...near.slice(0, 20).map((value) => list([value])), ...near.slice(1, 8).map((value) => list([near[0] ?? "", value]))];
  return { near: few([...own, ...some, list(near.slice(0, 12))]), usual: ["{}", ...usual.slice(0, 8).map((value) => list([value])), list(usual.slice(0, 3)), list(usual.slice(0, 6))] };
}

const HOURS = Array.from({ length: 24 }, (_, hour) => `2024-${two(1 + (hour % 12))}-${two(1 + hour)} ${two(hour)}:${two((hour * 7) % 60)}:${two((hour * 11) % 60)}`);
const DAYS = ["now", "1970-01-01", "2031-07-08", "yesterday", "tomorrow", "0001-01-01", "1999-12-31", "2000-02-29", "2010-06-15", "2099-12-31", "9999-12-30"];
const UUIDS = ["00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff", "123e4567-e89b-42d3-a456-426614174000", "018f3e6c-5b7a-7cc1-9c8e-0242ac120002"];
const SPANS = ["0", "1 second", "-1 day", "1 hour", "30 days", "1 mon", "1 year", "100 years"];

function two(number: number): string {
  return String(number).padStart(2, "0");
}

function dayAfter(index: number): string {
  return new Date(Date.UTC(2011, 0, 1 + index * 17)).toISOString().slice(0, 10);
}

function instants(clues: Clues): Pool {
  return { near: clues.instants, usual: [...DAYS, ...HOURS], fresh: dayAfter };
}

function ranges(pool: Pool): Pool {
  const near = pool.near.slice(0, 8).flatMap((value) => [`[${value},${value}]`, `[${value},)`, `(,${value})`]);
  return { near: few(near, 24), usual: ["empty", "(,)", ...pool.usual.slice(0, 4).map((value) => `[${value},${value}]`), ...pool.usual.slice(0, 3).map((value) => `[${value},)`), ...pool.usual.slice(0, 3).map((value) => `(,${value})`)] };
}

const DAY_ONLY: Pool = { near: [], usual: ["2024-05-17", "1970-01-01", "2031-07-08", "0001-01-01"] };

function usually(...usual: string[]): () => Pool {
  return () => ({ near: [], usual });
}

function matching(pattern: RegExp, ...usual: string[]): (clues: Clues) => Pool {
  return ({ texts }) => ({ near: texts.filter((text) => pattern.test(text)), usual });
}

const oids = (clues: Clues): Pool => ({ near: clues.integers.filter((number) => number >= 0n && number < 2n ** 32n).map(String), usual: ["0", "1", "1259", "2200", "16384", "99999"] });
const ip = /^\d{1,3}(?:\.\d{1,3}){3}(?:\/(?:[12]?\d|3[0-2]))?$/;

/** By the type's own name. */
const LISTS: Readonly<Record<string, (clues: Clues) => Pool>> = {
  date: (clues) => ({ near: clues.instants.filter((instant) => instant.length === 10), usual: [...DAYS, ...HOURS.map((instant) => instant.slice(0, 10))], fresh: dayAfter }),
  timestamp: instants,
  timestamptz: instants,
  time: matching(/^\d\d:\d\d(?::\d\d)?$/, "00:00:00", "23:59:59", ...HOURS.map((instant) => instant.slice(11))),
  timetz: matching(/^\d\d:\d\d(?::\d\d)?$/, "00:00:00+00", "23:59:59+00", ...HOURS.map((instant) => `${instant.slice(11)}+00`)),
  interval: matching(/^-?\d+ (?:second|minute|hour|day|week|month|mon|year)s?$/, ...SPANS),
  uuid: ({ uuids }) => ({ near: uuids, usual: UUIDS, fresh: (index) => `9d3a6c${String(index).padStart(2, "0").slice(-2)}-0000-4000-8000-${String(index).padStart(12, "0")}` }),
  json: (clues) => ({ near: jsonNear(clues), usual: JSON_VALUES }),
  jsonb: (clues) => ({ near: jsonNear(clues), usual: JSON_VALUES }),
  bytea: matching(/^\\x(?:[0-9a-f]{2})*$/i, "\\x", "\\x00", "\\xdeadbeef"),
  inet: matching(ip, "10.0.0.1", "192.168.7.9", "8.8.8.8", "::1", "172.16.0.0/12"),
  cidr: usually("10.0.0.0/8", "192.168.7.0/24", "8.8.8.8/32", "::1/128"),
  macaddr: usually("08:00:2b:01:02:03", "00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff"),
  varbit: usually("0", "1", "101", "0000"),
  tsvector: ({ words }) => ({ near: few(words.filter((word) => /^\w+$/.test(word)), 12), usual: ["", "a", "quick fox", "zebra"] }),
  tsquery: ({ words }) => ({ near: few(words.filter((word) => /^\w+$/.test(word)), 12), usual: ["a", "quick & fox", "!zebra"] }),
  xml: usually("<a/>", "<b>x</b>", "text"),
  pg_lsn: usually("0/0", "1/ABC", "16/B374D848"),
  point: usually("(0,0)", "(1,2)", "(-100,50)", "(1e6,1e6)"),
  box: usually("(0,0),(1,1)", "(-5,-5),(100,50)"),
  circle: usually("<(0,0),1>", "<(50,-50),100>"),
  lseg: usually("[(0,0),(1,1)]", "[(5,5),(-5,0)]"),
  line: usually("{1,-1,0}", "{0,1,5}"),
  path: usually("[(0,0),(1,1),(2,0)]", "((0,0),(5,5))"),
  polygon: usually("((0,0),(1,1),(2,0))", "((5,5),(9,9),(9,5))"),
  tid: usually("(0,1)", "(0,2)", "(1,1)", "(1000,7)"),
  oid: oids,
  regclass: usually("1259", "1247"),
  regtype: usually("23", "25"),
  xid: usually("700", "701", "800"),
  cid: usually("0", "1", "2"),
  int4range: (clues) => ranges(integers(clues, 2n ** 31n)),
  int8range: (clues) => ranges(integers(clues, 2n ** 63n)),
  numrange: (clues) => ranges(numbers(clues)),
  daterange: ({ instants: found }) => ranges({ near: found.filter((instant) => instant.length === 10), usual: DAY_ONLY.usual }),
  tsrange: ({ instants: found }) => ranges({ near: found, usual: DAY_ONLY.usual }),
  tstzrange: ({ instants: found }) => ranges({ near: found, usual: DAY_ONLY.usual }),
};

/**
 * The JSON form of PostgreSQL's values. Nothing loses precision:
 *
 * | type | JSON |
 * |---|---|
 * | bool | true, false |
 * | int2, int4, oid, float4, float8 | number; NaN, Infinity, -Infinity and -0 as text |
 * | int8, numeric, money | text: "9007199254740993", "0.10", "NaN" |
 * | timestamptz, timestamp | ISO 8601 text, "2026-11-22T12:00:00.123456+00:00"; what ISO cannot say (infinity, BC) as PostgreSQL writes it |
 * | date, time, interval, uuid, inet, ranges, enums, composites, all others | text as PostgreSQL writes it |
 * | bytea | text: "\\x" and hexadecimal digits |
 * | json, jsonb | the value itself; `{ "$json": "…text…" }` when that would change it (a JSON null, a number beyond double precision, a lone surrogate, a repeated key) |
 * | arrays | arrays of the above; as text when their lower bound is not 1 |
 * | void | null |
 */
import { jsonValue } from "./json-text.js";
import type { Json } from "./json-text.js";

/** Name and, for an array, element type of a column's type. */
export interface TypeInfo {
  readonly name: string;
  readonly element?: number;
}

const BASE: readonly (readonly [oid: number, name: string, array: number])[] = [
  [16, "boolean", 1000],
  [17, "bytea", 1001],
  [18, '"char"', 1002],
  [19, "name", 1003],
  [20, "bigint", 1016],
  [21, "smallint", 1005],
  [23, "integer", 1007],
  [25, "text", 1009],
  [26, "oid", 1028],
  [114, "json", 199],
  [142, "xml", 143],
  [700, "real", 1021],
  [701, "double precision", 1022],
  [790, "money", 791],
  [869, "inet", 1041],
  [1042, "character", 1014],
  [1043, "character varying", 1015],
  [1082, "date", 1182],
  [1083, "time without time zone", 1183],
  [1114, "timestamp without time zone", 1115],
  [1184, "timestamp with time zone", 1185],
  [1186, "interval", 1187],
  [1266, "time with time zone", 1270],
  [1700, "numeric", 1231],
  [2950, "uuid", 2951],
  [3802, "jsonb", 3807],
];

/** The types that come with every server; others are looked up. */
export function builtInTypes(): Map<number, TypeInfo> {
  const types = new Map<number, TypeInfo>([[2278, { name: "void" }]]);
  for (const [oid, name, array] of BASE) {
    types.set(oid, { name });
    types.set(array, { name: `${name}[]`, element: oid });
  }
  return types;
}

/** @param text the value as PostgreSQL writes it, null for NULL */
export function decodeValue(text: string | null, type: number, types: ReadonlyMap<number, TypeInfo>): Json {
  if (text === null) return null;
  const element = types.get(type)?.element;
  if (element !== undefined) return decodeArray(text, element, types);
  switch (type) {
    case 16:
      return text === "t";
    case 21:
    case 23:
    case 26:
    case 700:
    case 701:
      return numberOrText(text);
    case 114:
    case 3802:
      return jsonValue(text);
    case 1114:
    case 1184:
      return isoOrText(text);
    case 2278:
      return null;
    default:
      return text;
  }
}

function numberOrText(text: string): number | string {
  const value = Number(text);
  return Number.isFinite(value) && !Object.is(value, -0) ? value : text;
}

const TIMESTAMP = /^(\d{4,}-\d\d-\d\d) (\d\d:\d\d:\d\d(?:\.\d+)?)(?:([+-]\d\d)(:\d\d)?(:\d\d)?)?$/;

function isoOrText(text: string): string {
  const found = TIMESTAMP.exec(text);
  if (found === null) return text;
  const [, date, time, hours, minutes = ":00", seconds = ""] = found;
  return `${date}T${time}${hours === undefined ? "" : `${hours}${minutes}${seconds}`}`;
}

/** `{1,NULL,"a,b",{…}}`: https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO */
function decodeArray(text: string, element: number, types: ReadonlyMap<number, TypeInfo>): Json {
  if (!text.startsWith("{")) return text;
  const token = /([{}])|,|"((?:[^"\\]|\\.)*)"|([^",{}]+)/gsy;
  const stack: Json[][] = [];
  let top: Json[] = [];
  for (let found = token.exec(text); found !== null; found = token.exec(text)) {
    const [, brace, quoted, bare] = found;
    if (brace === "{") {
      const inner: Json[] = [];
      top.push(inner);
      stack.push(top);
      top = inner;
    } else if (brace === "}") top = stack.pop() ?? top;
    else if (quoted !== undefined) top.push(decodeValue(quoted.replaceAll(/\\(.)/gs, "$1"), element, types));
    else if (bare !== undefined) top.push(bare === "NULL" ? null : decodeValue(bare, element, types));
  }
  return top[0] ?? [];
}

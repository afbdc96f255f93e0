import type { Catalogue, CatalogueFunction } from "../../systems/postgres/catalogue.js";
import type { Collected, FunctionCall } from "./collect.js";

/**
 * Built-in volatile functions that do no harm: they tell the time, make up numbers, wait (statement_timeout holds), count
 * sizes, or take locks that end with the transaction. Every other volatile built-in is refused.
 */
const HARMLESS = new Set(
  `array_sample array_shuffle bernoulli clock_timestamp currval gen_random_uuid lastval nextval pg_advisory_xact_lock
  pg_advisory_xact_lock_shared pg_blocking_pids pg_collation_actual_version pg_database_size pg_indexes_size
  pg_is_in_recovery pg_jit_available pg_last_committed_xact pg_partition_ancestors pg_partition_tree pg_relation_size
  pg_sequence_last_value pg_sleep pg_sleep_for pg_sleep_until pg_table_size pg_total_relation_size
  pg_try_advisory_xact_lock pg_try_advisory_xact_lock_shared pg_xact_commit_timestamp pg_xact_status random
  random_normal system timeofday txid_status uuidv4 uuidv7`.split(/\s+/),
);

/** Not volatile to PostgreSQL, and yet they run a text or read a table that is only named in a value. */
const RUNS_TEXT = /^(?:table|schema|database)_to_xml/;

/** Functions of extensions that are stable to PostgreSQL, and run the SQL that they are given. */
const RUNS_A_TEXT = /^(?:crosstab\w*|connectby|xpath_table)$/;

/** Volatile functions in C of PostgreSQL's own extensions that only make up values. */
const HARMLESS_EXTENSIONS: Readonly<Record<string, RegExp>> = {
  "uuid-ossp": /^uuid_generate_v\d/,
  pgcrypto: /^(?:gen_random_bytes|gen_random_uuid|gen_salt|encrypt|pgp_)/,
  pg_trgm: /^show_limit$/,
  unaccent: /^unaccent$/,
  tablefunc: /^normal_rand$/,
};

/** Names that lead out of the transaction, wherever they are called. */
const WAY_OUT =
  /\b(?:dblink\w*|setval|pg_(?:try_)?advisory_lock\w*|lo_export|lo_import|pg_read_(?:binary_)?file|pg_ls_dir|pg_file_\w+|pg_(?:terminate|cancel)_backend|pg_reload_conf|pg_switch_wal|query_to_xml\w*|track_counts|copy\s[^;]*\b(?:program|to\s+'|from\s+'))\b/i;

const WHY: readonly (readonly [RegExp, string])[] = [
  [/^(?:setval)$/, "the state of a sequence is outside the transaction and could not be undone"],
  [/^(?:set_config|setseed)$/, "it changes settings of the session"],
  [/^pg_notify$/, "it would set other programs going"],
  [/^pg_(?:try_)?advisory_/, "the lock would outlive the statement; use pg_advisory_xact_lock"],
  [/^(?:dblink|postgres_fdw)/, "it reaches another server, where nothing is measured and nothing is undone"],
  [/_to_xml|^ts_stat$|^ts_rewrite$/, "it runs a text that the guard has not judged"],
  [/^(?:lo_|loread|lowrite)/, "large objects are kept outside of tables, where nothing is measured"],
  [/^pg_(?:read|ls|stat_file|file)/, "it reads files of the server"],
];

/** What calling these functions means. */
export interface FunctionVerdict {
  /** Refused whatever the policies say; the first reason. */
  readonly refused: string | undefined;
  /** Why the effects cannot be known; the first reason. */
  readonly unknown: string | undefined;
  /** Called functions that are not built in, `schema.name`. */
  readonly called: readonly string[];
  /** Some code of the user's own runs: in a function, trigger, default, view or rule. */
  readonly runsUserCode: boolean;
  /** Some of it in another language than SQL and PL/pgSQL. */
  readonly runsForeignCode: boolean;
  /** The statement itself calls code that can touch a table, or may. */
  readonly callsLoudly: boolean;
  /** None of that code can touch a table: it has no SQL in it and calls nothing that might. */
  readonly codeIsSilent: boolean;
}

export interface FunctionContext {
  readonly collected: Collected;
  readonly catalogue: Catalogue;
  readonly vouched: readonly string[];
  /** Names of columns of the tables around: a field of that name is no call. */
  readonly columns: ReadonlySet<string>;
  /** Oids of relations that are touched, and of those that are written. */
  readonly touched: ReadonlySet<string>;
  readonly written: ReadonlySet<string>;
}

/** Judges what a statement calls by itself, and the code that comes with the tables it touches. */
export function judgeFunctions(context: FunctionContext): FunctionVerdict {
  const { collected, catalogue, vouched, columns } = context;
  const functions = catalogue.functions ?? [];
  const byOid = new Map(functions.map((one) => [one.oid, one]));
  const called = collected.calls.flatMap((call) => candidates(call, collected, catalogue, columns));
  const behindOperators = (catalogue.operators ?? []).flatMap(([name, oid]) => (collected.operators.has(name) ? (byOid.get(oid) ?? []) : []));
  const implied = (catalogue.implied ?? [])
    .filter(([, relation, why]) => (why === "view" || why === "policy" ? context.touched : context.written).has(relation))
    .flatMap(([oid]) => byOid.get(oid) ?? []);
  const direct = [...called, ...behindOperators];
  const own = direct.filter((one) => !isBuiltIn(one));
  return {
    refused: direct.map((one) => refusal(one, vouched)).find((why) => why !== undefined),
    unknown: [...direct.map((one) => doubt(one, catalogue, vouched)), ...implied.map((one) => impliedDoubt(one, catalogue, vouched))].find((why) => why !== undefined),
    called: [...new Set(direct.map((one) => (isBuiltIn(one) ? one.name : fullName(one))))].toSorted(),
    runsUserCode: own.length > 0 || implied.some((one) => !isBuiltIn(one)),
    runsForeignCode: [...own, ...implied].some((one) => !isBuiltIn(one) && !["sql", "plpgsql"].includes(one.language) && !(one.language === "c" && isSilent(one))),
    callsLoudly: !own.every(isSilent),
    codeIsSilent: [...own, ...implied].every((one) => isBuiltIn(one) || isSilent(one)),
  };
}

/** Every function that a call could mean: PostgreSQL picks one by the types, so the worst of them counts. */
function candidates(call: FunctionCall, collected: Collected, catalogue: Catalogue, columns: ReadonlySet<string>): readonly CatalogueFunction[] {
  const found = (catalogue.functions ?? []).filter(
    (one) =>
      one.name === call.name &&
      (call.schema === null ? catalogue.path.includes(one.schema) : one.schema === call.schema) &&
      takes(one, call.args),
  );
  if (call.form === "call") return found;
  // A field is a column wherever there is one of that name, and only what has side effects matters otherwise.
  if (call.form === "field" && columns.has(call.name)) return [];
  const harmful = found.filter((one) => one.volatility === "v" && !(isBuiltIn(one) && HARMLESS.has(one.name)));
  return call.form === "member" || collected.hasFunctionInFrom ? harmful : harmful.filter((one) => !isBuiltIn(one));
}

function takes(one: CatalogueFunction, args: number | undefined): boolean {
  if (args === undefined || one.kind === "a") return true;
  return args >= one.args - one.defaults - (one.variadic ? 1 : 0) && (one.variadic || args <= one.args);
}

function refusal(one: CatalogueFunction, vouched: readonly string[]): string | undefined {
  const isVouched = isVouchedFor(one, vouched);
  const why = WHY.find(([name]) => name.test(one.name))?.[1];
  if (isBuiltIn(one)) {
    if (RUNS_TEXT.test(one.name)) return sentence(one, why);
    return one.volatility === "v" && !HARMLESS.has(one.name) ? sentence(one, why) : undefined;
  }
  if (one.name.startsWith("dblink") && isForeign(one)) return sentence(one, why);
  return one.volatility === "v" && isForeign(one) && !isHarmlessExtension(one) && !isVouched ? sentence(one, undefined) : undefined;
}

function sentence(one: CatalogueFunction, why: string | undefined): string {
  return `${isBuiltIn(one) ? one.name : fullName(one)} is refused: ${why ?? "its effects reach beyond the transaction, or nobody can tell"}`;
}

/** A function that the statement calls. */
function doubt(one: CatalogueFunction, catalogue: Catalogue, vouched: readonly string[]): string | undefined {
  if (isBuiltIn(one) || isVouchedFor(one, vouched)) return undefined;
  if (isForeign(one)) return RUNS_A_TEXT.test(one.name) ? `${fullName(one)} runs a text that nobody has judged` : undefined;
  if (one.volatility === "v") return `${fullName(one)} is a volatile function: it may do anything`;
  if (/\bexecute\b/i.test(one.source ?? "")) return `${fullName(one)} makes up SQL while it runs`;
  return wayOut(one, catalogue, vouched);
}

/** Code that comes with a table. What it does inside the database is measured; what leads out of it is not. */
function impliedDoubt(one: CatalogueFunction, catalogue: Catalogue, vouched: readonly string[]): string | undefined {
  if (isBuiltIn(one) || isVouchedFor(one, vouched)) return undefined;
  const isUnknownCode = isForeign(one) && one.volatility === "v" && one.extension === null;
  if (isUnknownCode) return `${fullName(one)}, which runs with this table, is code that PostgreSQL does not control`;
  return one.name.startsWith("dblink") ? `${fullName(one)}, which runs with this table, reaches another server` : wayOut(one, catalogue, vouched);
}

/** A function's own text, and those of the functions that it calls, level by level. */
function wayOut(one: CatalogueFunction, catalogue: Catalogue, vouched: readonly string[], seen = new Set<string>()): string | undefined {
  seen.add(one.oid);
  const found = WAY_OUT.exec(`${one.source ?? ""} ${(one.settings ?? []).join(" ")}`)?.[0];
  if (found !== undefined) return `${fullName(one)} uses ${found.split(/\s/)[0]}, whose effects cannot be measured`;
  const names = new Set(namesCalledIn(one));
  const inside = (catalogue.functions ?? []).filter((other) => names.has(other.name) && !isBuiltIn(other) && !seen.has(other.oid));
  for (const other of inside) {
    if (isVouchedFor(other, vouched)) continue;
    const leadsOut = isForeign(other) && ((other.volatility === "v" && !isHarmlessExtension(other)) || RUNS_A_TEXT.test(other.name));
    if (leadsOut) return `${fullName(one)} calls ${fullName(other)}, whose effects cannot be measured`;
    const deeper = wayOut(other, catalogue, vouched, seen);
    if (deeper !== undefined) return deeper;
  }
  return undefined;
}

/** Names before an opening parenthesis in a function's text: what it may call. */
export function namesCalledIn(one: CatalogueFunction): readonly string[] {
  const code = one.source ?? "";
  return [...code.matchAll(/(?:"((?:[^"]|"")+)"|([a-z_][\w$]*))\s*\(/gi)].map(([, quoted, bare = ""]) =>
    quoted === undefined ? bare.toLowerCase() : quoted.replaceAll('""', '"'),
  );
}

/** Whether a function's text calls nothing of which the catalogue would have to be asked. */
export function callsNothing(one: CatalogueFunction): boolean {
  return one.source === null || isSilent(one);
}

const SQL_WORD = /\b(?:select|perform|execute|insert|update|delete|merge|truncate|call|copy|from|do|table|query|alter|create|drop)\b/i;
const CALL = /([a-z_"][\w$".]*)\s*\(/gi;
const PLAIN_CALLS = /^(?:now|clock_timestamp|statement_timestamp|lower|upper|trim|btrim|coalesce|length|nullif|greatest|least|gen_random_uuid|concat|if|elsif|and|or|not|in|varchar|numeric|char)$/i;

/** Such as a trigger that sets updated_at: assignments and plain built-in functions only. C code counts as its extension says. */
function isSilent(one: CatalogueFunction): boolean {
  if (one.source === null) return one.volatility !== "v" || isHarmlessExtension(one);
  const code = one.source.replaceAll(/'[^']*'/g, "''");
  return !SQL_WORD.test(code) && [...code.matchAll(CALL)].every(([, name]) => PLAIN_CALLS.test(name ?? ""));
}

/** Defined while the server was built, not later: FirstNormalObjectId of PostgreSQL's transam.h. */
function isBuiltIn(one: CatalogueFunction): boolean {
  return Number(one.oid) < 16_384;
}

/** Code that is not run by an interpreter of PostgreSQL's trust. */
function isForeign(one: CatalogueFunction): boolean {
  return !one.trusted && one.language !== "sql" && one.kind !== "a";
}

function isHarmlessExtension(one: CatalogueFunction): boolean {
  return one.extension !== null && HARMLESS_EXTENSIONS[one.extension]?.test(one.name) === true;
}

function fullName(one: CatalogueFunction): string {
  return `${one.schema}.${one.name}`;
}

function isVouchedFor(one: CatalogueFunction, vouched: readonly string[]): boolean {
  return vouched.includes(one.name) || vouched.includes(fullName(one));
}

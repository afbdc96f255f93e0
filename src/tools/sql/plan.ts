import { EnactError } from "../../errors.js";
import type { Json } from "../../facts/json.js";
import type { SqlQueryPayload } from "../../facts/sql.js";
import type { Catalogue, CatalogueRequest, Look } from "../../systems/postgres/catalogue.js";
import type { Watch } from "../../systems/postgres/choice.js";
import type { Order } from "../../systems/postgres/transaction.js";
import { withoutValues } from "../../systems/postgres/quotes.js";
import type { SqlParser } from "../../systems/postgres/parser.js";
import type { PostgresReader } from "../../systems/postgres.js";
import { analyse } from "./analyse.js";
import type { Statement } from "./analyse.js";
import { callsNothing, namesCalledIn } from "./functions.js";
import { isSystemSchema, plannedFacts, resolveStatement } from "./facts.js";
import type { Resolved } from "./facts.js";
import { isNode, parseSql } from "./parse.js";
import type { Node, ParsedStatement } from "./parse.js";
import { shownName, sqlName, Tables } from "./tables.js";

/** What execute() needs: the order, and the facts that the measured ones are laid over. */
export interface SqlStep {
  readonly order: Order;
  readonly facts: SqlQueryPayload;
  /** No code, rule or cascade of the user's runs that could touch a table: what else is touched, foreign keys and partitions explain. */
  readonly codeIsSilent: boolean;
  /** Tables whose storage a statement replaces by right: ALTER TABLE, REFRESH. */
  readonly rewrites: readonly string[];
  /** Tables of which an ALTER TABLE … USING gives every row another value; PostgreSQL does not count them. */
  readonly recalculates: readonly string[];
  /** Root of each partition or child table that an UPDATE may move rows in: [table, root]. */
  readonly moves: readonly (readonly [string, string])[];
}

export interface SqlPlan {
  readonly payload: SqlQueryPayload;
  readonly step: SqlStep;
  readonly target: string;
}

/** Reads the text, asks the catalogue, and says what would happen. Nothing runs. */
export function planSql(sql: string, params: readonly Json[], reader: PostgresReader): Promise<SqlPlan> {
  return reader.parsing((parser) => planWith(parser, sql, params, reader));
}

async function planWith(parser: SqlParser, sql: string, params: readonly Json[], reader: PostgresReader): Promise<SqlPlan> {
  const statements = withoutOverflow(parseSql(sql, parser));
  checkParams(statements, params);
  const { look, request } = await lookDeep(reader, requestOf(statements));
  const { catalogue } = look;
  const tables = new Tables(catalogue);
  checkRelations(statements, tables, catalogue);
  const parseView = (definition: string): Node | undefined => {
    const tree = (parser.parse(definition).stmts ?? [])[0]?.stmt as Node | undefined;
    return isNode(tree?.["SelectStmt"]) ? tree["SelectStmt"] : undefined;
  };
  const context = { catalogue, tables, params, vouched: reader.functions, parseView };
  const resolved = statements.map((statement) => resolveStatement(statement, context));
  const refusal = resolved.map((one) => one.verdict.refused).find((why) => why !== undefined);
  if (refusal !== undefined) throw new EnactError("REFUSED", refusal);
  const payload = plannedFacts(sql, resolved, doubtOf(statements, resolved), params.length);
  const order = orderOf(statements, resolved, params, look, request, watchesOf(statements, resolved, tables));
  const step: SqlStep = {
    order,
    facts: payload,
    codeIsSilent: resolved.every((one) => one.verdict.codeIsSilent && one.cascades.length === 0 && one.written.every(({ rules }) => rules === null)),
    rewrites: rewritesOf(statements, resolved, tables),
    recalculates: statements.filter((one) => one.recalculates).flatMap((one) => one.relations.slice(0, 1)).flatMap((name) => tables.find(name) ?? []).map((one) => shownName(one.schema, one.name)),
    moves: movesOf(statements, resolved, tables),
  };
  return { payload, step, target: targetOf(payload) };
}

function withoutOverflow(parsed: readonly ParsedStatement[]): readonly Statement[] {
  try {
    return parsed.map((statement) => analyse(statement));
  } catch (error) {
    if (error instanceof RangeError) throw new EnactError("INVALID_INPUT", "The SQL is nested too deeply to be understood");
    throw error;
  }
}

function checkParams(statements: readonly Statement[], params: readonly Json[]): void {
  if (statements.length > 1 && params.length > 0) {
    throw new EnactError("INVALID_INPUT", `Parameters go with a single statement; this SQL holds ${statements.length}`);
  }
  const wanted = Math.max(...statements.map((statement) => statement.paramCount));
  if (wanted !== params.length) {
    throw new EnactError("INVALID_INPUT", `The SQL uses ${wanted} parameters ($1 …), and ${params.length} were given`);
  }
  if (JSON.stringify(params).includes("\\u0000")) throw new EnactError("INVALID_INPUT", "A parameter holds a NUL character");
}

/** Looks, and looks again for what the functions found call in turn, until nothing new is named. */
async function lookDeep(reader: PostgresReader, first: CatalogueRequest): Promise<{ look: Look; request: CatalogueRequest }> {
  let request = first;
  for (let depth = 0; ; depth += 1) {
    const look = await reader.look(request);
    const called = (look.catalogue.functions ?? []).filter((one) => !callsNothing(one)).flatMap(namesCalledIn);
    const functions = list([...request.functions, ...called]);
    if (functions.length === request.functions.length || depth === MAX_DEPTH) return { look, request };
    request = { ...request, functions };
  }
}

/** Levels of functions that call functions. */
const MAX_DEPTH = 5;

function list(items: readonly string[]): readonly string[] {
  return [...new Set(items)].toSorted();
}

function requestOf(statements: readonly Statement[]): CatalogueRequest {
  const names = statements.flatMap((statement) => statement.relations);
  const changed = statements.flatMap((statement) => statement.changes).filter((change) => change.verb !== "INSERT");
  return {
    relations: list(names.filter((name) => !name.only).map(sqlName)),
    only: list(names.filter((name) => name.only).map(sqlName)),
    functions: list(statements.flatMap((statement) => statement.collected.calls.map((call) => call.name))),
    operators: list(statements.flatMap((statement) => [...statement.collected.operators])),
    changed: list(changed.map((change) => sqlName(change.target))),
  };
}

function checkRelations(statements: readonly Statement[], tables: Tables, catalogue: Catalogue): void {
  let mayBeNew = false;
  for (const { relations, kind, changes } of statements) {
    mayBeNew ||= kind.class === "schema" || kind.class === "code";
    for (const name of relations) {
      if (name.database !== null && name.database !== catalogue.database) {
        throw new EnactError("INVALID_INPUT", withoutValues(`"${name.database}" is another database; only ${catalogue.database} can be reached`));
      }
      if (tables.find(name) !== undefined || mayBeNew) continue;
      const shown = name.schema === null ? name.name : `${name.schema}.${name.name}`;
      throw new EnactError("NOT_FOUND", withoutValues(`There is no table or view "${shown}"`), {
        hint: "Look for the right name in information_schema.tables; names with capitals need double quotes.",
      });
    }
    for (const change of changes) checkTarget(tables.find(change.target));
  }
}

function checkTarget(target: ReturnType<Tables["find"]>): void {
  if (target === undefined) return;
  const shown = shownName(target.schema, target.name);
  if (target.kind === "f") {
    throw new EnactError("REFUSED", `${shown} is a foreign table: what is written to another server is neither measured nor undone`);
  }
  // UPDATE pg_settings is SET by another name.
  if (isSystemSchema(target.schema) && target.kind === "v") throw new EnactError("REFUSED", `${shown} is a view of the system: it is not written to`);
}

/** Why nobody can tell what the call does; undefined when it can be told. */
function doubtOf(statements: readonly Statement[], resolved: readonly Resolved[]): string | undefined {
  let codeChanged: string | undefined;
  for (const [index, { kind, collected, executes, changesCode }] of statements.entries()) {
    if (kind.name === "DO") return "DO runs a block of code that nobody has judged";
    const verdict = resolved[index]?.verdict;
    if (executes && verdict?.unknown !== undefined) return verdict.unknown;
    const callsSomething = collected.calls.some((call) => call.form === "call" && call.schema !== "pg_catalog");
    if (codeChanged !== undefined && (callsSomething || kind.class === "code")) {
      return `${codeChanged} comes before a call in the same text: what is called is not what was looked at`;
    }
    if (changesCode) codeChanged = kind.name;
  }
  return resolved.flatMap((one) => one.touched).map(foreignDoubt).find((why) => why !== undefined);
}

const PROGRAM = /\bprogram\s*=/i;
const WAY_OUT_OF_VIEW = /\b(?:dblink\w*|lo_export|lo_import|pg_read_(?:binary_)?file|pg_ls_dir|pg_(?:terminate|cancel)_backend|query_to_xml\w*|set_config|setval)\s*\(|\bnotify\b/i;

/** Views that show the contents of files of the server, as the refused functions behind them do (PostgreSQL manual, chapter 52). */
const SHOWS_SERVER_FILES = new Set(["pg_file_settings", "pg_hba_file_rules", "pg_ident_file_mappings"]);

function foreignDoubt(relation: Resolved["touched"][number]): string | undefined {
  const shown = shownName(relation.schema, relation.name);
  if (relation.schema === "pg_catalog" && SHOWS_SERVER_FILES.has(relation.name)) return `${shown} reads files of the server`;
  if (PROGRAM.test(relation.foreign_options ?? "")) return `${shown} runs a program on the server when it is read`;
  const code = [relation.definition ?? "", ...(relation.rules ?? []).map(([, , definition]) => definition)].join("\n");
  const found = WAY_OUT_OF_VIEW.exec(code)?.[0];
  return found === undefined ? undefined : `${shown} uses ${found.replace("(", "")}, whose effects cannot be measured`;
}

function orderOf(statements: readonly Statement[], resolved: readonly Resolved[], params: readonly Json[], look: Look, request: CatalogueRequest, watches: readonly Watch[]): Order {
  const runsUserCode = resolved.some((one) => one.verdict.runsUserCode && !one.verdict.codeIsSilent);
  const isData = statements.every(({ kind }) => kind.class === "read" || kind.class === "change");
  return {
    statements: statements.map((statement) => statement.text),
    params,
    readOnly: statements.every((statement, index) => onlyReads(statement, resolved[index] as Resolved, look.catalogue)),
    watchSchema: !isData || runsUserCode,
    watches,
    leaves: !isData || resolved.some((one) => one.verdict.runsForeignCode) ? "anything" : runsUserCode ? "statements" : "settings",
    search_path: look.catalogue.search_path,
    request,
    digest: look.digest,
    isStandby: look.catalogue.recovery,
  };
}

/** Changes whose WHERE looks like a choice: whether it is one shows when it has run. */
function watchesOf(statements: readonly Statement[], resolved: readonly Resolved[], tables: Tables): readonly Watch[] {
  return statements.flatMap((statement, index) =>
    statement.changes.flatMap(({ target, verb }, change): Watch[] => {
      const relation = tables.find(target);
      const isChoice = resolved[index]?.facts.changes[change]?.where === "present";
      if (relation === undefined || !isChoice) return [];
      const counted = statement.changes.length === 1 && (verb === "DELETE" || verb === "UPDATE") ? verb : null;
      const name = sqlName({ schema: relation.schema, name: relation.name });
      return [{ statement: index, change, oid: relation.oid, relation: name, only: target.only, isView: relation.kind === "v", counted }];
    }),
  );
}

const NEEDS_WRITING = new Set(["nextval", "currval", "lastval"]);

/** Can run in a READ ONLY transaction, where PostgreSQL itself refuses every change. */
function onlyReads({ kind, collected, changes, executes }: Statement, { verdict, touched }: Resolved, catalogue: Catalogue): boolean {
  if (!executes) return true;
  if (!["SELECT", "EXPLAIN", "SHOW"].includes(kind.name) || changes.length > 0 || collected.locksRows) return false;
  // A function that says it is stable may call one that is not: what it does is then measured.
  if (!verdict.codeIsSilent || verdict.called.some((name) => NEEDS_WRITING.has(name))) return false;
  const isVolatile = (oid: string): boolean => catalogue.functions?.find((one) => one.oid === oid)?.volatility === "v";
  const views = new Set(touched.filter((one) => one.kind === "v").map((one) => one.oid));
  const viewsChange = (catalogue.implied ?? []).some(([oid, relation, why]) => why === "view" && views.has(relation) && isVolatile(oid));
  const calledUserCode = (catalogue.functions ?? []).some(
    (one) => one.volatility === "v" && verdict.called.includes(`${one.schema}.${one.name}`),
  );
  return !viewsChange && !calledUserCode;
}

/** Their storage is replaced, and that looks like TRUNCATE: it is one if code that runs beside them may have done it. */
function rewritesOf(statements: readonly Statement[], resolved: readonly Resolved[], tables: Tables): string[] {
  const rewriting = statements.filter(({ kind }) => kind.name === "ALTER TABLE" || kind.name === "REFRESH MATERIALIZED VIEW");
  const isQuiet = (statement: Statement, index: number): boolean => {
    const verdict = resolved[index]?.verdict;
    // The very table that is being rewritten cannot be emptied meanwhile.
    return rewriting.includes(statement) ? rewriting.length === 1 || verdict?.callsLoudly === false : verdict?.codeIsSilent === true;
  };
  if (!statements.every(isQuiet)) return [];
  return rewriting
    .flatMap((statement) => statement.relations)
    .flatMap((name) => {
      const found = tables.find(name);
      return found === undefined ? [] : [found, ...tables.family(found, false)];
    })
    .map((one) => shownName(one.schema, one.name));
}

/** An UPDATE of a partitioned table may move rows: PostgreSQL counts each as one deleted and one inserted. */
function movesOf(statements: readonly Statement[], resolved: readonly Resolved[], tables: Tables): (readonly [string, string])[] {
  return statements.flatMap((statement, index) => {
    if (!statement.changes.some((change) => change.verb === "UPDATE")) return [];
    const roots = (resolved[index]?.written ?? []).filter((one) => one.kind === "p");
    return roots.flatMap((root) => tables.family(root, false).map((one) => [shownName(one.schema, one.name), shownName(root.schema, root.name)] as const));
  });
}

/** The headline of a receipt: "DELETE public.orders". */
function targetOf(payload: SqlQueryPayload): string {
  const kinds = [...new Set(payload.statements.map((statement) => statement.kind))];
  const names = payload.tables_written.length > 0 ? payload.tables_written : payload.tables_read;
  const more = names.length > 3 ? ", …" : "";
  return `${kinds.slice(0, 3).join(" + ")}${kinds.length > 3 ? " + …" : ""} ${names.slice(0, 3).join(", ")}${more}`.trim();
}

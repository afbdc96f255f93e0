import type { Node } from "./parse.js";
import { listOf } from "./parse.js";

/**
 * read: looks. change: INSERT, UPDATE, DELETE, MERGE. schema: changes the schema. code: runs a block of code. refused:
 * works outside the transaction, takes control of it, or outlives the call.
 */
export type StatementClass = "read" | "change" | "schema" | "code" | "refused";

export interface Kind {
  readonly name: string;
  readonly class: StatementClass;
  /** For refused ones: why, as a clause. */
  readonly why?: string;
}

const TRANSACTION = "it would end or steer the transaction in which the guard measures what the statements do";
const SETTING = "it would change settings of the session";
const OUTSIDE = "it works outside a transaction and could not be undone";
const OUTLIVES = "it would outlive the call";
const SERVER = "it changes the server, not the data";
const COPY = "COPY moves data past the guard; use SELECT or INSERT";
const REMOTE = "it reaches another server, where nothing is measured and nothing is undone";

const READS: Readonly<Record<string, string>> = {
  SelectStmt: "SELECT",
  ExplainStmt: "EXPLAIN",
  VariableShowStmt: "SHOW",
  LockStmt: "LOCK",
  ConstraintsSetStmt: "SET CONSTRAINTS",
};
const CHANGES: Readonly<Record<string, string>> = {
  InsertStmt: "INSERT",
  UpdateStmt: "UPDATE",
  DeleteStmt: "DELETE",
  MergeStmt: "MERGE",
};
const REFUSED: Readonly<Record<string, readonly [string, string]>> = {
  TransactionStmt: ["transaction control", TRANSACTION],
  VariableSetStmt: ["SET", SETTING],
  DiscardStmt: ["DISCARD", SETTING],
  PrepareStmt: ["PREPARE", OUTLIVES],
  ExecuteStmt: ["EXECUTE", "it runs a text that is not in this call"],
  DeallocateStmt: ["DEALLOCATE", SETTING],
  DeclareCursorStmt: ["DECLARE CURSOR", OUTLIVES],
  FetchStmt: ["FETCH", "there are no cursors here"],
  ClosePortalStmt: ["CLOSE", "there are no cursors here"],
  ListenStmt: ["LISTEN", OUTLIVES],
  UnlistenStmt: ["UNLISTEN", SETTING],
  NotifyStmt: ["NOTIFY", "it would set other programs going"],
  CopyStmt: ["COPY", COPY],
  VacuumStmt: ["VACUUM and ANALYZE", OUTSIDE],
  ClusterStmt: ["CLUSTER", OUTSIDE],
  ReindexStmt: ["REINDEX", OUTSIDE],
  CheckPointStmt: ["CHECKPOINT", SERVER],
  LoadStmt: ["LOAD", "it loads a library into the server"],
  CreatedbStmt: ["CREATE DATABASE", OUTSIDE],
  DropdbStmt: ["DROP DATABASE", OUTSIDE],
  AlterDatabaseStmt: ["ALTER DATABASE", SERVER],
  AlterDatabaseSetStmt: ["ALTER DATABASE SET", SERVER],
  AlterDatabaseRefreshCollStmt: ["ALTER DATABASE", SERVER],
  AlterSystemStmt: ["ALTER SYSTEM", SERVER],
  CreateTableSpaceStmt: ["CREATE TABLESPACE", OUTSIDE],
  DropTableSpaceStmt: ["DROP TABLESPACE", OUTSIDE],
  AlterTableSpaceOptionsStmt: ["ALTER TABLESPACE", SERVER],
  AlterTableMoveAllStmt: ["ALTER TABLE ALL IN TABLESPACE", SERVER],
  CreateSubscriptionStmt: ["CREATE SUBSCRIPTION", REMOTE],
  AlterSubscriptionStmt: ["ALTER SUBSCRIPTION", REMOTE],
  DropSubscriptionStmt: ["DROP SUBSCRIPTION", REMOTE],
  ImportForeignSchemaStmt: ["IMPORT FOREIGN SCHEMA", REMOTE],
};

/** Statements of which only the name needs a word of its own; the others are named after their node. */
const SCHEMA: Readonly<Record<string, string>> = {
  AlterObjectDependsStmt: "ALTER … DEPENDS",
  AlterObjectSchemaStmt: "ALTER … SET SCHEMA",
  AlterOwnerStmt: "ALTER … OWNER",
  AlterRoleSetStmt: "ALTER ROLE SET",
  AlterTableStmt: "ALTER TABLE",
  CommentStmt: "COMMENT",
  CompositeTypeStmt: "CREATE TYPE",
  CreateStmt: "CREATE TABLE",
  CreateTableAsStmt: "CREATE TABLE AS",
  CreateTrigStmt: "CREATE TRIGGER",
  CreateSeqStmt: "CREATE SEQUENCE",
  CreatePLangStmt: "CREATE LANGUAGE",
  DefineStmt: "CREATE",
  DropStmt: "DROP",
  DropOwnedStmt: "DROP OWNED",
  GrantRoleStmt: "GRANT",
  IndexStmt: "CREATE INDEX",
  ReassignOwnedStmt: "REASSIGN OWNED",
  RefreshMatViewStmt: "REFRESH MATERIALIZED VIEW",
  RenameStmt: "ALTER … RENAME",
  RuleStmt: "CREATE RULE",
  SecLabelStmt: "SECURITY LABEL",
  TruncateStmt: "TRUNCATE",
  ViewStmt: "CREATE VIEW",
};

/** Nodes that change the schema; what is in no list is refused, so that a new kind of statement is not let through. */
const SCHEMA_NODE = /^(?:Alter|Create|Drop)[A-Z]\w*Stmt$/;

export function kindOf(type: string, node: Node): Kind {
  const refused = REFUSED[type];
  if (refused !== undefined) return { name: refused[0], class: "refused", why: refused[1] };
  if (type === "SelectStmt" && hasInto(node)) return { name: "SELECT INTO", class: "schema" };
  const read = READS[type];
  if (read !== undefined) return { name: read, class: "read" };
  const change = CHANGES[type];
  if (change !== undefined) return { name: change, class: "change" };
  if (type === "DoStmt") return { name: "DO", class: "code" };
  if (type === "CallStmt") return { name: "CALL", class: "code" };
  if (node["concurrent"] === true && type !== "RefreshMatViewStmt") {
    return { name: "CONCURRENTLY", class: "refused", why: OUTSIDE };
  }
  return schemaKind(type, node);
}

function schemaKind(type: string, node: Node): Kind {
  if (type === "GrantStmt") return { name: node["is_grant"] === true ? "GRANT" : "REVOKE", class: "schema" };
  if (type === "CreateFunctionStmt" && isForeignCode(node)) {
    return { name: "CREATE FUNCTION", class: "refused", why: "code in this language is out of PostgreSQL's control" };
  }
  if (type === "DropStmt") return { name: `DROP ${objectType(node["removeType"])}`, class: "schema" };
  const name = SCHEMA[type];
  if (name !== undefined) return { name, class: "schema" };
  if (SCHEMA_NODE.test(type)) return { name: words(type.replace(/Stmt$/, "")), class: "schema" };
  return { name: words(type), class: "refused", why: "this tool does not know what it does" };
}

/** SELECT … INTO, also in the left arm of a UNION, where the grammar puts it. */
function hasInto(node: Node): boolean {
  if (node["intoClause"] !== undefined) return true;
  return [node["larg"], node["rarg"]].some((arm) => typeof arm === "object" && arm !== null && hasInto(arm as Node));
}

function isForeignCode(node: Node): boolean {
  return listOf(node["options"]).some((option) => {
    const { defname, arg } = (option["DefElem"] ?? {}) as { defname?: string; arg?: { String?: { sval?: string } } };
    const language = arg?.String?.sval?.toLowerCase() ?? "";
    return defname === "language" && (language === "c" || language === "internal" || language.endsWith("u"));
  });
}

function objectType(value: unknown): string {
  return typeof value === "string" ? value.replace(/^OBJECT_/, "").replaceAll("_", " ").replace("MATVIEW", "MATERIALIZED VIEW") : "";
}

function words(type: string): string {
  return type.replaceAll(/([a-z])([A-Z])/g, "$1 $2").toUpperCase();
}

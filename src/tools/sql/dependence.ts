import type { ChangeNode } from "./collect.js";
import { isNode, listOf, stringsOf } from "./parse.js";
import type { Node } from "./parse.js";
import { fromItems, SYSTEM_COLUMNS } from "./sources.js";
import type { ColumnInfo, FromItem, Sources } from "./sources.js";

/** Functions that give every row another value. */
const DIFFERS: ReadonlySet<string> = new Set(["random", "random_normal", "gen_random_uuid", "uuidv4", "uuidv7", "clock_timestamp"]);

/** Tells which parts of a condition depend on the row of the target. */
export class Dependence {
  readonly #change: ChangeNode;
  readonly #sources: Sources;
  /** Aliases that hold all rows of the target: their columns are as good as the target's own. */
  readonly #mirrors: ReadonlySet<string>;
  readonly #joined: readonly FromItem[];
  readonly #columns: ReadonlyMap<string, ColumnInfo> | undefined;

  constructor(change: ChangeNode, sources: Sources, mirrors?: ReadonlySet<string>) {
    this.#change = change;
    this.#sources = sources;
    this.#joined = fromItems(change.joined, change, sources);
    this.#mirrors = mirrors ?? new Set(this.#joined.filter((item) => item.isMirror).map((item) => item.alias));
    const columns = sources.columns(change.target);
    this.#columns = columns === undefined ? undefined : new Map([...SYSTEM_COLUMNS, ...columns].map((column) => [column.name, column]));
  }

  withMirror(alias: string): Dependence {
    return new Dependence(this.#change, this.#sources, new Set([...this.#mirrors, alias]));
  }

  /** The same for two texts that mean the same: without positions, columns of the target without their qualifier. */
  key(wrapped: Node): string {
    return JSON.stringify(wrapped, (field, value: unknown) => {
      if (field === "location" || field.endsWith("_start") || field.endsWith("_end")) return undefined;
      if (isNode(value) && isNode(value["ColumnRef"])) return this.#columnKey(value["ColumnRef"]) ?? value;
      return value;
    });
  }

  same(left: Node, right: Node): boolean {
    return this.key(left) === this.key(right);
  }

  /** The column of the target that this is; undefined for anything else. */
  targetColumn(wrapped: Node): ColumnInfo | undefined {
    const reference = wrapped["ColumnRef"];
    const name = isNode(reference) ? this.#columnKey(reference) : undefined;
    return name === undefined ? undefined : (this.#columns?.get(name) ?? { name, notNull: false, type: "unknown" });
  }

  onRow(wrapped: Node): boolean {
    return this.#depends(wrapped, []);
  }

  /** The column's name, if it is the target's or a mirror's; mirrors other than the target only match exactly. */
  #columnKey(reference: Node): string | undefined {
    const fields = stringsOf(reference["fields"]);
    if (fields.length !== listOf(reference["fields"]).length) return undefined;
    const name = fields.at(-1);
    const qualifier = fields.at(-2);
    if (name === undefined) return undefined;
    if (qualifier !== undefined) return qualifier === this.#change.alias || this.#mirrors.has(qualifier) ? name : undefined;
    if (this.#columns !== undefined) return this.#columns.has(name) ? name : undefined;
    return this.#joined.some((item) => item.columns?.has(name) ?? true) ? undefined : name;
  }

  /** @param inner the FROM items of the subqueries around, which come first when a name is looked up */
  #depends(value: unknown, inner: readonly FromItem[]): boolean {
    if (Array.isArray(value)) return value.some((item) => this.#depends(item, inner));
    if (!isNode(value)) return false;
    if (isNode(value["ColumnRef"])) return this.#isTargets(value["ColumnRef"], inner);
    if (isNode(value["FuncCall"]) && DIFFERS.has(stringsOf(value["FuncCall"]["funcname"]).at(-1) ?? "")) return true;
    if (value["fromClause"] !== undefined) {
      const items = fromItems(listOf(value["fromClause"]), this.#change, this.#sources);
      return Object.values(value).some((child) => this.#depends(child, [...items, ...inner]));
    }
    return Object.values(value).some((child) => this.#depends(child, inner));
  }

  #isTargets(reference: Node, inner: readonly FromItem[]): boolean {
    const fields = stringsOf(reference["fields"]);
    const { alias } = this.#change;
    const hasStar = fields.length < listOf(reference["fields"]).length;
    if (fields.length > 1 || hasStar) {
      const qualifier = hasStar ? fields.at(-1) : fields.at(-2);
      return qualifier === alias && !inner.some((item) => item.alias === alias);
    }
    const name = fields[0] ?? "";
    if (name === alias && !inner.some((item) => item.alias === alias)) return true;
    // A FROM item whose columns are not known may well have this one: the condition may then be the same for all rows.
    if (inner.some((item) => item.columns?.has(name) ?? true)) return false;
    if (this.#columns !== undefined) return this.#columns.has(name);
    return !this.#joined.some((item) => item.columns?.has(name) === true);
  }
}

import { quoteName } from "../../facts/sql.js";
import type { Catalogue, CatalogueRelation } from "../../systems/postgres/catalogue.js";
import type { ChangeNode } from "./collect.js";
import { shownName } from "./tables.js";

interface Cascade {
  readonly child: string;
  readonly oid: string;
  /** "public.orders → public.order_lines (delete)" */
  readonly text: string;
  /** The child's columns that get another value, as the facts show them. */
  readonly columns: readonly string[];
}

const CARRIES_ON = new Set(["c", "n", "d"]);
const EFFECTS: Readonly<Record<string, string>> = { c: "delete", n: "set null", d: "set default" };

/** Foreign keys that carry a DELETE, TRUNCATE or change of a key on to other tables, level by level. */
export function cascadesOf(
  changes: readonly ChangeNode[],
  written: readonly CatalogueRelation[],
  catalogue: Catalogue,
): readonly Cascade[] {
  const keys = catalogue.keys ?? [];
  const oids = new Set(written.map((one) => one.oid));
  const found: Cascade[] = [];
  const deletes = changes.some((change) => change.verb === "DELETE" || change.verb === "TRUNCATE");
  const gone = new Set(deletes ? oids : []);
  for (let size = -1; size !== gone.size; ) {
    size = gone.size;
    for (const key of keys) if (gone.has(key.parent) && key.deletes === "c") gone.add(key.child);
  }
  for (const key of keys) {
    const columns = key.child_columns.map((column) => `${shownName(...key.child_name)}.${quoteName(column)}`);
    const [child, parent] = [shownName(...key.child_name), shownName(...key.parent_name)];
    if (gone.has(key.parent) && CARRIES_ON.has(key.deletes)) {
      found.push({ child, oid: key.child, text: `${parent} → ${child} (${EFFECTS[key.deletes] ?? ""})`, columns: key.deletes === "c" ? [] : columns });
    }
    const changesKey = changes.some((change) => change.verb === "UPDATE" && key.columns.some((column) => change.columns?.includes(column)));
    if (changesKey && oids.has(key.parent) && CARRIES_ON.has(key.updates)) {
      found.push({ child, oid: key.child, text: `${parent} → ${child} (update)`, columns });
    }
  }
  return found;
}

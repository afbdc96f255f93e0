import { quoteName } from "../../facts/sql.js";
import type { Catalogue, CatalogueRelation, WalkKind } from "../../systems/postgres/catalogue.js";
import type { RelationName } from "./collect.js";

/** A relation's name as a quoted SQL name: what the catalogue is asked for. */
export function sqlName({ schema, name }: Pick<RelationName, "schema" | "name">): string {
  return schema === null ? quoted(name) : `${quoted(schema)}.${quoted(name)}`;
}

function quoted(part: string): string {
  return `"${part.replaceAll('"', '""')}"`;
}

/** A relation's name as the facts show it. */
export function shownName(schema: string, name: string): string {
  return `${quoteName(schema)}.${quoteName(name)}`;
}

/** The catalogue's relations as a graph: what touching one of them touches. */
export class Tables {
  readonly #byOid: ReadonlyMap<string, CatalogueRelation>;
  readonly #oidByName: ReadonlyMap<string, string>;
  readonly #edges = new Map<string, (readonly [to: string, how: WalkKind])[]>();

  constructor(catalogue: Catalogue) {
    this.#byOid = new Map((catalogue.relations ?? []).map((relation) => [relation.oid, relation]));
    this.#oidByName = new Map((catalogue.named ?? []).flatMap(([name, oid]) => (oid === null ? [] : [[name, oid] as const])));
    for (const [from, to, how] of catalogue.walk ?? []) {
      const edges = this.#edges.get(from) ?? [];
      edges.push([to, how]);
      this.#edges.set(from, edges);
    }
  }

  get all(): readonly CatalogueRelation[] {
    return [...this.#byOid.values()];
  }

  find(name: Pick<RelationName, "schema" | "name">): CatalogueRelation | undefined {
    return this.byOid(this.#oidByName.get(sqlName(name)) ?? "");
  }

  byOid(oid: string): CatalogueRelation | undefined {
    return this.#byOid.get(oid);
  }

  /** Relations that a view is made of. */
  below(view: CatalogueRelation): readonly CatalogueRelation[] {
    return this.#from(view.oid, ["v"]);
  }

  /** Partitions and children, all levels, and the tables that this one is a part of. */
  family(relation: CatalogueRelation, only: boolean): readonly CatalogueRelation[] {
    const down = only ? [] : this.#closure(relation.oid, ["c"]);
    return [...down, ...this.#closure(relation.oid, ["p"])];
  }

  /**
   * Everything that reading a relation may read, itself included; with its rules, what writing it may touch.
   * A partition's siblings are not among it: from a parent the way only goes up.
   */
  touchedBy(relation: CatalogueRelation, only: boolean, isWritten: boolean): readonly CatalogueRelation[] {
    const seen = new Map<string, Set<string>>();
    const visit = (oid: string, state: string): void => {
      const states = seen.get(oid) ?? new Set();
      if (states.has(state)) return;
      states.add(state);
      seen.set(oid, states);
      for (const [to, how] of this.#edges.get(oid) ?? []) if (leads(state, how, isWritten)) visit(to, how);
    };
    visit(relation.oid, only ? "o" : "n");
    return [...seen.keys()].flatMap((oid) => this.byOid(oid) ?? []);
  }

  #closure(oid: string, kinds: readonly WalkKind[]): readonly CatalogueRelation[] {
    const found = new Map<string, CatalogueRelation>();
    const queue = [oid];
    for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
      for (const relation of this.#from(next, kinds)) {
        if (found.has(relation.oid)) continue;
        found.set(relation.oid, relation);
        queue.push(relation.oid);
      }
    }
    return [...found.values()];
  }

  #from(oid: string, kinds: readonly WalkKind[]): readonly CatalogueRelation[] {
    return (this.#edges.get(oid) ?? []).flatMap(([to, how]) => (kinds.includes(how) ? (this.byOid(to) ?? []) : []));
  }
}

function leads(state: string, how: WalkKind, isWritten: boolean): boolean {
  if (how === "r") return isWritten && state !== "p";
  if (how === "v") return state !== "p";
  if (how === "c") return state !== "p" && state !== "o" && state !== "t";
  if (how === "p") return state !== "c";
  return state === "n" || state === "o";
}

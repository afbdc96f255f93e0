import type { JsonValue } from "../../receipts/receipt.js";
import type { Child, Html } from "./html.js";
import { html } from "./html.js";
import { isFields } from "./json.js";
import type { Odd, TextShape } from "../../approvals/visible.js";
import { piecesOf } from "../../approvals/visible.js";

/** Something that a person must not miss. */
export interface Notice {
  readonly weight: "danger" | "caution" | "calm";
  readonly text: Child;
}

/** A heading and what stands below it. */
export interface Section {
  readonly title: string;
  readonly body: Child;
}

/** One column of a table; of `text` cells each character is shown. */
export interface Column {
  readonly name: string;
  readonly isNumber?: boolean;
}

/** Writes values into a page so that they are seen for what they are, and counts what a person should look at twice. */
export class Shower {
  readonly #found = new Map<Odd["kind"], number>();

  /** How often each kind of odd character was shown so far. */
  get found(): ReadonlyMap<Odd["kind"], number> {
    return this.#found;
  }

  /** A name, an address, one line. */
  line(text: string): Html {
    return html`<bdi class="value">${this.#pieces(text, "line")}</bdi>`;
  }

  /** The same in a fixed-width font: paths, ids, names of tables. */
  code(text: string): Html {
    return html`<code class="value" dir="ltr">${this.#pieces(text, "line")}</code>`;
  }

  /** A text of many lines, whole, as it is. */
  block(text: string, label: string): Html {
    if (text === "") return html`<p class="empty">(empty)</p>`;
    return html`<pre class="block" tabindex="0" role="region" aria-label="${label}" dir="ltr"><code>${this.#pieces(text, "block")}</code></pre>`;
  }

  /** Any value of JSON, whole. */
  tree(value: JsonValue): Html {
    if (typeof value === "string") return value.includes("\n") ? this.block(value, "Text") : this.code(value);
    if (value === null || typeof value !== "object") return html`<code class="literal">${String(value)}</code>`;
    if (Array.isArray(value)) return this.#list(value as readonly JsonValue[]);
    const entries = Object.entries(value);
    if (entries.length === 0) return html`<span class="empty">(nothing)</span>`;
    const why = isFields(value) && entries.length === 1 ? value["$unknown"] : undefined;
    if (typeof why === "string") return html`<span class="unknown">not known: ${this.line(why)}</span>`;
    return html`<dl class="tree">${entries.map(([name, child]) => html`<div><dt>${this.code(name)}</dt><dd>${this.tree(child)}</dd></div>`)}</dl>`;
  }

  #list(values: readonly JsonValue[]): Html {
    if (values.length === 0) return html`<span class="empty">(none)</span>`;
    return html`<ol class="tree">${values.map((child) => html`<li>${this.tree(child)}</li>`)}</ol>`;
  }

  #pieces(text: string, shape: TextShape): readonly Child[] {
    return piecesOf(text, shape).map((piece) => {
      if (typeof piece === "string") return piece;
      this.#found.set(piece.kind, (this.#found.get(piece.kind) ?? 0) + 1);
      return html`<mark class="odd odd-${piece.kind}" title="${piece.meaning}">${piece.glyph ?? ""}<span>${piece.label}</span></mark>`;
    });
  }
}

/** Labels and values, one below the other; what has no value is left out. */
export function facts(...rows: readonly (readonly [label: string, value: Child])[]): Html {
  const known = rows.filter(([, value]) => value !== undefined && value !== null && value !== false && value !== "");
  return html`<dl class="facts">${known.map(([label, value]) => html`<div><dt>${label}</dt><dd>${value}</dd></div>`)}</dl>`;
}

/** All rows, however many. On a narrow screen each row becomes a card with the columns' names in it. */
export function table(caption: string, columns: readonly Column[], rows: readonly (readonly Child[])[]): Html {
  const cell = (child: Child, index: number) => {
    const column = columns[index];
    return html`<td data-name="${column?.name ?? ""}"${column?.isNumber === true ? html` class="number"` : ""}>${child}</td>`;
  };
  return html`<div class="table"><table><caption>${caption}</caption>
<thead><tr>${columns.map(({ name, isNumber }) => html`<th scope="col"${isNumber === true ? html` class="number"` : ""}>${name}</th>`)}</tr></thead>
<tbody>${rows.map((row) => html`<tr>${row.map(cell)}</tr>
`)}</tbody></table></div>`;
}

export function list(items: readonly Child[]): Html {
  return html`<ul class="plain">${items.map((item) => html`<li>${item}</li>`)}</ul>`;
}

/** "1 object", "3 objects". */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString("en")} ${count === 1 ? one : many}`;
}

/** Exact below a kibibyte, else to one decimal, with the exact number of bytes for whoever looks closer. */
export function bytes(count: number | null | undefined): Child {
  if (count === null || count === undefined) return "–";
  const exact = counted(count, "byte");
  if (count < 1024) return exact;
  const power = Math.min(4, Math.floor(Math.log2(count) / 10));
  const unit = ["", "KiB", "MiB", "GiB", "TiB"][power] ?? "";
  return html`<span title="${exact}">${(count / 1024 ** power).toFixed(1)} ${unit}</span>`;
}

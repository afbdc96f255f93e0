import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";

import { counted } from "../format.js";
import { Text } from "../text.js";
import { fields, whyUnknown } from "./fields.js";

const LONG_TEXT = 320;
const SHOWN_ITEMS = 12;
/** Deeper than any receipt of ours; what lies below is opened by hand. */
const OPEN_DEPTH = 2;

/** Facts as a tree of names and values. */
export function Facts({ value, depth = 0 }: { readonly value: unknown; readonly depth?: number }) {
  const members = Object.entries(fields(value));
  if (members.length === 0) return depth === 0 ? null : <span class="fact-none">none</span>;
  return (
    <dl class="facts">
      {members.map(([name, member]) => (
        <div key={name} class="fact">
          <dt><Text value={name} /></dt>
          <dd><Value value={member} depth={depth + 1} /></dd>
        </div>
      ))}
    </dl>
  );
}

function Value({ value, depth }: { readonly value: unknown; readonly depth: number }): ComponentChildren {
  const why = whyUnknown(value);
  if (why !== null) return <span class="fact-unknown">unknown: <Text value={why} /></span>;
  if (value === null) return <span class="fact-none">none</span>;
  if (typeof value === "string") return value === "" ? <span class="fact-none">empty</span> : <LongText value={value} />;
  if (typeof value === "boolean") return <span class="fact-flag">{value ? "yes" : "no"}</span>;
  if (typeof value === "number") return <span class="fact-number">{String(value)}</span>;
  if (Array.isArray(value)) return <Items items={value} depth={depth} />;
  return depth > OPEN_DEPTH ? <Closed value={value} depth={depth} /> : <Facts value={value} depth={depth} />;
}

function LongText({ value }: { readonly value: string }) {
  const [isOpen, setOpen] = useState(false);
  if (value.length <= LONG_TEXT) return <span class="fact-text"><Text value={value} lines /></span>;
  const shown = isOpen ? value : `${value.slice(0, LONG_TEXT)}…`;
  return (
    <>
      <span class="fact-text"><Text value={shown} lines /></span>{" "}
      <button type="button" class="button is-plain" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>{isOpen ? "less" : counted(value.length, "character")}</button>
    </>
  );
}

function Items({ items, depth }: { readonly items: readonly unknown[]; readonly depth: number }) {
  const [limit, setLimit] = useState(SHOWN_ITEMS);
  if (items.length === 0) return <span class="fact-none">none</span>;
  const isSimple = items.every((item) => typeof item !== "object" || item === null);
  return (
    <>
      <ul class={isSimple ? "fact-items is-simple" : "fact-items"}>
        {items.slice(0, limit).map((item, index) => <li key={index}><Value value={item} depth={depth + 1} /></li>)}
      </ul>
      {items.length > limit ? <button type="button" class="button is-plain" onClick={() => setLimit(limit * 10)}>{counted(items.length - limit, "more", "more")}</button> : null}
    </>
  );
}

function Closed({ value, depth }: { readonly value: unknown; readonly depth: number }) {
  const names = Object.keys(fields(value));
  if (names.length <= 4) return <Facts value={value} depth={depth} />;
  return (
    <details>
      <summary><Text value={names.slice(0, 4).join(", ")} />…</summary>
      <Facts value={value} depth={depth} />
    </details>
  );
}

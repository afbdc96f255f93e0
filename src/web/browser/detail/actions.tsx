import { Text } from "../text.js";
import { Facts } from "./facts.js";
import type { Fields } from "./fields.js";
import { fields, objects, text } from "./fields.js";

const SHOWN = 20;

/** What was done, and how each of it ended. */
export function Actions({ actions }: { readonly actions: unknown }) {
  const all = objects(actions);
  if (all.length === 0) return null;
  return (
    <section class="section">
      <h3>Actions</h3>
      <ul class="actions">{all.slice(0, SHOWN).map((action, index) => <Action key={index} action={action} />)}</ul>
      {all.length > SHOWN ? <details><summary>{String(all.length - SHOWN)} more</summary><ul class="actions">{all.slice(SHOWN).map((action, index) => <Action key={index} action={action} />)}</ul></details> : null}
    </section>
  );
}

function fateOf(action: Fields): readonly [string, string] {
  if (action["success"] === true) return ["done", "is-done"];
  return action["success"] === false ? ["failed", "is-failed"] : ["not known whether done", "is-unknown"];
}

function Action({ action }: { readonly action: Fields }) {
  const [fate, style] = fateOf(action);
  const error = fields(action["error"]);
  const { reversible } = action;
  return (
    <li class={`action ${style}`}>
      <p class="action-head">
        <code><Text value={`${text(action["system"])} ${text(action["action"])}`} /></code> <span class="action-fate">{fate}</span>
        {typeof reversible === "boolean" ? <span class="tag">{reversible ? "can be undone" : "cannot be undone"}</span> : null}
      </p>
      {text(error["message"]) === "" ? null : <p class="action-error"><code><Text value={text(error["code"])} /></code> <Text value={text(error["message"])} /></p>}
      <Facts value={action["output"]} />
    </li>
  );
}


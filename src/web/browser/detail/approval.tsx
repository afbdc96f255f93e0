import { whenExactly } from "../format.js";
import { Text } from "../text.js";
import { Facts } from "./facts.js";
import type { Fields } from "./fields.js";
import { fields, objects, text, texts } from "./fields.js";

/** What people have said of this call. */
export function Approval({ approval }: { readonly approval: unknown }) {
  const said = fields(approval);
  if (Object.keys(said).length === 0) return null;
  return (
    <section class="section">
      <h3>Approval</h3>
      <Standing said={said} />
      <details>
        <summary>The approval as it is on record</summary>
        <Facts value={said} />
      </details>
    </section>
  );
}

/** Ids of requests, as they may stand in an address. */
const ID = /^[0-9a-f]{8,32}$/u;

function Standing({ said }: { readonly said: Fields }) {
  const state = text(said["state"]);
  const id = text(said["id"]);
  if (state === "requested" || state === "pending") {
    const expires = Date.parse(text(said["expires_at"]));
    return (
      <p>
        A person must decide{Number.isFinite(expires) ? <> until {whenExactly(expires)}</> : null}.{" "}
        {ID.test(id) ? <a class="link" href={`/approvals/${id}`}>Look at request {id.slice(0, 8)}</a> : null}
      </p>
    );
  }
  if (state === "denied") return <p>A person said no.</p>;
  if (state === "granted" || state === "used") return <p><strong>Approved by <Text value={texts(said["approvers"]).join(", ")} /></strong>, exactly this plan{methodsOf(said)}.</p>;
  return <p class="hint">Not in a form that this page knows.</p>;
}

function methodsOf(said: Fields): string {
  const methods = [...new Set([text(said["method"]), ...objects(said["answers"]).map((answer) => text(answer["method"]))])];
  const known = methods.filter((method) => ["passkey", "key", "link"].includes(method));
  return known.length === 0 ? "" : `, with ${known.map((method) => NAMES[method]).join(" and ")}`;
}

const NAMES: Readonly<Record<string, string>> = { passkey: "a passkey", key: "a key", link: "the link of a mail" };

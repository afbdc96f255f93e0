import { Text } from "../text.js";
import type { Fields } from "./fields.js";
import { objects, text } from "./fields.js";

/** Every policy that judged, those that stopped the call first. */
export function Policies({ results }: { readonly results: unknown }) {
  const all = objects(results);
  if (all.length === 0) return null;
  const sorted = [...all.filter((result) => result["passed"] !== true), ...all.filter((result) => result["passed"] === true)];
  return (
    <section class="section">
      <h3>Policies</h3>
      <ul class="policies-judged">{sorted.map((result, index) => <Judged key={index} result={result} />)}</ul>
    </section>
  );
}

function Judged({ result }: { readonly result: Fields }) {
  const passed = result["passed"] === true;
  const hint = text(result["hint"]);
  return (
    <li class={passed ? "judged is-passed" : "judged is-failed"}>
      <span class="judged-mark" role="img" aria-label={passed ? "passed" : "stopped it"}>{passed ? "✓" : "✗"}</span>
      <div>
        <p><code class="judged-policy"><Text value={text(result["policy"])} /></code> <span class="judged-reason"><Text value={text(result["reason"])} /></span></p>
        {hint === "" || passed ? null : <p class="judged-hint"><span>Do instead</span> <Text value={hint} /></p>}
      </div>
    </li>
  );
}

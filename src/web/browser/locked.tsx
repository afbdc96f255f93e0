import type { ApiError } from "./api.js";
import { Icon } from "./icons.js";

/** What a browser sees that was not let in. */
export function Locked({ problem }: { readonly problem: ApiError }) {
  return (
    <main class="locked">
      <Icon name="key" />
      <h1>This browser was not let in</h1>
      <p>{problem.message}.</p>
      <p>
        Open the link that <code>enact-guard ui</code> shows in its terminal. It works once; when it was used, the terminal shows a new one.
      </p>
    </main>
  );
}

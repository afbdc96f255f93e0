import { useEffect, useRef } from "preact/hooks";

const KEYS: readonly (readonly [string, string])[] = [
  ["↑ ↓", "previous, next call"],
  ["Page Up, Page Down, Home, End", "faster"],
  ["Enter", "show the call in full"],
  ["Esc", "close it; leave a field"],
  ["/", "search"],
  ["?", "this help"],
];

const WORDS: readonly (readonly [string, string])[] = [
  ["PASS", "allowed and done"],
  ["BLOCK", "stopped by a policy; nothing was changed"],
  ["PARTIAL", "allowed, but an action failed or its fate is not known"],
  ["ROLLED BACK", "an earlier call was undone"],
  ["INTERRUPTED", "allowed, and no outcome was recorded: look at the system to see whether it was done"],
  ["TAMPERED", "a receipt that is not what the guard wrote; everything behind it is unproved"],
];

/** A dialog of the browser's own: it keeps the focus and closes with Esc. */
export function Help({ onClose }: { readonly onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog ref={dialog} class="help" aria-labelledby="help-title" onClose={onClose} onClick={(event) => void (event.target === dialog.current && dialog.current?.close())}>
      <div class="help-inside">
        <h2 id="help-title">Keys</h2>
        <dl>{KEYS.map(([key, what]) => <Line key={key} term={<kbd>{key}</kbd>} what={what} />)}</dl>
        <h2>Words</h2>
        <dl>{WORDS.map(([word, what]) => <Line key={word} term={word} what={what} />)}</dl>
        <p>Draw over the chart to choose a time. All of it is read on this machine; nothing is sent anywhere.</p>
        <button type="button" class="button" onClick={() => dialog.current?.close()}>Close</button>
      </div>
    </dialog>
  );
}

function Line({ term, what }: { readonly term: preact.ComponentChildren; readonly what: string }) {
  return (
    <>
      <dt>{term}</dt>
      <dd>{what}</dd>
    </>
  );
}

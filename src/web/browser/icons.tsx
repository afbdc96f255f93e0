import type { RunState } from "../receipts/wire.js";

/** Drawn by hand on a grid of 16: nothing is loaded, and what a state means does not hang on its colour. */
const SHAPES: Readonly<Record<RunState, string>> = {
  PASS: "M3.5 8.5l3 3 6-7",
  BLOCK: "M4.5 4.5l7 7M11.5 4.5l-7 7",
  PARTIAL: "M8 3v5.8M8 12v.4",
  ROLLED_BACK: "M5.5 3.5L3 6l2.5 2.5M3 6h6a3.5 3.5 0 0 1 0 7H6.5",
  OPEN: "M8 2.8a5.2 5.2 0 1 1 0 10.4A5.2 5.2 0 0 1 8 2.8zM8 5.2V8l1.9 1.2",
  WRONG: "M8 2.5l6 10.5H2zM8 6.5v3M8 11.2v.3",
  MISSING: "M3 8h2M7 8h2M11 8h2",
};

export function StateIcon({ state }: { readonly state: RunState }) {
  return <Shape path={SHAPES[state]} class={`icon state-icon state-${state}`} />;
}

const ICONS = {
  search: "M7 2.5a4.5 4.5 0 1 1 0 9 4.5 4.5 0 0 1 0-9zM10.4 10.4L13.5 13.5",
  close: "M4 4l8 8M12 4l-8 8",
  up: "M4 10l4-4 4 4",
  down: "M4 6l4 4 4-4",
  shield: "M8 1.8l5 1.9v4c0 3.2-2.1 5.4-5 6.5-2.9-1.1-5-3.3-5-6.5v-4z",
  copy: "M6 6h7v7H6zM3 10V3h7",
  key: "M10.2 2.8a3 3 0 1 1-2.4 4.8L3 12.4V14h2.5v-1.5H7V11l1.6-1.6",
  link: "M6.5 9.5l3-3M7 5l1.5-1.5a2.8 2.8 0 0 1 4 4L11 9M9 11l-1.5 1.5a2.8 2.8 0 0 1-4-4L5 7",
} as const;

export function Icon({ name }: { readonly name: keyof typeof ICONS }) {
  return <Shape path={ICONS[name]} class="icon" />;
}

function Shape({ path, class: name }: { readonly path: string; readonly class: string }) {
  return (
    <svg class={name} viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" focusable="false">
      <path d={path} fill="none" stroke="currentColor" stroke-width="1.7" stroke-linecap="round" stroke-linejoin="round" />
    </svg>
  );
}

import { Virtualizer, elementScroll, observeElementOffset, observeElementRect } from "@tanstack/virtual-core";
import type { RefObject } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";

/** Browsers make no element higher than some 17 million pixels (Firefox); what is older is reached by filtering. */
const MAX_HEIGHT = 16_000_000;
const OVERSCAN = 8;

export interface Virtual {
  readonly items: readonly { readonly index: number; readonly start: number }[];
  readonly height: number;
  /** Rows that can be scrolled to. */
  readonly shown: number;
  scrollTo(index: number): void;
  /** How many rows fit. */
  page(): number;
}

/** Rows of one height, of which only those in sight are there. */
export function useVirtual(scroller: RefObject<HTMLElement | null>, total: number, rowHeight: number): Virtual {
  const [, setTick] = useState(0);
  const shown = Math.min(total, Math.floor(MAX_HEIGHT / rowHeight));
  const options = {
    count: shown,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    overscan: OVERSCAN,
    scrollToFn: elementScroll,
    observeElementRect,
    observeElementOffset,
    onChange: () => setTick((tick) => tick + 1),
  };
  const kept = useRef<Virtualizer<HTMLElement, HTMLElement> | null>(null);
  kept.current ??= new Virtualizer<HTMLElement, HTMLElement>(options);
  const virtualizer = kept.current;
  virtualizer.setOptions(options);
  useLayoutEffect(() => virtualizer._didMount(), [virtualizer]);
  useLayoutEffect(() => virtualizer._willUpdate());
  useLayoutEffect(() => virtualizer.measure(), [virtualizer, rowHeight]);
  return {
    items: virtualizer.getVirtualItems(),
    height: virtualizer.getTotalSize(),
    shown,
    scrollTo: (index) => virtualizer.scrollToIndex(index, { align: "auto" }),
    page: () => Math.max(1, Math.floor((scroller.current?.clientHeight ?? rowHeight) / rowHeight) - 1),
  };
}

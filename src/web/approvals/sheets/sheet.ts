import type { PlanForApproval } from "../../../approvals/desk.js";
import type { Child } from "../html.js";
import type { Notice, Section, Shower } from "../show.js";

/** What a person reads before deciding: what will be done, in words, and everything that it will be done to. */
export interface Sheet {
  /** What will be done, as an order: "Delete 3 objects from acme-backups". */
  readonly title: string;
  /** What that means: gone for good, everything in the bucket, an address outside. */
  readonly notices: readonly Notice[];
  /** All of it, nothing cut. */
  readonly sections: readonly Section[];
  /** False: this page knows the tool too little to say what matters, so that the whole plan must be open. */
  readonly isComplete: boolean;
}

/** Draws the sheet of one tool. The plan comes from a file: whatever is missing or odd in it must not throw. */
export type Draw = (plan: PlanForApproval, show: Shower) => Sheet;

export function danger(text: Child): Notice {
  return { weight: "danger", text };
}

export function caution(text: Child): Notice {
  return { weight: "caution", text };
}

/** The notices that apply. */
export function notices(...all: readonly (Notice | false | undefined)[]): readonly Notice[] {
  return dangerFirst(all.filter((notice) => notice !== false && notice !== undefined));
}

const WEIGHTS = ["danger", "caution", "calm"] as const;

export function dangerFirst(all: readonly Notice[]): readonly Notice[] {
  return WEIGHTS.flatMap((wanted) => all.filter(({ weight }) => weight === wanted));
}

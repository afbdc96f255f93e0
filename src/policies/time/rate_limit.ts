import { z } from "zod";

import type { HistoryQuery } from "../../facts/context.js";
import { definePolicy, type WorkflowContext } from "../policy.js";

const options = z.strictObject({
  /** So many runs may begin within the window; exactly as many pass. */
  max_calls: z.int().min(0).max(100_000),
  window_seconds: z.int().min(1).max(366 * 86_400),
  /** Only runs of these tools are limited, and only they count; all tools when left out. */
  workflows: z.array(z.string().min(1)).min(1).optional(),
});

type Options = z.infer<typeof options>;

/**
 * Counts what the ledger holds: allowed runs of everyone who shares it, failed and unfinished ones included, because
 * they may have changed something. Blocked calls are not runs. The count is taken in the transaction that records this
 * call, so that calls at the same moment cannot pass together.
 */
export const rateLimitPolicy = definePolicy<Options>({
  id: "rate_limit",
  category: "time",
  workflows: ({ workflows }) => workflows ?? "all",
  reads: [],
  options,
  description: "Blocks when `max_calls` runs have begun within the last `window_seconds`, over all tools or over the listed ones.",
  hint: "Stop and tell the person what is still to be done; do not look for another tool.",
  examples: [
    {
      title: "the third of three in a minute, with an older one",
      passes: true,
      options: { max_calls: 3, window_seconds: 60 },
      workflow: "email_send",
      payload: {},
      history: [
        { workflow: "email_send", seconds_ago: 60 },
        { workflow: "email_send", seconds_ago: 59 },
        { workflow: "slack_post", seconds_ago: 1 },
      ],
    },
    {
      title: "a mail after many queries, with only mails limited",
      passes: true,
      options: { max_calls: 1, window_seconds: 60, workflows: ["email_send"] },
      workflow: "email_send",
      payload: {},
      history: [
        { workflow: "sql_query", seconds_ago: 2 },
        { workflow: "sql_query", seconds_ago: 1 },
      ],
    },
    {
      title: "the fourth of three in a minute, with whatever tools",
      passes: false,
      options: { max_calls: 3, window_seconds: 60 },
      workflow: "email_send",
      payload: {},
      history: [
        { workflow: "email_send", seconds_ago: 59 },
        { workflow: "slack_post", seconds_ago: 30 },
        { workflow: "sql_query", seconds_ago: 0 },
      ],
    },
  ],
  knownBad: ({ max_calls, workflows }) => ({
    workflow: workflows?.[0] ?? "email_send",
    payload: {},
    history: Array.from({ length: max_calls }, () => ({ workflow: workflows?.[0] ?? "email_send", seconds_ago: 0 })),
  }),
  judge: (context, { max_calls, window_seconds, workflows }) => {
    // A run that began exactly a window ago has left it.
    const since = new Date(context.now.getTime() - window_seconds * 1000 + 1);
    const query = workflows === undefined ? { since } : { since, workflows };
    const count = context.history.count(query);
    const which = workflows === undefined ? "runs" : `runs of ${workflows.join(", ")}`;
    const limit = `limit ${max_calls} in ${inWords(window_seconds)}`;
    if (count < max_calls) return { passed: true, reason: `${count} ${which} before this one, ${limit}` };
    const reason = `${count} ${which} in the last ${inWords(window_seconds)}, ${limit}`;
    const wait = secondsToWait(context, query, max_calls, window_seconds);
    if (wait === null) return { passed: false, reason };
    return { passed: false, reason, hint: `Stop and tell the person what is still to be done. The next call can pass in ${inWords(wait)}.` };
  },
});

/** Until enough runs have left the window; null when none ever will. */
function secondsToWait({ history, now }: WorkflowContext, query: HistoryQuery, maxCalls: number, windowSeconds: number): number | null {
  if (maxCalls === 0) return null;
  const last = history.runs(query).at(-maxCalls);
  if (last === undefined) return null;
  return Math.max(1, Math.ceil((last.timestamp.getTime() - now.getTime()) / 1000) + windowSeconds);
}

const UNITS = [
  [86_400, "day"],
  [3_600, "hour"],
  [60, "minute"],
  [1, "second"],
] as const;

/** `90 seconds`, `1 hour`: the largest unit in which it is a whole number. */
function inWords(seconds: number): string {
  const [size, unit] = UNITS.find(([length]) => seconds % length === 0) ?? UNITS[3];
  const count = seconds / size;
  return `${count} ${unit}${count === 1 ? "" : "s"}`;
}

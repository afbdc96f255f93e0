import { z } from "zod";

import type { PastRun } from "../../facts/context.js";
import { taskSubject } from "../../facts/crm.js";
import { definePolicy } from "../policy.js";

const options = z.strictObject({
  /** So many tasks a contact may get in the window, the new one included. */
  max_tasks: z.number().int().min(0).max(200).default(3),
  /** The window reaches back so many days of 24 hours. */
  window_days: z.number().positive().max(366).default(7),
});

type Options = z.infer<typeof options>;

interface Task {
  readonly id: string;
  readonly created_at: string;
}

const MINUTE = 60_000;
/** A task of ours appears in the CRM so long after its run was recorded at most … */
const CREATED_WITHIN = 10 * MINUTE;
/** … and so long before, when the clocks differ. */
const CLOCK_SKEW = 2 * MINUTE;

/**
 * Counts the tasks that the CRM has, and the runs of the ledger whose task it does not show: being created now by another
 * process, interrupted, or not listed yet. A run whose task is in the CRM must not count twice, so each run is paired with
 * a task that was created at its time.
 */
export const limitTasksPerContactPolicy = definePolicy<Options>({
  id: "limit_tasks_per_contact",
  category: "crm",
  workflows: ["crm_create_task"],
  reads: ["contact", "tasks", "tasks_complete"],
  options,
  description: "Blocks when the contact already got max_tasks tasks in the last window_days days, counted in the CRM and in the ledger.",
  hint: "Add to a task that exists, or wait until the window has passed.",
  examples: [
    {
      title: "the third task in a week",
      passes: true,
      workflow: "crm_create_task",
      now: "2026-11-22T12:00:00.000Z",
      payload: {
        contact: "151",
        tasks: [
          { id: "2", created_at: "2026-11-21T12:00:00.000Z" },
          { id: "1", created_at: "2026-11-20T12:00:00.000Z" },
          { id: "0", created_at: "2026-11-01T12:00:00.000Z" },
        ],
        tasks_complete: true,
      },
    },
    {
      title: "a task that is in the CRM and in the ledger counts once",
      passes: true,
      options: { max_tasks: 2, window_days: 7 },
      workflow: "crm_create_task",
      now: "2026-11-22T12:00:00.000Z",
      payload: { contact: "151", tasks: [{ id: "1", created_at: "2026-11-22T11:59:01.000Z" }], tasks_complete: true },
      history: [{ workflow: "crm_create_task", seconds_ago: 60, subject: "crm:task:151" }],
    },
    {
      title: "the fourth task in a week",
      passes: false,
      workflow: "crm_create_task",
      now: "2026-11-22T12:00:00.000Z",
      payload: {
        contact: "151",
        tasks: [
          { id: "3", created_at: "2026-11-22T11:00:00.000Z" },
          { id: "2", created_at: "2026-11-21T12:00:00.000Z" },
          { id: "1", created_at: "2026-11-20T12:00:00.000Z" },
        ],
        tasks_complete: true,
      },
    },
    {
      title: "a task while another process is creating one",
      passes: false,
      options: { max_tasks: 1, window_days: 7 },
      workflow: "crm_create_task",
      now: "2026-11-22T12:00:00.000Z",
      payload: { contact: "151", tasks: [], tasks_complete: true },
      history: [{ workflow: "crm_create_task", seconds_ago: 1, subject: "crm:task:151" }],
    },
  ],
  knownBad: ({ max_tasks }) => ({
    workflow: "crm_create_task",
    now: "2026-11-22T12:00:00.000Z",
    payload: {
      contact: "151",
      tasks: Array.from({ length: max_tasks }, (_value, index) => ({ id: String(index), created_at: "2026-11-22T11:59:59.000Z" })),
      tasks_complete: true,
    },
  }),
  judge: ({ payload, history, now }, { max_tasks, window_days }) => {
    const since = new Date(now.getTime() - window_days * 24 * 60 * MINUTE);
    const contact = String(payload["contact"]);
    const tasks = payload["tasks"] as readonly Task[];
    const inWindow = tasks.filter(({ created_at }) => Date.parse(created_at) >= since.getTime()).length;
    const runs = history.runs({ workflows: ["crm_create_task"], subject: taskSubject(contact), since });
    const unseen = unpaired(runs.filter(({ state }) => state !== "failed"), tasks);
    const count = inWindow + unseen;
    const days = window_days === 1 ? "day" : `${window_days} days`;
    const found = `Contact ${contact} got ${count} ${count === 1 ? "task" : "tasks"} in the last ${days} (limit ${max_tasks})`;
    if (count >= max_tasks) return { passed: false, reason: found };
    const allAreListed = payload["tasks_complete"] === true || inWindow < tasks.length;
    if (allAreListed) return { passed: true, reason: found };
    return { passed: false, reason: `Contact ${contact} has more tasks than could be listed, and some may be in the window` };
  },
});

/** How many runs have no task of their own in the CRM's list. Both in order of time, each task taken at most once. */
function unpaired(runs: readonly PastRun[], tasks: readonly Task[]): number {
  const times = tasks.map(({ created_at }) => Date.parse(created_at)).toSorted((a, b) => a - b);
  const starts = runs.map(({ timestamp }) => timestamp.getTime()).toSorted((a, b) => a - b);
  let next = 0;
  let count = 0;
  for (const start of starts) {
    while (next < times.length && Number(times[next]) < start - CLOCK_SKEW) next += 1;
    if (next < times.length && Number(times[next]) <= start + CREATED_WITHIN) next += 1;
    else count += 1;
  }
  return count;
}

import { z } from "zod";

import { instantOf, isFreezeOn, type Ambient } from "../../facts/time.js";
import { definePolicy, type WorkflowContext } from "../policy.js";
import { allowReads, onlyLooks } from "./_reads.js";

const instant = z
  .string()
  .refine((text) => instantOf(text) !== null, { message: "must be an ISO 8601 instant with a zone, such as 2026-12-20T00:00:00Z" });

const freeze = z
  .strictObject({
    start: instant,
    /** Exclusive: at this instant the freeze is over. */
    end: instant,
    reason: z.string().min(1).optional(),
  })
  .refine(({ start, end }) => (instantOf(end) ?? 0) > (instantOf(start) ?? 0), { message: "end must be after start", path: ["end"] });

const options = z.strictObject({
  /** Periods in which nothing runs, besides ENACT_FREEZE and the freeze file, which always count. */
  freezes: z.array(freeze).default([]),
  /** Lets calls pass that only look: file_read, and SQL that writes nothing. */
  allow_reads: allowReads,
});

type Options = z.infer<typeof options>;

const CALM = { freeze_env: null, freeze_file: null };
const HOLIDAYS = { start: "2026-12-20T00:00:00Z", end: "2027-01-04T00:00:00+01:00", reason: "holidays" };

/**
 * A freeze stops every tool, as Enact's does: an agent that was told to touch nothing has gone on before (Replit, July
 * 2025), so the freeze lies outside the model.
 */
export const codeFreezeActivePolicy = definePolicy<Options>({
  id: "code_freeze_active",
  category: "time",
  workflows: "all",
  reads: ["environment"],
  options,
  description:
    "Blocks when ENACT_FREEZE is set to anything but empty, 0, false, no or off, when the freeze file .enact/FREEZE exists, or in a listed period.",
  hint: "Stop and tell the person that a freeze is on; only they can lift it.",
  examples: [
    { title: "a push with no freeze on", passes: true, workflow: "git_push", payload: { environment: CALM } },
    { title: "a push with ENACT_FREEZE=off", passes: true, workflow: "git_push", payload: { environment: { ...CALM, freeze_env: " Off " } } },
    {
      title: "the instant at which a listed freeze ends",
      passes: true,
      options: { freezes: [HOLIDAYS], allow_reads: false },
      workflow: "git_push",
      payload: { environment: CALM },
      now: "2027-01-03T23:00:00Z",
    },
    {
      title: "reading a file in a freeze that lets reads pass",
      passes: true,
      options: { freezes: [], allow_reads: true },
      workflow: "file_read",
      payload: { environment: { ...CALM, freeze_env: "1" } },
    },
    { title: "a push with ENACT_FREEZE=1", passes: false, workflow: "git_push", payload: { environment: { ...CALM, freeze_env: "1" } } },
    {
      title: "deleting a file while the freeze file exists",
      passes: false,
      workflow: "file_delete",
      payload: { environment: { ...CALM, freeze_file: { reason: "release 4.2" } } },
    },
    {
      title: "the first instant of a listed freeze",
      passes: false,
      options: { freezes: [HOLIDAYS], allow_reads: false },
      workflow: "sql_query",
      payload: { environment: CALM },
      now: "2026-12-20T00:00:00Z",
    },
  ],
  knownBad: () => ({ workflow: "git_push", payload: { environment: { ...CALM, freeze_env: "1" } } }),
  judge: (context, { freezes, allow_reads }) => {
    const frozen = declared(context) ?? listed(context.now, freezes);
    if (frozen === null) return { passed: true, reason: "No code freeze is on" };
    if (allow_reads && onlyLooks(context)) return { passed: true, reason: `${frozen}, and this call only looks` };
    return { passed: false, reason: `${frozen}: nothing may run` };
  },
});

/** The freeze that the environment declares, in words. */
function declared({ payload }: WorkflowContext): string | null {
  const environment = payload["environment"] as Ambient;
  const { freeze_env } = environment;
  if (typeof freeze_env !== "string" && freeze_env !== null) throw new TypeError("the fact 'environment.freeze_env' is missing");
  if (isFreezeOn(freeze_env)) return `A code freeze is on (ENACT_FREEZE is set to '${freeze_env?.trim().slice(0, 60) ?? ""}')`;
  // Read only now: when it is unknown, the read blocks, and the variable would have been the better reason.
  const { freeze_file } = environment;
  if (freeze_file === null) return null;
  if (!("reason" in freeze_file)) throw new TypeError("the fact 'environment.freeze_file' is missing");
  const reason = freeze_file.reason.trim().slice(0, 300);
  return `A code freeze is on (.enact/FREEZE${reason === "" ? "" : `: ${reason}`})`;
}

function listed(now: Date, freezes: Options["freezes"]): string | null {
  const current = freezes.find(({ start, end }) => (instantOf(start) ?? 0) <= now.getTime() && now.getTime() < (instantOf(end) ?? 0));
  if (current === undefined) return null;
  return `A code freeze is on until ${current.end}${current.reason === undefined ? "" : ` (${current.reason})`}`;
}

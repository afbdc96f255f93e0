import { z } from "zod";

import { ATTACHING_WORKFLOW, exampleFile, FILE_WORKFLOWS, isAtOrBelow, judgeFiles, notLookedUp, policyPathOf, type JudgedFile } from "../file-facts.js";
import { definePolicy, type Verdict } from "../policy.js";

const options = z.strictObject({
  /** Files or folders: relative to the root, absolute, or below `~`; may lead through links. */
  paths: z.array(z.string().min(1)).min(1, "must name at least one path"),
  /** What `clearance_level` of the person must be at least. */
  min_clearance: z.number(),
});

type Options = z.infer<typeof options>;

const PAYROLL = { paths: ["payroll"], min_clearance: 3 };

/** Judges a folder by what is below it: deleting the folder above a protected one needs the clearance too. */
export const requireClearanceForPathPolicy = definePolicy<Options>({
  id: "require_clearance_for_path",
  category: "access",
  workflows: [...FILE_WORKFLOWS, ATTACHING_WORKFLOW],
  judgesPartOf: [ATTACHING_WORKFLOW],
  reads: [],
  options,
  description:
    "Blocks when a file is at or below one of these paths, or a folder holds one, and the person's clearance_level is lower, " +
    "missing or not a number.",
  hint: "Work outside of these paths, or ask a person with the clearance to do this.",
  examples: [
    example("a person without enough clearance", false, "file_read", { clearance_level: 2 }, "inside"),
    example("a person whose clearance is not known", false, "file_write", {}, "inside"),
    example("a clearance that is text and no number", false, "file_read", { clearance_level: "5" }, "same"),
    example("the folder above is deleted", false, "file_delete", { clearance_level: 2 }, "above"),
    example("exactly the clearance that is needed", true, "file_read", { clearance_level: 3 }, "inside"),
    example("no clearance, and a file that needs none", true, "file_read", {}, "apart"),
  ],
  knownBad: ({ paths: [first = ""], paths }) => ({
    workflow: "file_read",
    user_attributes: {},
    payload: exampleFile(first, Object.fromEntries(paths.map((given) => [given, given === first ? "same" : "apart"]))),
  }),
  judge: (context, { paths, min_clearance }) => {
    const clearance = context.user_attributes["clearance_level"];
    return judgeFiles(context, "policy_paths", (file) => judgeFile(file, paths, { clearance, needed: min_clearance }));
  },
});

function judgeFile(file: JudgedFile, paths: readonly string[], { clearance, needed }: { clearance: unknown; needed: number }): Verdict {
  let demanding: string | undefined;
  for (const given of paths) {
    const found = policyPathOf(file, given);
    if (found === undefined) return notLookedUp(given);
    const concerns = isAtOrBelow(file, found) || (found.relation === "above" && found.exists);
    if (concerns) demanding ??= given;
  }
  if (demanding === undefined) return { passed: true, reason: `'${file.path}' needs no clearance` };
  if (typeof clearance !== "number" || !Number.isFinite(clearance)) {
    const found = clearance === undefined ? "missing" : "not a number";
    return { passed: false, reason: `'${file.path}' needs clearance ${needed} ('${demanding}'), and the person's clearance_level is ${found}` };
  }
  const isCleared = clearance >= needed;
  if (isCleared) return { passed: true, reason: `Clearance ${clearance} is enough for '${file.path}', which needs ${needed}` };
  return { passed: false, reason: `'${file.path}' needs clearance ${needed} ('${demanding}'), and the person has ${clearance}` };
}

function example(title: string, passes: boolean, workflow: string, user_attributes: Readonly<Record<string, unknown>>, relation: "same" | "inside" | "above" | "apart") {
  const path = { same: "payroll", inside: "payroll/july.csv", above: "people", apart: "src/a.ts" }[relation];
  return { title, passes, options: PAYROLL, workflow, user_attributes, payload: exampleFile(path, { payroll: relation }) };
}

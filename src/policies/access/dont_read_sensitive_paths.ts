import { z } from "zod";

import { ATTACHING_WORKFLOW, exampleFile, isAtOrBelow, judgeFiles, notLookedUp, policyPathOf, type JudgedFile } from "../file-facts.js";
import { definePolicy, type Verdict } from "../policy.js";

const options = z.strictObject({
  /** Files or folders: relative to the root, absolute, or below `~`; may lead through links. */
  paths: z.array(z.string().min(1)).min(1, "must name at least one path"),
});

type Options = z.infer<typeof options>;

const FINANCE = { paths: ["finance"] };

/** Judges whatever reads: file_read, and the attachments of mails. */
export const dontReadSensitivePathsPolicy = definePolicy<Options>({
  id: "dont_read_sensitive_paths",
  category: "access",
  workflows: ["file_read", ATTACHING_WORKFLOW],
  judgesPartOf: [ATTACHING_WORKFLOW],
  reads: [],
  options,
  description: "Blocks when a file is read whose real path (links resolved) is one of these paths or lies below one.",
  hint: "Do without this file, or ask the person for the part of it that you need.",
  examples: [
    {
      title: "a file below a sensitive folder, whatever link led there",
      passes: false,
      options: FINANCE,
      workflow: "file_read",
      payload: exampleFile("finance/2026/salaries.csv", { finance: "inside" }),
    },
    {
      title: "a sensitive file as an attachment",
      passes: false,
      options: FINANCE,
      workflow: "email_send",
      payload: { attachments: [exampleFile("README.md", { finance: "apart" }), exampleFile("finance/a.csv", { finance: "inside" })] },
    },
    {
      title: "a folder whose name begins alike",
      passes: true,
      options: FINANCE,
      workflow: "file_read",
      payload: exampleFile("finance-docs/handbook.md", { finance: "apart" }),
    },
  ],
  knownBad: ({ paths: [first = ""] , paths }) => ({
    workflow: "file_read",
    payload: exampleFile(first, Object.fromEntries(paths.map((given) => [given, given === first ? "same" : "apart"]))),
  }),
  judge: (context, { paths }) => judgeFiles(context, "policy_paths", (file) => judgeFile(file, paths)),
});

function judgeFile(file: JudgedFile, paths: readonly string[]): Verdict {
  for (const given of paths) {
    const found = policyPathOf(file, given);
    if (found === undefined) return notLookedUp(given);
    if (isAtOrBelow(file, found)) return { passed: false, reason: `'${file.path}' is sensitive: it lies below '${given}', which is not to be read` };
  }
  return { passed: true, reason: `'${file.path}' is not below a sensitive path` };
}

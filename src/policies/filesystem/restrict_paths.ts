import { z } from "zod";

import { ATTACHING_WORKFLOW, exampleFile, FILE_WORKFLOWS, judgeFiles, notLookedUp, policyPathOf, type JudgedFile } from "../file-facts.js";
import { definePolicy, type Verdict } from "../policy.js";

const options = z.strictObject({
  /** Relative to the root, absolute, or below `~`; may lead through links. An empty list allows nothing. */
  allowed_dirs: z.array(z.string().min(1)),
});

type Options = z.infer<typeof options>;

const SRC = { allowed_dirs: ["src", "build"] };

/** Confines all file tools, and the attachments of mails, to some folders: by where a path really leads. */
export const restrictPathsPolicy = definePolicy<Options>({
  id: "restrict_paths",
  category: "filesystem",
  workflows: [...FILE_WORKFLOWS, ATTACHING_WORKFLOW],
  judgesPartOf: [ATTACHING_WORKFLOW],
  reads: [],
  options,
  description: "Blocks when the real path of a file (links resolved) is outside all allowed directories.",
  hint: "Use a path below an allowed directory, or ask the person to add this one to restrict_paths in enact.yaml.",
  examples: [
    {
      title: "a file below an allowed directory",
      passes: true,
      options: SRC,
      workflow: "file_write",
      payload: exampleFile("src/pricing.ts", { src: "inside", build: "apart" }),
    },
    {
      title: "an allowed directory itself",
      passes: true,
      options: SRC,
      workflow: "file_delete",
      payload: exampleFile("build", { src: "apart", build: "same" }),
    },
    {
      title: "a directory whose name begins like an allowed one",
      passes: false,
      options: SRC,
      workflow: "file_delete",
      payload: exampleFile("build-old", { src: "apart", build: "apart" }),
    },
    {
      title: "a link in an allowed directory that leads elsewhere",
      passes: false,
      options: SRC,
      workflow: "file_read",
      payload: exampleFile("finance/salaries.csv", { src: "apart", build: "apart" }),
    },
    {
      title: "the folder above an allowed directory",
      passes: false,
      options: { allowed_dirs: ["packages/web/build"] },
      workflow: "file_delete",
      payload: exampleFile("packages/web", { "packages/web/build": "above" }),
    },
    { title: "anything, with an empty list", passes: false, options: { allowed_dirs: [] }, workflow: "file_read", payload: exampleFile("README.md", {}) },
    {
      title: "a mail without attachments",
      passes: true,
      options: SRC,
      workflow: "email_send",
      payload: { attachments: [] },
    },
  ],
  knownBad: ({ allowed_dirs }) => ({
    workflow: "file_delete",
    payload: exampleFile("/elsewhere", Object.fromEntries(allowed_dirs.map((given) => [given, "apart"]))),
  }),
  judge: (context, { allowed_dirs }) =>
    judgeFiles(context, "policy_paths", (file) => judgeFile(file, allowed_dirs, context.workflow !== ATTACHING_WORKFLOW)),
});

function judgeFile(file: JudgedFile, allowed: readonly string[], isWholePayload: boolean): Verdict {
  for (const given of allowed) {
    const found = policyPathOf(file, given);
    if (found === undefined) return notLookedUp(given);
    if (found.relation === "same" || found.relation === "inside") return { passed: true, reason: `'${file.path}' is within '${given}'` };
  }
  const [first] = allowed;
  if (first === undefined) return { passed: false, reason: `'${file.path}' is not allowed: the list of allowed directories is empty` };
  const reason = `'${file.path}' (${file.real_path}) is outside all allowed directories: ${allowed.join(", ")}`;
  const hint = `Use a path below '${first}', or ask the person to allow this one.`;
  return isWholePayload ? { passed: false, reason, hint, instead: below(file, first) } : { passed: false, reason, hint };
}

/** The facts of a file below an allowed directory, and below no other path that a policy names. */
function below(file: JudgedFile, given: string): Readonly<Record<string, unknown>> {
  const others = Object.keys(file.policy_paths ?? {}).map((key) => [key, "apart"] as const);
  return exampleFile(`${given}/file`, { ...Object.fromEntries(others), [given]: "inside" });
}

import { z } from "zod";

import { definePolicy } from "../policy.js";

/** Blocks every deletion: configure it where files are never to go. Replacing the content of a file is no deletion. */
export const dontDeleteFilePolicy = definePolicy({
  id: "dont_delete_file",
  category: "filesystem",
  workflows: ["file_delete"],
  reads: ["path"],
  options: z.strictObject({}),
  description: "Blocks when a file, a link or a folder would be deleted.",
  hint: "Leave it where it is, and tell the person what you would delete and why.",
  examples: [
    { title: "a file is deleted", passes: false, workflow: "file_delete", payload: { path: "src/old.ts", kind: "file" } },
    { title: "a link is deleted, which is a file of its own", passes: false, workflow: "file_delete", payload: { path: "latest", kind: "symlink" } },
    {
      title: "the content of a file is replaced, and nothing is deleted",
      passes: true,
      workflow: "file_write",
      payload: { path: "src/old.ts", kind: "file" },
    },
  ],
  judge: ({ workflow, payload }) => {
    const path = String(payload["path"]);
    if (workflow !== "file_delete") return { passed: true, reason: `Nothing is deleted: ${workflow} of '${path}'` };
    const { kind, file_count: count } = payload;
    const what = kind === "directory" ? `The folder '${path}'${typeof count === "number" ? ` with ${count} files` : ""}` : `'${path}'`;
    return { passed: false, reason: `${what} would be deleted, and files are not to be deleted here` };
  },
});

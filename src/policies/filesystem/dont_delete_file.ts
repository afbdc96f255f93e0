import { z } from "zod";

import { definePolicy } from "../policy.js";

/** Blocks every deletion: configure it where files are never to go. Replacing the content of a file is no deletion. */
export const dontDeleteFilePolicy = definePolicy({
  id: "dont_delete_file",
  category: "filesystem",
  workflows: ["file_delete"],
  reads: ["path", "kind"],
  options: z.strictObject({}),
  description: "Blocks when a file, a link or a folder would be deleted.",
  hint: "Leave it where it is, and tell the person what you would delete and why.",
  examples: [
    { title: "a file is deleted", passes: false, workflow: "file_delete", payload: { path: "src/old.ts", kind: "file" } },
    { title: "a link is deleted, which is a file of its own", passes: false, workflow: "file_delete", payload: { path: "latest", kind: "symlink" } },
    { title: "a folder is deleted", passes: false, workflow: "file_delete", payload: { path: "build", kind: "directory", file_count: 3 } },
    { title: "nothing is there that could be deleted", passes: true, workflow: "file_delete", payload: { path: "build", kind: "missing" } },
  ],
  judge: ({ payload }) => {
    const path = String(payload["path"]);
    const { kind, file_count: count } = payload;
    if (kind === "missing") return { passed: true, reason: `'${path}' does not exist, so nothing is deleted` };
    const holds = typeof count === "number" ? ` with ${count} files` : "";
    const what = kind === "directory" ? `The folder '${path}'${holds}` : `'${path}'`;
    return { passed: false, reason: `${what} would be deleted, and files are not to be deleted here` };
  },
});

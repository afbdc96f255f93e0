import { z } from "zod";

import { definePolicy } from "../policy.js";
import { notKnown } from "./_branches.js";

const options = z.strictObject({});

/** More are counted, not listed. */
const MOST_NAMED = 5;

const FOUND = { kind: "aws_access_key_id", where: "line 3 of src/config.ts", file: "src/config.ts", line: 3, commit: null };

/** What is once in the history stays there, for everybody who ever gets a copy. */
export const dontCommitApiKeysPolicy = definePolicy<z.infer<typeof options>>({
  id: "dont_commit_api_keys",
  category: "git",
  workflows: ["git_commit", "git_push"],
  reads: ["secrets"],
  options,
  description:
    "Blocks when a key, token, password or private key is among the lines that a commit adds, or in its message: the commit being made, or those that a push brings. Removing a key is welcome.",
  hint: "Keep the key in the environment or a vault and commit only its name; a key that was already pushed somewhere must be revoked.",
  examples: [
    { title: "a commit without keys", passes: true, workflow: "git_commit", payload: { secrets: [] } },
    { title: "a commit that adds a key", passes: false, workflow: "git_commit", payload: { secrets: [FOUND] } },
    {
      title: "a push of a commit that held a key, although a later one removes it",
      passes: false,
      workflow: "git_push",
      payload: { secrets: [{ ...FOUND, where: "line 3 of src/config.ts in 666666666666", commit: "6".repeat(40) }] },
    },
  ],
  judge: ({ payload }) => {
    const { secrets } = payload;
    if (!Array.isArray(secrets)) return notKnown("secrets");
    const noKeyIsAdded = secrets.length === 0;
    if (noKeyIsAdded) return { passed: true, reason: "No keys found in what is added" };
    const named = (secrets as readonly { kind?: unknown; where?: unknown }[])
      .slice(0, MOST_NAMED)
      .map(({ kind, where }) => `${String(kind).replaceAll("_", " ")} in ${String(where)}`);
    const more = secrets.length > MOST_NAMED ? ` and ${secrets.length - MOST_NAMED} more` : "";
    return { passed: false, reason: `Keys would be committed: ${named.join(", ")}${more}`, instead: { secrets: [] } };
  },
});

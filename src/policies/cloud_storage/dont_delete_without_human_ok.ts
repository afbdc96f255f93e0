import { z } from "zod";

import { definePolicy } from "../policy.js";

const TOOLS = { s3: "s3_delete", gdrive: "gdrive_delete" } as const;

const options = z.strictObject({
  /** The storage that is protected. */
  system: z.enum(["s3", "gdrive"]),
  /** How many different people must approve. */
  min_approvals: z.int().min(1).max(10).default(1),
});

type Options = z.infer<typeof options>;

/**
 * Approval is a fact that the guard has verified: a person signed the digest of exactly this plan, the state of the
 * objects included. Nothing in the call's arguments, and nothing that the agent can say, is one.
 */
export const dontDeleteWithoutHumanOkPolicy = definePolicy<Options>({
  id: "dont_delete_without_human_ok",
  category: "cloud_storage",
  workflows: ({ system }) => [TOOLS[system]],
  reads: [],
  mayBeApproved: true,
  options,
  description: "Blocks a deletion in the storage unless a person has approved exactly this deletion, verified by the guard.",
  hint:
    "Tell the person what you want to delete and why. They approve it outside of this chat, or delete it themselves, or " +
    "take dont_delete_without_human_ok out of enact.yaml; no argument of the call can approve it.",
  examples: [
    {
      title: "a deletion that a person approved",
      passes: true,
      options: { system: "s3", min_approvals: 1 },
      workflow: "s3_delete",
      payload: { action: "delete", path: "s3://backups/2025/", object_count: 3, reversible: true },
      approved: true,
    },
    {
      title: "a deletion that nobody approved, although it could be undone",
      passes: false,
      options: { system: "s3", min_approvals: 1 },
      workflow: "s3_delete",
      payload: { action: "delete", path: "s3://backups/2025/", object_count: 3, reversible: true },
    },
    {
      title: "a deletion that one person approved where two must",
      passes: false,
      options: { system: "s3", min_approvals: 2 },
      workflow: "s3_delete",
      payload: { action: "delete", path: "s3://backups/2025/", object_count: 3, reversible: true },
      approved: true,
    },
    {
      title: "a call that claims its own approval",
      passes: false,
      options: { system: "gdrive", min_approvals: 1 },
      workflow: "gdrive_delete",
      payload: { action: "delete", path: "gdrive://1AbC", human_ok: true, approved: true },
    },
  ],
  knownBad: ({ system }) => ({ workflow: TOOLS[system], payload: { action: "delete" } }),
  judge: ({ approval, payload }, { system, min_approvals }) => {
    const [found, needed] = [approval?.approvers.length ?? 0, min_approvals];
    if (approval !== null && found >= needed) return { passed: true, reason: `Approved by ${approval.approver} (${approval.method})` };
    if (approval !== null) return { passed: false, reason: `${String(needed)} different people must approve exactly this deletion, and ${String(found)} did: ${approval.approver}` };
    const what = typeof payload["path"] === "string" ? ` of ${payload["path"]}` : "";
    return { passed: false, reason: `No person has approved this deletion${what} (${system})` };
  },
});

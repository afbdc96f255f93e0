import { z } from "zod";

import { orUnknown } from "./unknown.js";

const gdriveShare = z.strictObject({
  /** user, group, domain or anyone. */
  type: z.string(),
  role: z.string(),
  /** An address or a domain; empty for anyone. */
  who: z.string(),
});

/** The facts of `gdrive_delete`. */
export const gdriveDeletePayload = z.strictObject({
  action: z.literal("delete"),
  /** `gdrive://` and the id. */
  path: z.string(),
  file_id: z.string(),
  /** False: into the trash, from where it can be restored for 30 days. True: gone for good. */
  permanently: z.boolean(),
  name: z.string(),
  mime_type: z.string(),
  is_folder: z.boolean(),
  /** Bytes; null where Drive counts none (folders, Google's own formats). */
  size: z.number().int().nullable(),
  version: z.string(),
  /** Empty in a shared drive, whose files belong to the drive. */
  owners: z.array(z.string()),
  /** The shared drive that it lies in; null in somebody's own. */
  drive_id: z.string().nullable(),
  in_trash: z.boolean(),
  /** Others than the owner can see it. */
  shared: orUnknown(z.boolean()),
  /** With whom, the owner included; the first hundred. */
  shared_with: orUnknown(z.array(gdriveShare)),
  shared_with_count: orUnknown(z.number().int()),
  /** Anyone with the link, or anyone at all. */
  shared_with_anyone: orUnknown(z.boolean()),
  /** Files and folders directly below, and at any depth; they go with it. 0 for a file. */
  children: orUnknown(z.number().int()),
  descendants: orUnknown(z.number().int()),
  reversible: z.boolean(),
});
export type GdriveDeletePayload = z.infer<typeof gdriveDeletePayload>;

import type { ApproverRegistry } from "./approvals/approvers.js";
import type { ApprovalDesk } from "./approvals/desk.js";
import type { Inbox } from "./approvals/inbox.js";
import { desktopNotice } from "./approvals/notice.js";
import type { Announcer } from "./approvals/open-desk.js";
import { openDesk } from "./approvals/open-desk.js";
import { openRegistry } from "./approvals/registry.js";
import type { Config } from "./config/config.js";
import { openInbox } from "./stores/inbox.js";

export interface DeskSurroundings {
  readonly enactHome: string;
  readonly clock: () => Date;
  /** Ways to reach people besides the terminal. Called at once, and may look at nothing before there is a request. */
  readonly reach?: (parts: ReachParts) => Reach;
}

export interface ReachParts {
  readonly config: Config;
  readonly inbox: Inbox;
  readonly registry: ApproverRegistry;
  readonly clock: () => Date;
}

export interface Reach {
  /** Where the page is: "http://localhost:4663"; null when there is none. */
  readonly page: string | null;
  readonly announcers: readonly Announcer[];
  readonly close?: () => Promise<void>;
}

/** Where the guard of a project asks people: the inbox and the approvers of this user are those of all projects. */
export function deskOf(config: Config, { enactHome, clock, reach }: DeskSurroundings): ApprovalDesk {
  const { project, approvals } = config;
  const [inbox, registry] = [openInbox({ enactHome }), openRegistry({ enactHome })];
  const reached = reach?.({ config, inbox, registry, clock });
  return openDesk({
    inbox,
    registry,
    project,
    expiresMinutes: approvals.expires_minutes,
    minApprovals: approvals.min_approvals,
    approverDiffers: approvals.approver_differs,
    page: reached?.page ?? null,
    announcers: [...(reached?.announcers ?? []), ...(approvals.notify ? [desktopNotice(process.platform)] : [])],
    close: async () => reached?.close?.(),
  });
}

import type { ApproverRegistry } from "./approvals/approvers.js";
import { personOf } from "./approvals/approvers.js";
import type { ApprovalDesk } from "./approvals/desk.js";
import type { Inbox } from "./approvals/inbox.js";
import { desktopNotice } from "./approvals/notice.js";
import type { Announcer } from "./approvals/open-desk.js";
import { openDesk } from "./approvals/open-desk.js";
import { openRegistry } from "./approvals/registry.js";
import type { Probe } from "./cli/opened.js";
import type { Config } from "./config/config.js";
import { EnactError } from "./errors.js";
import { policyMeta } from "./policies/policy.js";
import { realPathOf } from "./receipts/key-files.js";
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

/** Who could approve, where a policy wants it; fails when somebody has tampered with the list, or it cannot be read. */
export function approvalProbes(config: Config, { enactHome, clock }: DeskSurroundings): readonly Probe[] {
  if (!config.policies.some(({ policy }) => policyMeta(policy)?.mayBeApproved === true)) return [];
  const look = async (): Promise<string> => {
    const registry = openRegistry({ enactHome });
    const people = new Set(registry.all().filter(({ revoked_at }) => revoked_at === null).map(({ email }) => personOf(email)));
    const strange = registry.unconfirmed();
    if (strange.length > 0) throw new EnactError("TAMPERED", `${registry.location} names approvers whom nobody has confirmed: ${strange.map(({ email }) => email).join(", ")}`);
    const needed = Math.max(config.approvals.min_approvals, ...config.policies.map(({ policy }) => Number(policyMeta(policy)?.options["min_approvals"] ?? 1)));
    const tooFew = people.size < needed ? `, ${String(needed)} must, so such calls stay blocked: enact-guard approvers add EMAIL adds people` : "";
    const inbox = openInbox({ enactHome });
    try {
      const waiting = await inbox.list({ project: realPathOf(config.project), state: "open" }, clock());
      return `${people.size === 1 ? "1 person" : `${String(people.size)} people`} can approve${tooFew}; ${waiting.length === 1 ? "1 request is" : `${String(waiting.length)} requests are`} open`;
    } finally {
      await inbox.close();
    }
  };
  return [{ system: "approvals", look }];
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

import type { ApproverRegistry } from "../../approvals/approvers.js";
import type { Inbox } from "../../approvals/inbox.js";
import { EnactError, isEnactError } from "../../errors.js";
import type { Sealing } from "../../receipts/sealed.js";
import { startWebServer } from "../server.js";
import { linkPages } from "./link-module.js";
import { approvalPages } from "./module.js";
import { isOurPage } from "./presence.js";
import { Registrations } from "./registrations.js";

export interface ApprovalServerOptions {
  readonly port: number;
  readonly enactHome: string;
  readonly inbox: Inbox;
  readonly registry: ApproverRegistry;
  readonly sealing: Sealing;
  /** The folder of the built assets, dist/web. */
  readonly assets: string;
  readonly clock: () => Date;
}

export interface ApprovalServer {
  readonly origin: string;
  /** False: another process of this user serves it already. The inbox is the same, so it serves all projects. */
  readonly isOurs: boolean;
  close(): Promise<void>;
}

/** The only address whose passkeys count. `localhost` and not 127.0.0.1: WebAuthn knows no addresses of numbers. */
export function approvalsOrigin(port: number): string {
  return `http://localhost:${String(port)}`;
}

/**
 * Serves the pages on which people approve, unless a process of this user does so already.
 *
 * @throws EnactError USAGE when another program holds the port, NOT_INSTALLED when the assets were not built
 */
export async function serveApprovals(options: ApprovalServerOptions): Promise<ApprovalServer> {
  const { port, sealing, registry, inbox, clock, enactHome } = options;
  const origin = approvalsOrigin(port);
  const registrations = new Registrations({ enactHome, clock });
  const modules = [approvalPages({ inbox, registry, registrations, sealing, origin, clock }), linkPages({ inbox, registry, sealing, clock })];
  try {
    const server = await startWebServer({ port, assets: options.assets, modules });
    return { origin, isOurs: true, close: () => server.close() };
  } catch (error) {
    if (!isEnactError(error) || error.code !== "USAGE") throw error;
    if (await isOurPage(origin, sealing)) return { origin, isOurs: false, close: () => Promise.resolve() };
    const hint = "Free the port, or set approvals.port to another one; passkeys are bound to it. A terminal works without the page.";
    throw new EnactError("USAGE", `Port ${String(port)} is held by another program, so that the approval page cannot be shown`, { hint, cause: error });
  }
}

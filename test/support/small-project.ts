import type { Opened, Probe } from "../../src/cli/opened.js";
import type { Config } from "../../src/config/config.js";
import type { SmallGuard } from "./small-guard.js";
import { smallGuard } from "./small-guard.js";

export interface SmallProject extends Opened {
  readonly guard: SmallGuard;
  closed: boolean;
}

/** A project around a {@link smallGuard}: for tests of commands. */
export function smallProject(parts: { notices?: readonly string[]; probes?: readonly Probe[]; policies?: Config["policies"]; interrupted?: Partial<Opened["interrupted"]> } = {}): SmallProject {
  const guard = smallGuard();
  const config: Config = {
    project: "/project",
    file: "/project/enact.yaml",
    identity: guard.identity,
    systems: {},
    tools: ["speak"],
    policies: parts.policies ?? [],
    unguarded: [],
    receipts: { store: "sqlite", signing: "ed25519" },
    undo: { enabled: true, max_run_mb: 100, max_total_mb: 1_000, max_age_days: 30 },
    approvals: { expires_minutes: 60, min_approvals: 1, approver_differs: false, page: true, port: 4663, notify: false },
    digest: "sha256:0",
    sources: ["/project/enact.yaml"],
    secrets: [],
    notices: parts.notices ?? [],
  };
  const opened: SmallProject = {
    config,
    guard,
    probes: parts.probes ?? [],
    interrupted: { list: () => Promise.resolve([]), settle: () => Promise.resolve([]), ...parts.interrupted },
    closed: false,
    close: async () => {
      opened.closed = true;
    },
  };
  return opened;
}

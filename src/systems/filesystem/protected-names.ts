import { foldName } from "./path.js";

/** Why the tools keep away from something, whatever the policies say. */
export interface Protection {
  /** What it is, as a clause: "is git's own store". */
  readonly why: string;
  readonly hint: string;
}

export const GIT: Protection = {
  why: "belongs to git's own store: a change there can rewrite history or run commands, and it can hold credentials",
  hint: "Use the git tools for commits, branches and pushes.",
};

export const STATE: Protection = {
  why: "belongs to the state of the guard: receipts, the undo store, the freeze file",
  hint: "Read receipts with enact_receipts; ask the person for everything else.",
};

export const CONFIGURATION: Protection = {
  why: "configures the guard: who could change it could switch it off",
  hint: "Ask the person to change it, and say which change you propose.",
};

export const OWN_FILES: Protection = {
  why: "is one of the guard's own files (configuration, policies, keys or state): who could touch it could switch the guard off",
  hint: "Ask the person to change it, and say which change you propose.",
};

export const CLIENT_SETTINGS: Protection = {
  why: "holds settings of agent clients: they start servers and commands, this guard among them",
  hint: "Ask the person to change it, and say which change you propose.",
};

export const HOOKS: Protection = {
  why: "is in the folder of git's hooks: git runs these programs on a commit or push, whatever the policies say",
  hint: "Ask the person to change the hook, and say which change you propose.",
};

export const LEADS_TO_PROTECTED: Protection = {
  why: "is a link through which the guard's own files or the paths of a policy are found",
  hint: "Ask the person to change it.",
};

/**
 * Names that are kept away from the tools at any depth: what lies in a sub-folder today is somebody's project root
 * tomorrow. Not listed on purpose: `.gitignore`, `.gitattributes`, `.github/`, `AGENTS.md`, `CLAUDE.md`,
 * `enact.test.yaml` (tests of policies, not policies).
 */
const PROTECTED: ReadonlyMap<string, Protection> = new Map([
  [".git", GIT],
  [".enact", STATE],
  ["enact.yaml", CONFIGURATION],
  ["enact.yml", CONFIGURATION],
  [".mcp.json", CLIENT_SETTINGS],
  ["mcp.json", CLIENT_SETTINGS],
  [".claude", CLIENT_SETTINGS],
  [".claude.json", CLIENT_SETTINGS],
  ["claude_desktop_config.json", CLIENT_SETTINGS],
  [".cursor", CLIENT_SETTINGS],
  [".vscode", CLIENT_SETTINGS],
  [".codex", CLIENT_SETTINGS],
  [".gemini", CLIENT_SETTINGS],
]);

/** The names themselves, to look for in the root. */
export const PROTECTED_NAMES: readonly string[] = [...PROTECTED.keys()];

/**
 * Installed packages ship their authors' editor settings and examples; no client reads them there, and `node_modules`
 * must stay deletable. Git stores and the guard's state are protected there as everywhere.
 */
const INSTALLED_PACKAGES = "node_modules";

/**
 * The first protected name among the names from the root down.
 * @returns its index, and why; undefined when there is none
 */
export function protectedName(names: readonly string[]): { index: number; protection: Protection } | undefined {
  let isInstalled = false;
  for (const [index, name] of names.entries()) {
    const protection = protectionOf(name);
    if (protection !== undefined && !(isInstalled && isSettings(protection))) return { index, protection };
    isInstalled ||= name === INSTALLED_PACKAGES;
  }
  return undefined;
}

function isSettings(protection: Protection): boolean {
  return protection === CLIENT_SETTINGS || protection === CONFIGURATION;
}

/** Whole name, or a part of it where another system would split it: `.git\config` on a folder shared with Windows. */
function protectionOf(name: string): Protection | undefined {
  const whole = PROTECTED.get(foldName(name));
  if (whole !== undefined || !/[\\:]/.test(name)) return whole;
  for (const part of name.split(/[\\:]/)) {
    const found = PROTECTED.get(foldName(part));
    if (found !== undefined) return found;
  }
  return undefined;
}

/** What makes a folder a git store by its contents, bare repositories and separate git dirs included (gitrepository-layout). */
export const GIT_STORE_ENTRIES: readonly string[] = ["HEAD", "objects", "refs"];

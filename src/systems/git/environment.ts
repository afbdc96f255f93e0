import { devNull } from "node:os";

/** A configuration value laid over all files, as `git -c` does, but without a limit on what the key or value may hold. */
export type Setting = readonly [key: string, value: string];

/**
 * What a program started by git needs of the outer world: to be found, to find the user's own files, to reach agents and
 * proxies. Everything else stays out: GIT_* could redirect every look, and the guard's own secrets (its signing secret,
 * tokens of other systems) are none of a hook's business.
 */
const PASSED_ON = [
  "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "TZ", "TMPDIR", "TMP", "TEMP",
  "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR",
  "SSH_AUTH_SOCK", "SSH_AGENT_PID", "GNUPGHOME", "GPG_AGENT_INFO", "KRB5CCNAME", "DBUS_SESSION_BUS_ADDRESS",
  "http_proxy", "https_proxy", "no_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY",
  "SSL_CERT_FILE", "SSL_CERT_DIR", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS",
  "NVM_DIR", "NVM_BIN", "VOLTA_HOME", "ASDF_DIR", "ASDF_DATA_DIR", "PYENV_ROOT", "RBENV_ROOT", "CARGO_HOME", "RUSTUP_HOME",
  "GOPATH", "JAVA_HOME", "NIX_PATH", "NIX_PROFILES", "PNPM_HOME",
  "SystemRoot", "SYSTEMROOT", "windir", "COMSPEC", "ComSpec", "PATHEXT", "Path", "USERPROFILE", "HOMEDRIVE", "HOMEPATH",
  "APPDATA", "LOCALAPPDATA", "ProgramData", "ProgramFiles", "ProgramFiles(x86)", "CommonProgramFiles",
] as const;

/** Names the guard's process to the programs that it starts: those that outlive it can be told from all others. */
export const PROCESS_VARIABLE = "ENACT_GUARD_PROCESS";

/** Protocols that git itself speaks. `ext::` and every other helper is a program, and stays shut. */
export const PROTOCOLS = "file:git:http:https:ssh";

export type Variables = Readonly<Record<string, string>>;

/** The user's environment, cleaned, and mute: nothing may ask a question, and messages come in English. */
export function cleanEnvironment(env: Readonly<Record<string, string | undefined>>, processName?: string): Variables {
  const passed: [string, string][] = [];
  for (const name of PASSED_ON) {
    const value = env[name];
    if (value !== undefined) passed.push([name, value]);
  }
  return {
    ...Object.fromEntries(passed),
    LC_ALL: "C",
    LANGUAGE: "",
    GIT_TERMINAL_PROMPT: "0",
    // Set and empty: git then asks no askpass program, neither SSH_ASKPASS nor the one of core.askPass.
    GIT_ASKPASS: "",
    SSH_ASKPASS_REQUIRE: "never",
    GCM_INTERACTIVE: "never",
    GIT_PAGER: "cat",
    GIT_EDITOR: ":",
    // Set and empty: no program of core.gitProxy for the git protocol.
    GIT_PROXY_COMMAND: "",
    ...(processName === undefined ? {} : { [PROCESS_VARIABLE]: processName }),
  };
}

/** For looking: nothing is written on the way, history is what its objects say, and no transport may be opened. */
export const LOOKING: Variables = {
  GIT_OPTIONAL_LOCKS: "0",
  GIT_NO_LAZY_FETCH: "1",
  GIT_NO_REPLACE_OBJECTS: "1",
  GIT_GRAFT_FILE: devNull,
  GIT_LITERAL_PATHSPECS: "1",
  GIT_ALLOW_PROTOCOL: "",
};

/** For looking: no hook (of the hooks folder or, since git 2.54, of the configuration) and no monitor runs. */
export const QUIET: readonly Setting[] = [
  ["core.hooksPath", devNull],
  ["core.fsmonitor", "false"],
  ["core.untrackedCache", "false"],
  ["core.commitGraph", "false"],
  ["core.splitIndex", "false"],
  ["core.quotePath", "false"],
  ["core.pager", "cat"],
  ["gc.auto", "0"],
  ["maintenance.auto", "false"],
  ["hook.post-index-change.enabled", "false"],
  ["hook.reference-transaction.enabled", "false"],
];

/** Lays settings over the configuration files, the last of the same key winning. */
export function withSettings(env: Variables, settings: readonly Setting[]): Variables {
  const laid: Record<string, string> = { ...env, GIT_CONFIG_COUNT: String(settings.length) };
  for (const [index, [key, value]] of settings.entries()) {
    laid[`GIT_CONFIG_KEY_${index}`] = key;
    laid[`GIT_CONFIG_VALUE_${index}`] = value;
  }
  return laid;
}

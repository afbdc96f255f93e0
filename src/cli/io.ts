/** What a command may touch of the process. main.ts makes the real one; tests give their own. */
export interface Io {
  /** Absolute path. */
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Where results go: for people, or for scripts with --json. */
  readonly stdout: Output;
  /** Where everything else goes. */
  readonly stderr: Output;
}

export interface Output {
  /** False when it has more than it can pass on at once: what comes next can wait for `drain`. */
  write(text: string | Uint8Array): unknown;
  once?(event: "drain", then: () => void): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/** What every command returns. */
export const EXIT = {
  /** Done, or PASS. */
  done: 0,
  /** Blocked, or verification failed. */
  blocked: 1,
  /** Wrong usage or configuration. */
  usage: 2,
  /** A defect of this program, or a ledger that cannot be used. */
  internal: 3,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

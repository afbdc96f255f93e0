import type { Policy } from "../policies/policy.js";

/** A policy of the configuration, and the name under which to report it should it fail to give one. */
export interface NamedPolicy {
  readonly name: string;
  readonly policy: Policy;
}

/** Options for opening the systems; only those that are configured. Paths are absolute. */
export interface Systems {
  readonly git?: { readonly repo: string; readonly remotes: readonly string[] };
  readonly postgres?: {
    /** A URL, or "embedded". */
    readonly url: string;
    readonly statementTimeoutMs: number;
    readonly maxRows: number;
    readonly maxBytes: number;
    readonly functions: readonly string[];
  };
  readonly filesystem?: { readonly root: string; readonly maxReadBytes: number; readonly maxEntries: number };
  readonly slack?: { readonly token: string; readonly apiUrl?: string };
  readonly email?: { readonly smtp: string; readonly from: string; readonly allowPlaintext: boolean };
  readonly s3?: {
    readonly region: string;
    readonly endpoint?: string;
    readonly forcePathStyle: boolean;
    readonly maxObjects: number;
    /** Without these the client looks where it always looks (profiles, instance roles). */
    readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string; readonly sessionToken?: string };
  };
  readonly gdrive?: {
    /** Absolute path of a key file. */
    readonly credentials: string;
    readonly rootUrl?: string;
  };
  readonly hubspot?: { readonly token: string; readonly baseUrl?: string };
}

export interface Receipts {
  readonly store: "sqlite";
  readonly signing: "hmac" | "ed25519";
}

export interface Undo {
  readonly enabled: boolean;
  readonly max_run_mb: number;
  readonly max_total_mb: number;
  readonly max_age_days: number;
}

export interface Approvals {
  readonly expires_minutes: number;
  readonly min_approvals: number;
  readonly approver_differs: boolean;
  readonly page: boolean;
  readonly port: number;
  readonly notify: boolean;
  readonly mail?: { readonly to: readonly string[]; readonly base_url: string } | undefined;
}

/** A configuration that was read once, checked fully and frozen. */
export interface Config {
  /** Absolute path of the project's folder. */
  readonly project: string;
  /** Absolute path of the file that was read; null for the embedded default. */
  readonly file: string | null;
  readonly identity: {
    readonly user_email: string;
    readonly actor_role: string;
    readonly user_attributes: Readonly<Record<string, unknown>>;
  };
  readonly systems: Systems;
  /** In the order of the file. */
  readonly tools: readonly string[];
  /** In the order of the file. */
  readonly policies: readonly NamedPolicy[];
  readonly unguarded: readonly string[];
  readonly receipts: Receipts;
  readonly undo: Undo;
  readonly approvals: Approvals;
  /** `sha256:…` over what the configuration means; see digest.ts. */
  readonly digest: string;
  /** Absolute paths of the files that the configuration consists of, or would at the next start: not for the file tools. */
  readonly sources: readonly string[];
  /** Secret values, for redaction. */
  readonly secrets: readonly string[];
  /** What a person should know although nothing is wrong, one sentence each. */
  readonly notices: readonly string[];
}

export type Environment = Readonly<Record<string, string | undefined>>;

import type * as Sdk from "@aws-sdk/client-s3";

import { EnactError } from "../../errors.js";

export interface S3Connection {
  readonly region: string;
  readonly endpoint: string | undefined;
  readonly forcePathStyle: boolean;
  readonly credentials: S3Credentials | undefined;
  readonly timeoutMs: number;
}

export interface S3Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
}

/** The client and its commands, once loaded. */
export interface Loaded {
  readonly sdk: typeof Sdk;
  /** For looking: repeats what failed on the way. */
  readonly looks: Sdk.S3Client;
  /** For acting: one attempt. */
  readonly acts: Sdk.S3Client;
}

/** Loads the client on first use. */
export class S3Loader {
  readonly #connection: S3Connection;
  #loaded: Promise<Loaded> | undefined;

  constructor(connection: S3Connection) {
    this.#connection = connection;
  }

  /** @throws EnactError NOT_INSTALLED */
  async load(): Promise<Loaded> {
    this.#loaded ??= this.#open().catch((error: unknown) => {
      this.#loaded = undefined;
      throw error;
    });
    return this.#loaded;
  }

  async close(): Promise<void> {
    const loaded = await this.#loaded?.catch(() => undefined);
    loaded?.looks.destroy();
    loaded?.acts.destroy();
  }

  async #open(): Promise<Loaded> {
    const sdk = await import("@aws-sdk/client-s3").catch(() => {
      throw new EnactError("NOT_INSTALLED", "The package @aws-sdk/client-s3 is not installed", {
        hint: "Run: npm install @aws-sdk/client-s3",
      });
    });
    const client = (maxAttempts: number) => new sdk.S3Client(settings(this.#connection, maxAttempts));
    return { sdk, looks: client(3), acts: client(1) };
  }
}

function settings({ region, endpoint, forcePathStyle, credentials, timeoutMs }: S3Connection, maxAttempts: number) {
  return {
    region,
    forcePathStyle,
    maxAttempts,
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(credentials === undefined ? {} : { credentials: withoutUndefined(credentials) }),
    // The address comes from the configuration, which was checked and is in every receipt, and from nowhere else.
    ignoreConfiguredEndpointUrls: true,
    // An ARN in place of a bucket's name must not lead to another region.
    useArnRegion: false,
    followRegionRedirects: false,
    requestHandler: { connectionTimeout: Math.min(timeoutMs, 5_000), requestTimeout: timeoutMs, throwOnRequestTimeout: true },
  };
}

function withoutUndefined({ accessKeyId, secretAccessKey, sessionToken }: S3Credentials) {
  return sessionToken === undefined ? { accessKeyId, secretAccessKey } : { accessKeyId, secretAccessKey, sessionToken };
}

import { createHash, randomBytes } from "node:crypto";

/** The header in which our own page shows its key. */
export const KEY_HEADER = "x-enact-key";

/** What a browser holds once it was let in. */
export interface Pass {
  readonly cookie: string;
  readonly key: string;
}

/**
 * Lets in the browsers of the person who started the server, and nobody else: loopback is open to every user of the
 * machine, and receipts hold facts.
 *
 * The terminal shows a link with a token that works once. It is exchanged for a cookie, and for a key that the page keeps
 * and shows with each request. The cookie alone is not enough: a browser sends the cookies of `localhost` to the servers
 * on all its ports, and one of them may be another user's. What a page stores belongs to its own port. Everything ends
 * with the process.
 */
export class Session {
  /** Hashes: comparing them takes the same time however much of a guess is right. */
  readonly #tokens = new Set<string>();
  readonly #passes = new Map<string, string>();

  /** A token for one browser. */
  newToken(): string {
    const token = randomBytes(32).toString("base64url");
    this.#tokens.add(hashOf(token));
    return token;
  }

  /** Uses a token up; undefined when there is no such token (any more). */
  redeem(token: string): Pass | undefined {
    if (!this.#tokens.delete(hashOf(token))) return undefined;
    const pass = { cookie: randomBytes(32).toString("base64url"), key: randomBytes(32).toString("base64url") };
    this.#passes.set(hashOf(pass.cookie), hashOf(pass.key));
    return pass;
  }

  admits(cookie: string | undefined, key: string | undefined): boolean {
    if (cookie === undefined || key === undefined) return false;
    const wanted = this.#passes.get(hashOf(cookie));
    return wanted !== undefined && wanted === hashOf(key);
  }
}

function hashOf(text: string): string {
  return createHash("sha256").update(text, "utf8").digest("base64url");
}

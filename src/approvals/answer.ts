import type { AnswerDecision } from "./request.js";

/**
 * How somebody answered. passkey: on the page, signed with a passkey. key: in a terminal, signed with a key under a
 * passphrase. link: on the page, with the key that a mail brought. terminal, page: without a signature, which is enough to
 * say no and never to say yes.
 */
export type AnswerMethod = "passkey" | "key" | "link" | "terminal" | "page";

/** A signature over the challenge of a statement; see request.ts. All texts are base64url without padding. */
export type AnswerSignature =
  /** Ed25519 over signedBytes(challenge). */
  | { readonly kind: "key"; readonly signature: string }
  /** A WebAuthn assertion, as the browser gives it: `response` of the credential. */
  | { readonly kind: "passkey"; readonly authenticator_data: string; readonly client_data: string; readonly signature: string };

/** One person's answer to one request. */
export interface Answer {
  readonly request_id: string;
  readonly decision: AnswerDecision;
  readonly method: AnswerMethod;
  /** The approver's id in the registry; null for a denial that nobody signed. */
  readonly approver_id: string | null;
  /** For people: the approver's address; of an unsigned denial, who seems to have given it ("ann (at a terminal)"). */
  readonly who: string;
  readonly answered_at: string;
  /** Why not: shown to the agent. */
  readonly reason: string | null;
  /** Null only for a denial. */
  readonly signature: AnswerSignature | null;
}

import type { Answer } from "../../approvals/answer.js";
import type { Approver, ApproverRegistry, PasskeyFacts } from "../../approvals/approvers.js";
import { personOf } from "../../approvals/approvers.js";
import type { ApprovalRequest } from "../../approvals/request.js";
import { publicKeyOf } from "../../approvals/signatures.js";
import { EnactError } from "../../errors.js";
import { coseOf } from "./cose.js";

/** WebAuthn's name for this machine: passkeys of pages on loopback belong to it, whatever their port. */
export const RP_ID = "localhost";

/** ES256, EdDSA, RS256: those that the registry can check with node's crypto alone. */
export const ALGORITHMS: readonly number[] = [-7, -8, -257];

export interface Passkey extends Approver {
  readonly passkey: PasskeyFacts;
}

/** Every passkey that was made on this page and is not revoked. */
export function passkeysOf(registry: ApproverRegistry, origin: string): readonly Passkey[] {
  return registry.all().filter((approver): approver is Passkey => {
    const { kind, passkey, revoked_at } = approver;
    return kind === "passkey" && revoked_at === null && passkey?.origin === origin && passkey.rp_id === RP_ID;
  });
}

/** Those that could still approve this request: not the acting user's own where that does not count, and each person once. */
export function passkeysFor(request: ApprovalRequest, answers: readonly Answer[], registry: ApproverRegistry, origin: string): readonly Passkey[] {
  const answered = new Set(answers.filter(({ decision }) => decision === "approve").map(({ who }) => personOf(who)));
  const acting = personOf(request.plan.identity.user_email);
  return passkeysOf(registry, origin).filter(({ email }) => {
    const person = personOf(email);
    return !answered.has(person) && !(request.demand.approver_differs && person === acting);
  });
}

/** The `response` of an assertion, as the browser's JSON has it. */
export interface GivenAssertion {
  readonly id: string;
  readonly rawId: string;
  readonly type: string;
  readonly response: { readonly authenticatorData: string; readonly clientDataJSON: string; readonly signature: string; readonly userHandle?: string | undefined };
}

/** @throws EnactError INVALID_INPUT for what is no assertion */
export function readAssertion(value: unknown): GivenAssertion {
  const { id, rawId, type, response } = (value ?? {}) as Readonly<Record<string, unknown>>;
  const { authenticatorData, clientDataJSON, signature, userHandle } = (response ?? {}) as Readonly<Record<string, unknown>>;
  const areTexts = [id, rawId, type, authenticatorData, clientDataJSON, signature].every((text) => typeof text === "string" && text !== "");
  if (!areTexts) throw new EnactError("INVALID_INPUT", "This is no answer of a passkey");
  const given = { authenticatorData, clientDataJSON, signature, ...(typeof userHandle === "string" ? { userHandle } : {}) };
  return { id, rawId, type, response: given } as GivenAssertion;
}

/**
 * Checks an assertion by the steps of WebAuthn Level 3, 7.2: made for this very challenge, on this very page, for this
 * machine, by a person whom the authenticator has verified.
 *
 * @throws EnactError REFUSED; the words say which step failed and quote nothing
 */
export async function checkAssertion(assertion: GivenAssertion, passkey: Passkey, challenge: Uint8Array, origin: string): Promise<void> {
  const { verifyAuthenticationResponse } = await import("@simplewebauthn/server");
  try {
    const { verified } = await verifyAuthenticationResponse({
      response: { ...assertion, type: "public-key", clientExtensionResults: {} } as Parameters<typeof verifyAuthenticationResponse>[0]["response"],
      expectedChallenge: Buffer.from(challenge).toString("base64url"),
      expectedOrigin: origin,
      expectedRPID: RP_ID,
      // Each challenge is of one request, which takes one answer of each person: a counter would add nothing.
      credential: { id: passkey.passkey.credential_id, publicKey: await coseOf(publicKeyOf(passkey.public_key)), counter: 0 },
      requireUserVerification: true,
    });
    if (verified) return;
  } catch (cause) {
    throw new EnactError("REFUSED", `The passkey's answer does not count: ${inWords(cause)}`, { done: "Nothing was recorded.", cause });
  }
  throw new EnactError("REFUSED", "The passkey's answer does not count: its signature does not fit", { done: "Nothing was recorded." });
}

function inWords(cause: unknown): string {
  const text = cause instanceof Error ? cause.message : "";
  if (text.includes("challenge")) return "it was made for another request";
  if (text.includes("origin")) return "it was made on another page";
  if (text.includes("RP ID")) return "it was made for another site";
  if (text.includes("verification")) return "the person was not verified (PIN, fingerprint or face)";
  return "it is not well-formed";
}

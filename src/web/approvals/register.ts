import { createHash, randomBytes } from "node:crypto";

import type { Context, Hono } from "hono";

import type { ApproverDraft, ApproverRegistry, Confirmation } from "../../approvals/approvers.js";
import { enrolmentChallenge } from "../../approvals/approvers.js";
import { EnactError } from "../../errors.js";
import { publicKeyFromCose } from "./cose.js";
import { html } from "./html.js";
import { page } from "./layout.js";
import { ALGORITHMS, checkAssertion, passkeysOf, readAssertion, RP_ID } from "./passkeys.js";
import type { Registration, Registrations } from "./registrations.js";

/** How long the browser waits for the person's finger, in milliseconds. */
const TOUCH_MS = 180_000;

export interface RegisterOptions {
  readonly registry: ApproverRegistry;
  readonly registrations: Registrations;
  readonly origin: string;
  readonly clock: () => Date;
}

/**
 * Where a passkey is made. The page holds nothing; every step shows the code that a terminal has printed, which came with
 * the part of the address that browsers keep to themselves.
 */
export function addRegisterRoutes(app: Hono, options: RegisterOptions): void {
  app.get("/register", (c) => c.html(registerPage()));
  app.post("/register/begin", async (c) => c.json(begin(await started(c, options), options)));
  app.post("/register/finish", async (c) => c.json(await finish(await started(c, options), options)));
  app.post("/register/confirm", async (c) => c.json(await confirm(await started(c, options), options)));
  app.post("/register/state", async (c) => c.json({ state: (await started(c, options)).registration.added ? "added" : "waiting" }));
}

interface Started {
  readonly code: string;
  readonly registration: Registration;
  readonly body: Readonly<Record<string, unknown>>;
}

/** @throws EnactError REFUSED without a code of a terminal */
async function started(c: Context, { registrations }: RegisterOptions): Promise<Started> {
  const body = (await c.req.json().catch(() => null)) as Readonly<Record<string, unknown>> | null;
  const code = typeof body?.["code"] === "string" ? body["code"] : "";
  const registration = code === "" ? null : registrations.find(code);
  if (body === null || registration === null) {
    throw new EnactError("REFUSED", "This page was not opened by a terminal, or too long ago", { hint: "Run enact-guard approvers add with your address and --passkey, and open the link that it prints.", done: "Nothing was registered." });
  }
  return { code, registration, body };
}

/** Made from the code, so that no process has to remember it: the code is random, secret and for one passkey. */
function challengeOfCode(code: string): string {
  return createHash("sha256").update(`enact-guard registration 1\0${code}`, "utf8").digest("base64url");
}

function begin({ code, registration }: Started, { registry, origin }: RegisterOptions) {
  refuseUsed(registration);
  const { email } = registration;
  const options = {
    rp: { id: RP_ID, name: "Enact Guard" },
    user: { id: randomBytes(32).toString("base64url"), name: email, displayName: email },
    challenge: challengeOfCode(code),
    pubKeyCredParams: ALGORITHMS.map((alg) => ({ type: "public-key", alg })),
    timeout: TOUCH_MS,
    attestation: "none",
    authenticatorSelection: { residentKey: "preferred", requireResidentKey: false, userVerification: "required" },
    excludeCredentials: passkeysOf(registry, origin).map(({ passkey }) => ({ id: passkey.credential_id, type: "public-key", transports: passkey.transports ?? [] })),
  };
  return { email, options };
}

async function finish({ code, registration, body }: Started, options: RegisterOptions) {
  refuseUsed(registration);
  const { registry, registrations, origin } = options;
  const draft = await draftOf(body["attestation"], code, registration.email, options);
  const isFirst = registry.all().length === 0 && registry.unconfirmed().length === 0;
  if (isFirst) return added(code, registration, draft, null, options);
  registrations.change(code, { ...registration, draft });
  return { state: "confirm", confirm: askOthers(draft, registry, origin) };
}

/** @throws EnactError REFUSED when what the browser gives is no new passkey of a verified person, made on this page */
async function draftOf(attestation: unknown, code: string, email: string, { origin, clock }: RegisterOptions): Promise<ApproverDraft> {
  const { verifyRegistrationResponse } = await import("@simplewebauthn/server");
  try {
    const { verified, registrationInfo } = await verifyRegistrationResponse({
      response: attestation as Parameters<typeof verifyRegistrationResponse>[0]["response"],
      expectedChallenge: challengeOfCode(code),
      expectedOrigin: origin,
      expectedRPID: RP_ID,
      requireUserVerification: true,
      supportedAlgorithmIDs: [...ALGORITHMS],
    });
    if (!verified) throw new TypeError("not verified");
    const { id, publicKey, transports } = registrationInfo.credential;
    const known = (transports ?? []).filter((transport) => typeof transport === "string").slice(0, 8);
    return {
      id: randomBytes(8).toString("hex"),
      email,
      kind: "passkey",
      public_key: await publicKeyFromCose(publicKey),
      created_at: clock().toISOString(),
      passkey: { credential_id: id, rp_id: RP_ID, origin, transports: known },
    };
  } catch (cause) {
    throw new EnactError("REFUSED", "This is no new passkey that can approve here", { hint: "It must be made on this page, with a PIN, a fingerprint or a face.", done: "Nothing was registered.", cause });
  }
}

/** Null when nobody who is there has a passkey: then a key in the terminal confirms. */
function askOthers(draft: ApproverDraft, registry: ApproverRegistry, origin: string) {
  const passkeys = passkeysOf(registry, origin);
  if (passkeys.length === 0) return null;
  return {
    challenge: Buffer.from(enrolmentChallenge(draft)).toString("base64url"),
    rpId: RP_ID,
    allowCredentials: passkeys.map(({ passkey }) => ({ id: passkey.credential_id, type: "public-key", transports: passkey.transports ?? [] })),
    userVerification: "required",
    timeout: TOUCH_MS,
  };
}

async function confirm({ code, registration, body }: Started, options: RegisterOptions) {
  const { registry, origin } = options;
  const { draft } = registration;
  if (registration.added || draft === null) throw new EnactError("REFUSED", "There is nothing to confirm here");
  const assertion = readAssertion(body["assertion"]);
  const passkey = passkeysOf(registry, origin).find((one) => one.passkey.credential_id === assertion.id);
  if (passkey === undefined) throw new EnactError("REFUSED", "This passkey is not registered here, or was revoked", { done: "Nothing was registered." });
  await checkAssertion(assertion, passkey, enrolmentChallenge(draft), origin);
  const { authenticatorData, clientDataJSON, signature } = assertion.response;
  const signed = { kind: "passkey", authenticator_data: authenticatorData, client_data: clientDataJSON, signature } as const;
  return added(code, registration, draft, { approver_id: passkey.id, signature: signed }, options);
}

function added(code: string, registration: Registration, draft: ApproverDraft, confirmation: Confirmation | null, { registry, registrations }: RegisterOptions) {
  registry.add(draft, confirmation);
  registrations.change(code, { ...registration, draft, added: true });
  return { state: "added" };
}

function refuseUsed({ added: isAdded, draft }: Registration): void {
  if (!isAdded && draft === null) return;
  throw new EnactError("REFUSED", "This link was used already", { hint: "Run enact-guard approvers add again for another passkey.", done: "Nothing was registered." });
}

function registerPage(): string {
  const main = html`<section class="card narrow" id="register">
<h1>Register a passkey</h1>
<p class="outcome" role="alert"></p>
<div data-step="make" hidden>
<p>With it, <bdi class="value email"></bdi> can approve what agents ask for on this computer. Your browser will ask for a PIN, a fingerprint or a face each time.</p>
<p class="aside">It never leaves your authenticator, and is good for this page alone. No agent can use it for you.</p>
<button type="button" class="button yes">Make the passkey</button>
</div>
<div data-step="confirm" hidden>
<p><strong>One more step.</strong> There are approvers already, and one of them has to confirm <bdi class="value email"></bdi>: with a passkey here, or with a key in the terminal that opened this page.</p>
<button type="button" class="button yes">Confirm with a registered passkey</button>
</div>
<div data-step="confirm-elsewhere" hidden>
<p><strong>One more step, in the terminal.</strong> There are approvers already, and one of them has to confirm <bdi class="value email"></bdi> there.</p>
</div>
<div data-step="done" hidden>
<p><strong>Done.</strong> <bdi class="value email"></bdi> can approve with this passkey from now on.</p>
<p><a href="/approvals">What waits for an approval</a></p>
</div>
<noscript><p class="problem">A passkey needs JavaScript, which this browser has switched off.</p></noscript>
</section>`;
  return page({ title: "Register a passkey", assets: "/", home: "/approvals", hasScript: true, main });
}

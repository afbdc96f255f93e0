import { createHash, generateKeyPairSync, randomBytes, sign } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { DatabaseSync } from "@photostructure/sqlite";

import type { Answer, AnswerSignature } from "../../src/approvals/answer.js";
import { answerRequest } from "../../src/approvals/answering.js";
import type { Approver, ApproverDraft, ApproverRegistry } from "../../src/approvals/approvers.js";
import { enrolmentChallenge } from "../../src/approvals/approvers.js";
import type { ApprovalDesk } from "../../src/approvals/desk.js";
import type { Inbox, StoredRequest } from "../../src/approvals/inbox.js";
import type { DeskOptions } from "../../src/approvals/open-desk.js";
import { openDesk } from "../../src/approvals/open-desk.js";
import { approvalChecker } from "../../src/approvals/proof.js";
import { openRegistry } from "../../src/approvals/registry.js";
import type { AnswerDecision, Statement } from "../../src/approvals/request.js";
import { challengeOf, signedBytes, statementOf } from "../../src/approvals/request.js";
import { publicKeyText } from "../../src/approvals/signatures.js";
import type { Guard, GuardOptions } from "../../src/guard/guard.js";
import { createGuardFrom } from "../../src/guard/pipeline.js";
import { requireHumanOkPolicy } from "../../src/policies/access/require_human_ok.js";
import type { Keys } from "../../src/receipts/keys.js";
import { openKeys } from "../../src/receipts/keys.js";
import type { Ledger } from "../../src/receipts/ledger.js";
import type { VerifyReport } from "../../src/receipts/verify.js";
import { approvalCheck, verifyLines } from "../../src/receipts/verify.js";
import { openInbox } from "../../src/stores/inbox.js";
import { openSqliteLedger, openSqliteReader } from "../../src/stores/sqlite.js";
import { noteTool } from "./guard-sandbox.js";

/** An approver who can sign: in these tests a person is a key in memory. */
export interface Person {
  readonly draft: ApproverDraft;
  sign(challenge: Uint8Array): AnswerSignature;
}

export const ORIGIN = "http://localhost:4663";

export function keyPerson(email: string, created_at: string): Person {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const draft: ApproverDraft = { id: randomBytes(8).toString("hex"), email, kind: "key", public_key: publicKeyText(publicKey), created_at };
  return { draft, sign: (challenge) => ({ kind: "key", signature: sign(null, signedBytes(challenge), privateKey).toString("base64url") }) };
}

export interface AssertionChanges {
  readonly origin?: string;
  readonly rpId?: string;
  readonly type?: string;
  readonly flags?: number;
  readonly challenge?: string;
  /** Bytes of authenticator data that are left and signed. */
  readonly bytes?: number;
  readonly more?: Readonly<Record<string, unknown>>;
}

/** An authenticator in software: makes the assertions that a browser would hand over. */
export function passkeyPerson(email: string, created_at: string, algorithm: "ES256" | "EdDSA" | "RS256" = "ES256") {
  const { privateKey, publicKey } = keyPairFor(algorithm);
  const passkey = { credential_id: randomBytes(16).toString("base64url"), rp_id: "localhost", origin: ORIGIN };
  const draft: ApproverDraft = { id: randomBytes(8).toString("hex"), email, kind: "passkey", public_key: publicKeyText(publicKey), created_at, passkey };
  const assert = (challenge: Uint8Array, changes: AssertionChanges = {}): AnswerSignature => {
    const { origin = ORIGIN, rpId = "localhost", type = "webauthn.get", flags = 0x05, bytes = 37, more = {} } = changes;
    const clientData = Buffer.from(JSON.stringify({ type, challenge: changes.challenge ?? Buffer.from(challenge).toString("base64url"), origin, ...more }));
    const data = Buffer.concat([createHash("sha256").update(rpId).digest(), Buffer.of(flags), Buffer.alloc(4)]).subarray(0, bytes);
    const signature = sign(algorithm === "EdDSA" ? null : "sha256", Buffer.concat([data, createHash("sha256").update(clientData).digest()]), privateKey);
    return { kind: "passkey", authenticator_data: data.toString("base64url"), client_data: clientData.toString("base64url"), signature: signature.toString("base64url") };
  };
  return { draft, sign: assert, assert };
}

function keyPairFor(algorithm: "ES256" | "EdDSA" | "RS256"): { readonly privateKey: KeyObject; readonly publicKey: KeyObject } {
  if (algorithm === "EdDSA") return generateKeyPairSync("ed25519");
  return algorithm === "RS256" ? generateKeyPairSync("rsa", { modulusLength: 2048 }) : generateKeyPairSync("ec", { namedCurve: "P-256" });
}

export const START = "2026-11-22T12:00:00.000Z";

/** A project with a guard that asks, a clock that tests turn, and people who answer. Everything is real but the clock. */
export class ApprovalWorld {
  readonly root = mkdtempSync(join(tmpdir(), "enact-approvals-"));
  readonly project = join(this.root, "project");
  readonly enactHome = join(this.root, "home");
  readonly file = join(this.root, "note.txt");
  readonly registry: ApproverRegistry;
  readonly inbox: Inbox;
  readonly keys: Keys;
  now = new Date(START);
  readonly #open: { close(): Promise<void> }[] = [];
  readonly #people = new Map<string, Person>();

  constructor() {
    mkdirSync(this.project);
    this.registry = openRegistry(this);
    this.inbox = this.newInbox();
    this.keys = openKeys({ enactHome: this.enactHome, project: this.project, signing: "hmac", secret: "s".repeat(40) });
  }

  newInbox(): Inbox {
    const inbox = openInbox({ enactHome: this.enactHome });
    this.#open.push(inbox);
    return inbox;
  }

  get clock(): () => Date {
    return () => new Date(this.now);
  }

  later(ms: number): void {
    this.now = new Date(this.now.getTime() + ms);
  }

  /** Adds a person, confirmed by the first one if there is one. */
  add(person: Person): Approver {
    const [first] = this.registry.all();
    const by = first === undefined ? undefined : this.#people.get(first.id);
    const confirmation = first === undefined || by === undefined ? null : { approver_id: first.id, signature: by.sign(enrolmentChallenge(person.draft)) };
    this.#people.set(person.draft.id, person);
    return this.registry.add(person.draft, confirmation);
  }

  /** A new approver with a key. */
  person(email: string): Person {
    const person = keyPerson(email, this.now.toISOString());
    this.add(person);
    return person;
  }

  ledger(): Ledger {
    const ledger = openSqliteLedger({ project: this.project, enactHome: this.enactHome, keys: this.keys, busyTimeoutMs: 2000 });
    this.#open.push(ledger);
    return ledger;
  }

  desk(options: Partial<DeskOptions> = {}): ApprovalDesk {
    const { registry, project } = this;
    return openDesk({ inbox: this.newInbox(), registry, project, expiresMinutes: 60, minApprovals: 1, approverDiffers: false, page: null, ...options });
  }

  guard(options: Partial<GuardOptions> = {}): Guard {
    return this.guardWithoutDesk({ desk: this.desk(), ...options });
  }

  guardWithoutDesk(options: Partial<GuardOptions> = {}): Guard {
    const guard = createGuardFrom({
      tools: [noteTool(this.file)],
      policies: [{ name: "require_human_ok", policy: requireHumanOkPolicy.create({ workflows: ["note_write"] }) }],
      unguarded: [],
      identity: { user_email: "agent@company.example", actor_role: "engineer", user_attributes: {} },
      configDigest: `sha256:${"0".repeat(64)}`,
      ledger: this.ledger(),
      clock: this.clock,
      ambient: () => ({ freeze_env: null, freeze_file: null }),
      secrets: [],
      ...options,
    });
    this.#open.push(guard);
    return guard;
  }

  /** The newest request. */
  async request(): Promise<StoredRequest> {
    const [stored] = await this.inbox.list({ limit: 1 }, this.now);
    if (stored === undefined) throw new Error("nobody was asked");
    return stored;
  }

  answerOf(person: Person, statement: Statement, decision: AnswerDecision = "approve"): Answer {
    const { id, email, kind } = person.draft;
    const signature = person.sign(challengeOf(statement));
    return { request_id: statement.id, decision, method: kind, approver_id: id, who: email, answered_at: this.now.toISOString(), reason: null, signature };
  }

  /** The person approves the newest request. */
  async approve(person: Person): Promise<StoredRequest> {
    const { request } = await this.request();
    if (request === null) throw new Error("the request cannot be shown");
    return answerRequest(this, this.answerOf(person, statementOf(request, "approve")), this.now);
  }

  async deny(reason: string | null): Promise<StoredRequest> {
    const { id } = await this.request();
    const answer = { request_id: id, decision: "deny", method: "terminal", approver_id: null, who: "ann (at a terminal)", answered_at: "", reason, signature: null } as const;
    return answerRequest(this, answer, this.now);
  }

  async verify(): Promise<VerifyReport> {
    const reader = await openSqliteReader({ project: this.project, enactHome: this.enactHome, keys: this.keys });
    try {
      return verifyLines(reader.lines(), { keys: reader.keys, known: reader.known, checks: [approvalCheck(approvalChecker(this.registry))] });
    } finally {
      reader.close();
    }
  }

  /** Any SQL on the inbox, as somebody with a SQLite client would run it. */
  sql(sql: string, ...values: (string | number | Uint8Array | null)[]): Record<string, unknown>[] {
    const db = new DatabaseSync(join(this.enactHome, "inbox.sqlite"));
    try {
      return db.prepare(sql).all(...values) as Record<string, unknown>[];
    } finally {
      db.close();
    }
  }

  async remove(): Promise<void> {
    for (const open of this.#open) await open.close();
    rmSync(this.root, { recursive: true, force: true });
  }
}

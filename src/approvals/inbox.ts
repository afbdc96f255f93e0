import type { Answer } from "./answer.js";
import type { ApprovalRequest } from "./request.js";

/**
 * open: may still be answered or used (whether enough people have approved is for the registry to say; see standing.ts).
 * denied, used, expired: over, for good.
 */
export type RequestState = "open" | "denied" | "used" | "expired";

/** A request as the inbox holds it. */
export interface StoredRequest {
  readonly id: string;
  readonly project: string;
  readonly workflow: string;
  readonly target: string;
  /** Who asks: the acting user. */
  readonly user_email: string;
  readonly plan_digest: string;
  readonly created_at: string;
  readonly expires_at: string;
  readonly state: RequestState;
  /** Oldest first. */
  readonly answers: readonly Answer[];
  /** The run that used it. */
  readonly run_id: string | null;
  /** All that a person must see. Null when it was deleted (some time after the request was over) or is not genuine. */
  readonly request: ApprovalRequest | null;
  /** Why the request must be neither shown as one nor answered: somebody has changed what lies in the inbox. */
  readonly problem: string | null;
}

export interface InboxQuery {
  readonly project?: string;
  readonly workflow?: string;
  readonly plan_digest?: string;
  readonly state?: RequestState;
  /** The beginning of an id. */
  readonly prefix?: string;
  /** At most so many, newest first; 200 when left out. */
  readonly limit?: number;
}

/**
 * The port to the inbox: one for all projects of a user, in the user's own folder, out of reach of the agent's file tools.
 * Reading makes nothing. `now` decides what has expired; what was once seen expired stays so, whatever a clock says later.
 *
 * Every method rejects with EnactError APPROVALS_UNAVAILABLE when the inbox cannot be read or written.
 */
export interface Inbox {
  /** Where it lies, for people. */
  readonly location: string;
  /**
   * Puts a request in, durable when it resolves. Filing the same id again changes nothing; neither does a second request
   * about a plan that is being asked about: then the one that is there is given back, and the new id leads to it.
   * @throws EnactError REFUSED when it is too large to be read by a person, or too many are waiting
   */
  file(request: ApprovalRequest, now: Date): Promise<StoredRequest>;
  /** By its full id. */
  get(id: string, now: Date): Promise<StoredRequest | null>;
  list(query: InboxQuery, now: Date): Promise<readonly StoredRequest[]>;
  /**
   * Records an answer whose signature has been checked (see answerRequest in answering.ts, which does both), in one
   * transaction with the look at the state: of two answers at once with one link, one counts.
   * @throws EnactError NOT_FOUND, REFUSED when the request is over or this approver has answered it
   */
  record(answer: Answer, now: Date): Promise<StoredRequest>;
  /** Notes the run that used it. The ledger is what makes it usable only once; this is for people, and a second lock. */
  used(id: string, runId: string, now: Date): Promise<void>;
  close(): Promise<void>;
}

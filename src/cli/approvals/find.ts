import type { Inbox, StoredRequest } from "../../approvals/inbox.js";
import { shortId } from "../../approvals/request.js";
import { EnactError } from "../../errors.js";
import { plainText } from "../../guard/text.js";

/** The inbox and the approvers of this user; main.ts opens them. */
export interface InboxDeps {
  readonly inbox: Inbox;
  readonly clock: () => Date;
}

/**
 * A request by its id, or by its first digits when they mean one request.
 * @throws EnactError NOT_FOUND, USAGE when they mean several
 */
export async function findRequest({ inbox, clock }: InboxDeps, given: string): Promise<StoredRequest> {
  const name = plainText(given, 40);
  if (!/^[0-9a-f]{4,32}$/iu.test(given)) {
    throw new EnactError("USAGE", `'${name}' is not the id of a request`, { hint: "An id is hexadecimal digits, of which the first eight are enough. enact-guard approvals lists them." });
  }
  const id = given.toLowerCase();
  const exact = id.length === 32 ? await inbox.get(id, clock()) : null;
  if (exact !== null) return exact;
  const found = await inbox.list({ prefix: id, limit: 3 }, clock());
  const [request] = found;
  if (request === undefined) throw new EnactError("NOT_FOUND", `There is no request ${name}`, { hint: "enact-guard approvals lists them." });
  if (found.length === 1) return request;
  throw new EnactError("USAGE", `Several requests begin with ${name}: ${found.map((stored) => stored.id).join(", ")}`, { hint: `Give more digits than '${shortId(id)}'.` });
}

import { EnactError } from "../../errors.js";

/** A conversation as Slack describes it. What its answer leaves open is undefined. */
export interface SlackConversation {
  readonly id: string;
  /** Undefined for direct messages. */
  readonly name: string | undefined;
  readonly kind: "public" | "private" | "im" | "mpim" | undefined;
  readonly isArchived: boolean | undefined;
  /** Shared with another organisation, or an invitation to one is open. */
  readonly isSharedOutside: boolean | undefined;
  readonly isMember: boolean | undefined;
  /** The other person of an im. */
  readonly user: string | undefined;
}

export interface SlackPerson {
  readonly id: string;
  /** The user name, unique in a workspace; undefined when it could not be looked up. */
  readonly name: string | undefined;
  /** Somebody of another organisation. */
  readonly isStranger: boolean | undefined;
}

type Raw = Readonly<Record<string, unknown>>;

/** Reads a conversation object (docs.slack.dev/reference/objects/conversation-object). @throws EnactError SYSTEM_UNAVAILABLE */
export function asConversation(value: unknown): SlackConversation {
  const raw = (typeof value === "object" && value !== null ? value : {}) as Raw;
  const id = raw["id"];
  if (typeof id !== "string" || !/^[A-Z0-9]{3,}$/.test(id)) {
    throw new EnactError("SYSTEM_UNAVAILABLE", "Slack's answer holds no conversation");
  }
  const kind = kindOf(raw, id);
  return {
    id,
    kind,
    name: kind === "im" ? undefined : text(raw["name"]),
    isArchived: flag(raw["is_archived"]),
    isSharedOutside: sharedOutside(raw),
    isMember: kind === "im" ? true : flag(raw["is_member"]),
    user: kind === "im" ? text(raw["user"]) : undefined,
  };
}

/** Reads a user object. @throws EnactError NOT_FOUND for a deactivated account, SYSTEM_UNAVAILABLE */
export function asPerson(value: unknown): SlackPerson {
  const raw = (typeof value === "object" && value !== null ? value : {}) as Raw;
  const id = text(raw["id"]);
  if (id === undefined) throw new EnactError("SYSTEM_UNAVAILABLE", "Slack's answer holds no user");
  if (raw["deleted"] === true) throw new EnactError("NOT_FOUND", `The Slack account ${id} is deactivated`);
  return { id, name: text(raw["name"]), isStranger: flag(raw["is_stranger"]) };
}

function kindOf(raw: Raw, id: string): SlackConversation["kind"] {
  // The strictest reading first: what any sign says is a direct message is judged as one.
  if (raw["is_im"] === true || id.startsWith("D")) return "im";
  if (raw["is_mpim"] === true) return "mpim";
  if (raw["is_private"] === true || raw["is_group"] === true) return "private";
  if (raw["is_private"] === false && raw["is_mpim"] !== undefined) return "public";
  return undefined;
}

function sharedOutside(raw: Raw): boolean | undefined {
  const signs = [raw["is_ext_shared"], raw["is_pending_ext_shared"]];
  const teams = [raw["connected_team_ids"], raw["pending_shared"], raw["pending_connected_team_ids"]];
  if (signs.includes(true) || teams.some((ids) => Array.isArray(ids) && ids.length > 0)) return true;
  return raw["is_ext_shared"] === false ? false : undefined;
}

function flag(value: unknown): boolean | undefined {
  return typeof value === "boolean" ? value : undefined;
}

function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

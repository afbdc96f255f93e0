import type { JsonValue } from "../../../receipts/receipt.js";
import type { Child } from "../html.js";
import { html } from "../html.js";
import { at, listAt, textAt, textsAt } from "../json.js";
import type { Shower } from "../show.js";
import { facts, list } from "../show.js";
import type { Draw, Sheet } from "./sheet.js";
import { caution, danger, notices } from "./sheet.js";

const KINDS: Readonly<Record<string, string>> = {
  public: "a public channel",
  private: "a private channel",
  im: "a direct message",
  mpim: "a group message",
};

/** From the step: the very message. */
export const slackPostSheet: Draw = ({ payload, step, target }, show): Sheet => {
  const blocks = at(step, "blocks") ?? null;
  const broadcast = textsAt(payload, "mentions", "broadcast");
  return {
    title: `Post to ${target}`,
    notices: notices(
      broadcast.length > 0 && danger(html`It calls everybody in the channel (${broadcast.map((name) => show.code(name))}).`),
      at(payload, "channel_is_shared_outside") === true && caution("People of another organisation read along."),
      listAt(payload, "secrets").length > 0 && danger("Something in it looks like a password or a key."),
    ),
    sections: [
      { title: "Where", body: where(payload, step, show) },
      { title: blocks === null ? "Message" : "Text for notifications", body: show.block(textAt(step, "text") ?? "", "Text of the message") },
      ...(blocks === null ? [] : [{ title: "Blocks", body: show.block(JSON.stringify(blocks, null, 2), "Blocks of the message") }]),
    ],
    isComplete: true,
  };
};

function where(payload: JsonValue, step: JsonValue, show: Shower): Child {
  const names = (key: string): Child => {
    const found = textsAt(payload, "mentions", key);
    return found.length > 0 && list(found.map((name) => show.code(name)));
  };
  const name = textAt(payload, "channel_name");
  const thread = textAt(step, "thread_ts");
  const hosts = textsAt(payload, "fetched_hosts");
  return facts(
    ["Channel", html`${name !== undefined && html`${show.line(`#${name}`)} `}${show.code(textAt(step, "channel") ?? "")}`],
    ["Kind", KINDS[textAt(payload, "channel_kind") ?? ""] ?? "not known"],
    ["Person", textAt(payload, "person", "name") !== undefined && show.line(textAt(payload, "person", "name") ?? "")],
    ["In the thread", thread !== undefined && show.code(thread)],
    ["Calls these groups", names("user_groups")],
    ["Calls these people", names("users")],
    ["Slack fetches pictures from", hosts.length > 0 && list(hosts.map((host) => show.code(host)))],
  );
}

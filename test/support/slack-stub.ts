import { startHttpStub, type Answer, type HttpStub } from "./http-stub.js";

/** Answers by method of Slack's Web API; what is not named answers as a healthy workspace with one channel. */
export type SlackAnswers = Readonly<Record<string, (parameters: URLSearchParams) => Answer>>;

export const CHANNEL = {
  id: "C024BE91L",
  name: "general",
  is_channel: true,
  is_group: false,
  is_im: false,
  is_mpim: false,
  is_private: false,
  is_archived: false,
  is_ext_shared: false,
  is_member: true,
} as const;

export interface SlackStub extends HttpStub {
  readonly apiUrl: string;
  /** Parameters of every call of this method, in order. */
  calls(method: string): readonly URLSearchParams[];
}

/** For what the emulator never does: errors, rate limits, silence, broken connections, shared channels, long lists. */
export async function startSlackStub(answers: SlackAnswers = {}): Promise<SlackStub> {
  const stub = await startHttpStub(({ path, body }) => {
    const method = path.replace("/api/", "");
    const answer = Object.hasOwn(answers, method) ? answers[method] : HEALTHY[method];
    return answer?.(new URLSearchParams(body)) ?? { body: { ok: false, error: "unknown_method" } };
  });
  const calls = (method: string) =>
    stub.received.filter(({ path }) => path === `/api/${method}`).map(({ body }) => new URLSearchParams(body));
  return { ...stub, apiUrl: `${stub.url}/api/`, calls };
}

export const ok = (body: object): Answer => ({ body: { ok: true, ...body } });
export const refuse = (error: string, more: object = {}): Answer => ({ body: { ok: false, error, ...more } });

const HEALTHY: SlackAnswers = {
  "conversations.info": (parameters) =>
    parameters.get("channel") === CHANNEL.id ? ok({ channel: CHANNEL }) : refuse("channel_not_found"),
  "conversations.list": () => ok({ channels: [CHANNEL], response_metadata: { next_cursor: "" } }),
  "users.list": () => ok({ members: [], response_metadata: { next_cursor: "" } }),
  "users.info": () => refuse("user_not_found"),
  "chat.postMessage": (parameters) => ok({ channel: parameters.get("channel"), ts: "1700000000.000100" }),
};

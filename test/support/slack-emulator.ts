import { createEmulator } from "emulate";

/** What the emulated workspace was told; read from the server, not from the client under test. */
export interface SlackEmulator {
  readonly apiUrl: string;
  /** Token of the bot under test. */
  readonly token: string;
  /** One call as the workspace's administrator, for setting up and for looking at effects. */
  admin(method: string, parameters?: Record<string, unknown>): Promise<Record<string, unknown>>;
  /** The same as the bot. */
  bot(method: string, parameters?: Record<string, unknown>): Promise<Record<string, unknown>>;
  /** All messages of all conversations that the administrator or the bot can see, as `[channel, text]`. */
  messages(): Promise<readonly Message[]>;
  close(): Promise<void>;
}

export interface Message {
  readonly channel: string;
  readonly text: string;
  readonly [key: string]: unknown;
}

const BOT = ["xoxb", "0000", "bot"].join("-");
const ADMIN = ["xoxp", "0000", "admin"].join("-");

/** Starts the emulator on a free loopback port, with people ann and bob, #general, #random and private #ops. */
export async function startSlackEmulator(scopes?: readonly string[]): Promise<SlackEmulator> {
  const emulator = await createEmulator({
    service: "slack",
    port: 0,
    seed: {
      slack: {
        users: [{ name: "ann" }, { name: "bob" }, { name: "general" }],
        channels: [{ name: "ops", is_private: true }],
        tokens: [
          { token: BOT, user: "ann", type: "bot", ...(scopes === undefined ? {} : { scopes }) },
          { token: ADMIN, user: "admin", type: "user" },
        ],
        strict_scopes: scopes !== undefined,
      },
    },
  } as never);
  const call = (token: string) => (method: string, parameters: Record<string, unknown> = {}) =>
    post(`${emulator.url}/api/${method}`, token, parameters);
  const [admin, bot] = [call(ADMIN), call(BOT)];
  return {
    apiUrl: `${emulator.url}/api/`,
    token: BOT,
    admin,
    bot,
    messages: async () => [...(await messagesOf(admin)), ...(await messagesOf(bot, "im,mpim"))],
    close: () => emulator.close(),
  };
}

type Call = (method: string, parameters?: Record<string, unknown>) => Promise<Record<string, unknown>>;

async function messagesOf(call: Call, types = "public_channel,private_channel"): Promise<Message[]> {
  const { channels } = (await call("conversations.list", { types, limit: 1000 })) as { channels?: { id: string }[] };
  const found: Message[] = [];
  for (const { id } of channels ?? []) {
    const { messages } = (await call("conversations.history", { channel: id, limit: 1000 })) as { messages?: Message[] };
    for (const message of messages ?? []) found.push({ ...message, channel: id });
  }
  return found;
}

async function post(url: string, token: string, parameters: Record<string, unknown>): Promise<Record<string, unknown>> {
  const response = await fetch(url, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify(parameters),
  });
  return (await response.json()) as Record<string, unknown>;
}

import { randomBytes } from "node:crypto";
import type { AddressInfo } from "node:net";

/** A mail as the server got it. */
interface ReceivedMail {
  /** The envelope's recipients: who really gets it. */
  readonly to: readonly string[];
  readonly subject: string;
}

interface DemoMailServer {
  readonly url: string;
  readonly mails: readonly ReceivedMail[];
  close(): Promise<void>;
}

interface DemoSlack {
  readonly token: string;
  readonly apiUrl: string;
  /** What the workspace holds, in all channels and direct messages that it knows of. */
  messages(): Promise<readonly string[]>;
  close(): Promise<void>;
}

/** Servers for messages, on loopback; undefined where the package is not installed. */
export interface Services {
  readonly mail?: DemoMailServer | undefined;
  readonly slack?: DemoSlack | undefined;
}

/** Starts what is installed. Both packages are for development: the published one comes without. */
export async function startServices(): Promise<Services> {
  const mail = await startMailServer();
  try {
    return { mail, slack: await startSlack() };
  } catch (error) {
    await mail?.close();
    throw error;
  }
}

export async function closeServices({ mail, slack }: Services): Promise<void> {
  await Promise.allSettled([mail?.close(), slack?.close()]);
}

async function startMailServer(): Promise<DemoMailServer | undefined> {
  const module = await import("smtp-server").catch(ifMissing);
  if (module === undefined) return undefined;
  const mails: ReceivedMail[] = [];
  const server = new module.SMTPServer({
    authOptional: true,
    disableReverseLookup: true,
    disabledCommands: ["STARTTLS"],
    closeTimeout: 50,
    onData(stream, { envelope }, done) {
      const chunks: Buffer[] = [];
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("end", () => {
        const [, subject = ""] = /^Subject: (.*)$/mu.exec(Buffer.concat(chunks).toString()) ?? [];
        mails.push({ to: envelope.rcptTo.map(({ address }) => address), subject: subject.trim() });
        done();
      });
    },
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  // A connection that breaks off is the guard's to report.
  server.on("error", () => undefined);
  const { port } = server.server.address() as AddressInfo;
  return { url: `smtp://127.0.0.1:${port}`, mails, close: () => new Promise((resolve) => server.close(resolve)) };
}

async function startSlack(): Promise<DemoSlack | undefined> {
  const module = await import("emulate").catch(ifMissing);
  if (module === undefined) return undefined;
  const token = ["xoxb", randomBytes(8).toString("hex")].join("-");
  const seed = {
    users: [{ name: "agent" }, { name: "bob" }],
    channels: [{ name: "finance" }],
    tokens: [{ token, user: "agent", type: "bot" }],
  };
  // The emulator's types leave out what the seed of a service holds.
  const emulator = await module.createEmulator({ service: "slack", port: 0, seed: { slack: seed } } as never);
  const ask = (method: string, parameters: object) => askSlack(`${emulator.url}/api/${method}`, token, parameters);
  return { token, apiUrl: `${emulator.url}/api/`, messages: () => messagesOf(ask), close: async () => emulator.close() };
}

type Ask = (method: string, parameters: object) => Promise<Readonly<Record<string, unknown>>>;

async function messagesOf(ask: Ask): Promise<readonly string[]> {
  const { channels } = (await ask("conversations.list", { types: "public_channel,private_channel,im,mpim" })) as { channels: { id: string; name?: string }[] };
  const found = await Promise.all(
    channels.map(async ({ id, name }) => {
      const { messages = [] } = (await ask("conversations.history", { channel: id })) as { messages?: { text: string }[] };
      return messages.map(({ text }) => `#${name ?? id}: ${text}`);
    }),
  );
  return found.flat();
}

async function askSlack(url: string, token: string, parameters: object): Promise<Readonly<Record<string, unknown>>> {
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  const response = await fetch(url, { method: "POST", headers, body: JSON.stringify(parameters) });
  return (await response.json()) as Readonly<Record<string, unknown>>;
}

/** @throws what is no missing package: a broken one should be heard of */
function ifMissing(error: unknown): undefined {
  if ((error as { code?: unknown }).code === "ERR_MODULE_NOT_FOUND") return undefined;
  throw error;
}

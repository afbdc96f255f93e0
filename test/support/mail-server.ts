import { domainToASCII } from "node:url";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";

import { SMTPServer, type SMTPServerOptions } from "smtp-server";
import { onTestFinished } from "vitest";

/** A mail as the server got it: the oracle of what was really sent to whom. */
export interface ReceivedMail {
  readonly from: string;
  readonly to: readonly string[];
  /** The whole message. */
  readonly message: string;
  readonly isEncrypted: boolean;
  readonly user: unknown;
}

export interface MailServerHandle {
  readonly port: number;
  readonly url: string;
  readonly mails: ReceivedMail[];
  /** Every RCPT TO that came, refused ones included. */
  readonly asked: string[];
  connections: number;
}

export interface MailServerBehaviour extends SMTPServerOptions {
  /** The server's answer to RCPT TO for some addresses. */
  readonly refuse?: (address: string) => { readonly code: number; readonly text: string } | undefined;
  /** The server's answer to the whole message. */
  readonly refuseMessage?: { readonly code: number; readonly text: string };
  /** Takes the whole message and drops the connection instead of answering. */
  readonly dropAfterMessage?: boolean;
}

/** A real SMTP server on loopback; closed when the test is over. */
export async function startMailServer({ refuse, refuseMessage, dropAfterMessage, ...options }: MailServerBehaviour = {}): Promise<MailServerHandle> {
  const handle = { port: 0, url: "", mails: [] as ReceivedMail[], asked: [] as string[], connections: 0 };
  const sockets = new Set<Socket>();
  const server = new SMTPServer({
    authOptional: true,
    disableReverseLookup: true,
    disabledCommands: ["STARTTLS"],
    closeTimeout: 50,
    ...options,
    onConnect(_session, done) {
      handle.connections += 1;
      done();
    },
    onRcptTo(address, _session, done) {
      handle.asked.push(asSent(address.address));
      const refusal = refuse?.(address.address);
      done(refusal === undefined ? null : answer(refusal));
    },
    onData(stream, session, done) {
      const chunks: Buffer[] = [];
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("end", () => {
        if (refuseMessage !== undefined) {
          done(answer(refuseMessage));
          return;
        }
        const { mailFrom, rcptTo } = session.envelope;
        const from = mailFrom === false ? "" : mailFrom.address;
        const user: unknown = session.user;
        handle.mails.push({ from, to: rcptTo.map(({ address }) => asSent(address)), message: Buffer.concat(chunks).toString("utf8"), isEncrypted: session.secure, user });
        if (dropAfterMessage === true) destroyAll(sockets);
        else done();
      });
    },
  });
  // A client that breaks off is what many tests are about.
  server.on("error", () => undefined);
  server.server.on("connection", (socket) => sockets.add(socket));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.server.address() as AddressInfo;
  // The server ends its connections by itself: to destroy the socket below TLS crashes Node 20.
  onTestFinished(() => new Promise<void>((resolve) => server.close(resolve)));
  return Object.assign(handle, { port, url: `${options.secure === true ? "smtps" : "smtp"}://127.0.0.1:${port}` });
}

/** The server shows domains of other scripts decoded, and they came in ASCII. */
function asSent(address: string): string {
  const at = address.lastIndexOf("@");
  return `${address.slice(0, at)}@${domainToASCII(address.slice(at + 1))}`;
}

function destroyAll(sockets: ReadonlySet<Socket>): void {
  for (const socket of sockets) socket.destroy();
}

function answer({ code, text }: { readonly code: number; readonly text: string }): Error {
  return Object.assign(new Error(text), { responseCode: code });
}

/** Where a {@link startBreakingServer} leaves the script. */
export type Break = "greeting" | "EHLO" | "MAIL" | "RCPT" | "DATA" | "in the message" | "after the message";

export interface BreakingServer {
  readonly url: string;
  connections: number;
  /** Messages whose end arrived. */
  complete: number;
}

/**
 * Speaks SMTP up to a point, and there drops the connection, falls silent, or answers with `reply`. A real server cannot be
 * told to break at each of these.
 */
export async function startBreakingServer(at: Break, how: "drop" | "silence" | { readonly reply: string }, ehlo = "250 there"): Promise<BreakingServer> {
  const handle = { url: "", connections: 0, complete: 0 };
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    handle.connections += 1;
    sockets.add(socket);
    socket.on("error", () => undefined);
    converse(socket, at, how, ehlo, () => (handle.complete += 1));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => new Promise<void>((resolve) => {
    destroyAll(sockets);
    server.close(() => resolve());
  }));
  return Object.assign(handle, { url: `smtp://127.0.0.1:${(server.address() as AddressInfo).port}` });
}

function converse(socket: Socket, at: Break, how: Parameters<typeof startBreakingServer>[1], ehlo: string, completed: () => void): void {
  let pending = "";
  let inMessage = false;
  const say = (stage: Break, reply: string) => {
    if (stage !== at) socket.write(`${reply}\r\n`);
    else if (how === "drop") socket.destroy();
    else if (how !== "silence") socket.write(`${how.reply}\r\n`);
  };
  const command = (line: string) => {
    const verb = line.slice(0, 4).toUpperCase();
    if (verb === "EHLO") say("EHLO", ehlo);
    else if (verb === "MAIL") say("MAIL", "250 ok");
    else if (verb === "RCPT") say("RCPT", "250 ok");
    else if (verb === "DATA") {
      inMessage = at !== "DATA";
      say("DATA", "354 go on");
    } else socket.write("250 ok\r\n");
  };
  say("greeting", "220 there ESMTP");
  socket.on("data", (chunk) => {
    pending += chunk.toString("latin1");
    if (inMessage && at === "in the message") socket.destroy();
    if (inMessage && pending.includes("\r\n.\r\n")) {
      completed();
      inMessage = false;
      pending = "";
      say("after the message", "250 taken");
    }
    const lines = pending.split("\r\n");
    pending = lines.pop() ?? "";
    for (const [index, line] of lines.entries()) {
      // What follows DATA belongs to the message.
      if (inMessage) pending = [...lines.slice(index), pending].join("\r\n");
      if (inMessage) break;
      command(line);
    }
  });
}

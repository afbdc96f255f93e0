import type SMTPConnection from "nodemailer/lib/smtp-connection";

import type { Outgoing } from "./message.js";
import type { MailServer } from "./server.js";

export interface SendSettings {
  readonly server: MailServer;
  /** Milliseconds for connecting, and for each answer of the server. */
  readonly timeoutMs: number;
}

/** What the server took, after it answered to the end of the message. */
export interface Taken {
  readonly accepted: readonly string[];
  /** One error for each recipient that was refused. */
  readonly rejectedErrors?: unknown;
  readonly response: string;
}

export interface Envelope {
  readonly from: string;
  readonly to: readonly string[];
  /** Bytes of the message. */
  readonly size: number;
}

/** Opens a session; connects to nothing yet. One connection for one mail: nothing of one call reaches the next. */
export async function openSession(settings: SendSettings): Promise<Session> {
  const { default: Connection } = await import("nodemailer/lib/smtp-connection");
  return new Session(new Connection(connectionOptions(settings)), settings.server.login);
}

function connectionOptions({ server, timeoutMs }: SendSettings) {
  const isRequired = server.tls === "required";
  return {
    host: server.host,
    port: server.port,
    secure: server.isTlsFromStart,
    requireTLS: isRequired && !server.isTlsFromStart,
    opportunisticTLS: !isRequired,
    // Where TLS is not required, its certificate proves nothing that its absence would not allow.
    tls: { rejectUnauthorized: isRequired, minVersion: "TLSv1.2" },
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    socketCloseTimeout: 1_000,
    logger: false,
  } as const;
}

type Done<Value> = (error: Error | null | undefined, value: Value) => void;

/** The client's callbacks as promises. What breaks the connection fails the step that is being waited for. */
export class Session {
  readonly #connection: SMTPConnection;
  readonly #login: MailServer["login"];
  #broken: Error | null = null;
  #fail: (error: Error) => void = noStep;

  constructor(connection: SMTPConnection, login: MailServer["login"]) {
    this.#connection = connection;
    this.#login = login;
    connection.on("error", (error) => this.#breakOff(error));
  }

  /** Connects, encrypts and logs in. */
  async connect(): Promise<void> {
    await this.#step<undefined>((done) => this.#connection.connect((error) => done(error, undefined)));
    if (this.#login === null || !this.#connection.allowsAuth) return;
    const { user, password } = this.#login;
    await this.#step<undefined>((done) => this.#connection.login({ user, pass: password }, (error) => done(error, undefined)));
  }

  async send({ from, to, size }: Envelope, message: Outgoing): Promise<Taken> {
    return this.#step<Taken>((done) => this.#connection.send({ from, to: [...to], size }, message, done));
  }

  /** Ends the session; the step that is being waited for fails with this error. */
  end(error: Error): void {
    this.#breakOff(error);
    this.close();
  }

  close(): void {
    this.#connection.close();
  }

  #breakOff(error: Error): void {
    this.#broken ??= error;
    this.#fail(error);
  }

  async #step<Value>(start: (done: Done<Value>) => void): Promise<Value> {
    if (this.#broken !== null) throw this.#broken;
    return new Promise<Value>((resolve, reject) => {
      this.#fail = reject;
      start((error, value) => (error ? reject(error) : resolve(value)));
    });
  }
}

/** Nobody is waiting. */
function noStep(): void {}

import { Readable } from "node:stream";

/** A name and an address in a header; the address is exactly one, already parsed. */
export interface Mailbox {
  readonly name: string | null;
  readonly address: string;
}

/** A mail as it was judged. Nothing in it is interpreted: no paths, no URLs, no headers of the caller's. */
export interface Mail {
  readonly from: Mailbox;
  readonly to: readonly Mailbox[];
  readonly cc: readonly Mailbox[];
  /** The addresses of the envelope: those of to, cc and bcc, each once. Bcc is in no header. */
  readonly recipients: readonly string[];
  readonly subject: string;
  readonly text: string;
  readonly html: string | null;
  readonly attachments: readonly { readonly filename: string; readonly content: Buffer }[];
}

/** The bytes of the message with CR LF at the end of each line. */
export async function compose(mail: Mail, messageId: string): Promise<Buffer> {
  // Loaded with the first mail: it would slow down every start.
  const { default: MailComposer } = await import("nodemailer/lib/mail-composer");
  const composer = new MailComposer({
    from: header(mail.from),
    to: mail.to.map(header),
    cc: mail.cc.map(header),
    subject: mail.subject,
    text: mail.text,
    ...(mail.html === null ? {} : { html: mail.html }),
    attachments: mail.attachments.map(({ filename, content }) => ({ filename, content, contentDisposition: "attachment" })),
    messageId,
    newline: "windows",
    // Content that says where to read from instead of what to send is content all the same.
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  return composer.compile().build();
}

function header({ name, address }: Mailbox): { name: string; address: string } {
  return { name: name ?? "", address };
}

/** A message on its way to the socket, which tells how far it came. */
export class Outgoing extends Readable {
  readonly #message: Buffer;
  #sent = 0;
  /** False: not a byte of the message was asked for, so that the server has none of it. */
  hasStarted = false;
  /** False: the end of the message was not handed on, so that the server cannot have taken it for complete. */
  hasEnded = false;

  constructor(message: Buffer) {
    super({ highWaterMark: CHUNK });
    this.#message = message;
  }

  override _read(): void {
    this.hasStarted = true;
    if (this.#sent >= this.#message.length) {
      this.hasEnded = true;
      this.push(null);
      return;
    }
    const chunk = this.#message.subarray(this.#sent, this.#sent + CHUNK);
    this.#sent += chunk.length;
    this.push(chunk);
  }
}

const CHUNK = 16_384;

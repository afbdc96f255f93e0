import type { Approver, ApproverDraft, ApproverRegistry, Confirmation } from "../approvals/approvers.js";
import { makePersonKey, MIN_PASSPHRASE, passphraseProblem } from "../approvals/person-key.js";
import { EnactError } from "../errors.js";
import { plainText } from "../guard/text.js";
import { confirmNew } from "./approvals/keys.js";
import type { ExitCode, Io } from "./io.js";
import { EXIT } from "./io.js";
import type { Terminal } from "./terminal.js";

export interface ApproversArgs {
  /** add, revoke, or nothing: then they are listed. */
  readonly action?: string;
  /** The address of who is added, or the id of who is revoked. */
  readonly name?: string;
  readonly passkey: boolean;
  readonly json: boolean;
}

/** Makes a passkey on the page. `confirm` has an approver who is there already confirm it at the terminal. */
export type AddPasskey = (email: string, terminal: Terminal, confirm: (draft: ApproverDraft) => Promise<Confirmation | null>) => Promise<Approver>;

export interface ApproversDeps {
  readonly registry: ApproverRegistry;
  readonly enactHome: string;
  readonly terminal: Terminal;
  readonly clock: () => Date;
  /** Left out where there is no page. */
  readonly addPasskey?: AddPasskey;
}

/**
 * Lists the people who may approve, adds one, or revokes one. Adding and revoking are deliberate acts at a terminal; once
 * there is an approver, another one is added only with the word of one who is there.
 *
 * @returns 0; 1 when the list holds somebody whom no approver has confirmed
 * @throws EnactError REFUSED without a terminal or a confirmation, USAGE
 */
export async function approversCommand(args: ApproversArgs, io: Pick<Io, "stdout">, deps: ApproversDeps): Promise<ExitCode> {
  const { action, name } = args;
  if (action === undefined) return list(args.json, io, deps);
  if (action === "add") return add(addressOf(name), args.passkey, io, deps);
  if (action === "revoke") return revoke(name, io, deps);
  throw new EnactError("USAGE", `There is no 'approvers ${plainText(action, 40)}'`, { hint: "There are: approvers, approvers add EMAIL [--passkey], approvers revoke ID." });
}

function list(json: boolean, io: Pick<Io, "stdout">, { registry }: ApproversDeps): ExitCode {
  const [all, strange] = [registry.all(), registry.unconfirmed()];
  if (json) {
    io.stdout.write(`${JSON.stringify({ approvers: all.map(asJson), unconfirmed: strange.map(asJson) }, null, 2)}\n`);
    return strange.length > 0 ? EXIT.blocked : EXIT.done;
  }
  const lines = all.map(line);
  if (all.length === 0) lines.push("Nobody can approve yet. To become an approver: enact-guard approvers add your@address");
  for (const approver of strange) lines.push(`✗ ${line(approver)}: no approver has confirmed this entry, so it does not count. Somebody wrote it into ${registry.location}.`);
  io.stdout.write(`${lines.join("\n")}\n`);
  return strange.length > 0 ? EXIT.blocked : EXIT.done;
}

function asJson({ id, email, kind, created_at, revoked_at }: Approver) {
  return { id, email, kind, created_at, revoked_at };
}

function line({ id, email, kind, created_at, revoked_at }: Approver): string {
  const since = `since ${created_at.slice(0, 10)}`;
  return `${id}  ${kind.padEnd(7)}  ${plainText(email, 200)}  ${since}${revoked_at === null ? "" : `, revoked ${revoked_at}`}`;
}

function addressOf(name: string | undefined): string {
  if (name !== undefined && /^[^\s@<>,;:"]+@[^\s@<>,;:"]+$/u.test(name) && name.length <= 320) return name;
  throw new EnactError("USAGE", "Who is it? Give one e-mail address", { hint: "enact-guard approvers add ann@example.com" });
}

async function add(email: string, passkey: boolean, io: Pick<Io, "stdout">, deps: ApproversDeps): Promise<ExitCode> {
  const { terminal, registry, enactHome, clock } = deps;
  if (!terminal.isInteractive) throw notATerminal("An approver is only added by a person at a terminal");
  const confirm = (draft: ApproverDraft) => confirmNew(draft, registry, deps);
  if (passkey) {
    if (deps.addPasskey === undefined) throw new EnactError("REFUSED", "There is no page here on which a passkey could be made");
    return added(await deps.addPasskey(email, terminal, confirm), io);
  }
  const key = makePersonKey(email);
  const draft: ApproverDraft = { id: key.id, email, kind: "key", public_key: key.public_key, created_at: clock().toISOString() };
  const confirmation = await confirm(draft);
  const passphrase = await newPassphrase(email, terminal);
  // The key first: an approver without one could never approve, and could not be told from one who has lost it.
  await key.store(enactHome, passphrase);
  return added(registry.add(draft, confirmation), io);
}

async function newPassphrase(email: string, terminal: Terminal): Promise<string> {
  terminal.write(`A key is made for ${plainText(email, 200)}. Its passphrase (${String(MIN_PASSPHRASE)} characters or more) is asked for at every approval.\n`);
  for (;;) {
    const passphrase = await terminal.askHidden("New passphrase: ");
    const problem = passphraseProblem(passphrase);
    if (problem !== null) terminal.write(`${problem}\n`);
    else if ((await terminal.askHidden("The same again: ")) === passphrase) return passphrase;
    else terminal.write("These were not the same.\n");
  }
}

function added({ id, email, kind }: Approver, io: Pick<Io, "stdout">): ExitCode {
  io.stdout.write(`${plainText(email, 200)} can approve now, with a ${kind} (${id}).\n`);
  return EXIT.done;
}

async function revoke(id: string | undefined, io: Pick<Io, "stdout">, { registry, terminal, clock }: ApproversDeps): Promise<ExitCode> {
  if (id === undefined) throw new EnactError("USAGE", "Whom? Give the approver's id", { hint: "enact-guard approvers lists them." });
  if (!terminal.isInteractive) throw notATerminal("An approver is only revoked by a person at a terminal");
  const found = registry.find(id);
  if (found === undefined) throw new EnactError("NOT_FOUND", `There is no approver '${plainText(id, 40)}'`, { hint: "enact-guard approvers lists them." });
  const others = registry.all().filter((other) => other.revoked_at === null && other.id !== id);
  if (others.length === 0) terminal.write("This is the last one. Nobody could approve any more, and nobody could confirm another one.\n");
  const answer = await terminal.ask(`Revoke ${plainText(found.email, 200)} (${found.kind}, ${found.id})? Type 'revoke': `);
  if (answer.trim().toLowerCase() !== "revoke") {
    terminal.write("Nothing was changed.\n");
    return EXIT.blocked;
  }
  const { email, revoked_at } = registry.revoke(id, clock());
  io.stdout.write(`${plainText(email, 200)} cannot approve with this any more, from ${revoked_at ?? ""} on.\n`);
  return EXIT.done;
}

function notATerminal(message: string): EnactError {
  return new EnactError("REFUSED", message, { hint: "Run it in a terminal of your own.", done: "Nothing was changed." });
}

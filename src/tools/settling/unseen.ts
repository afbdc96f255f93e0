import { z } from "zod";

import { emailSendPayload } from "../../facts/email.js";
import { slackPostPayload } from "../../facts/slack.js";
import { sqlQueryPayload } from "../../facts/sql.js";
import type { InterruptedRun, Settlement } from "../tool.js";
import { cannotTell, factsOf, notDone, unreadable } from "./common.js";

/** What leaves no trace that the account may look for: a person has to. Each says where, and for what. */

const mailFacts = emailSendPayload.pick({ recipients: true, subject: true }).strip();
const postFacts = slackPostPayload.pick({ channel: true, text_length: true }).strip();
const sqlFacts = sqlQueryPayload.pick({ statements: true, tables_written: true, ddl: true, deletes: true, cascades: true, columns_maybe_written: true }).extend({ effects: z.literal("planned") }).strip();

export async function settleMail(run: InterruptedRun): Promise<Settlement> {
  const facts = factsOf(mailFacts, run);
  const to = facts === undefined ? "a recipient" : facts.recipients.slice(0, 3).join(", ");
  return cannotTell(`A mail server cannot be asked what it sent. Ask ${to} whether a mail of ${run.decided_at.toISOString()} arrived, or look into the server's log`);
}

export async function settlePost(run: InterruptedRun): Promise<Settlement> {
  const facts = factsOf(postFacts, run);
  if (facts === undefined) return unreadable("the channel");
  return cannotTell(`The account may post, not read. Look into ${facts.channel} for a message of ${String(facts.text_length)} characters from ${run.decided_at.toISOString()} on`);
}

/** PostgreSQL takes back what was not committed, and keeps no note of what was: only that nothing was to change is certain. */
export async function settleSql(run: InterruptedRun): Promise<Settlement> {
  const facts = factsOf(sqlFacts, run);
  if (facts === undefined) return unreadable("what the statements were to do");
  const { statements, tables_written, ddl, deletes, cascades, columns_maybe_written } = facts;
  // A function of the user's own may write what nobody can read in the statement.
  const isPlain = statements.every(({ kind, functions }) => kind === "SELECT" && functions.length === 0);
  const changesNothing = isPlain && [tables_written, ddl, deletes, cascades, columns_maybe_written].every((list) => list.length === 0);
  if (changesNothing) return notDone("The statements only read: nothing was to change, and the answer never arrived");
  const where = tables_written.length === 0 ? "the schema" : tables_written.slice(0, 5).join(", ");
  return cannotTell(`All of the statements took effect, or none: PostgreSQL keeps no note of which. Look at ${where}`);
}

import { z } from "zod";

import { definePolicy } from "../policy.js";
import { notKnown } from "./_branches.js";

const options = z.strictObject({
  /** Letters and digits that the first line must hold, spaces and signs not counted. */
  min_letters: z.int().min(1).max(200).default(6),
});

/**
 * A message that tells a later reader what the commit is about.
 *
 * Judges the commit being made and not those of a push: their messages may be a person's, and can only be changed by
 * rewriting history.
 */
export const requireMeaningfulCommitMessagePolicy = definePolicy<z.infer<typeof options>>({
  id: "require_meaningful_commit_message",
  category: "git",
  workflows: ["git_commit"],
  reads: ["message"],
  options,
  description:
    "Blocks a commit whose first line says nothing: too short (`min_letters`), a single word, one word over and over, only words such as 'wip', 'fix', 'update', or only dots and invisible characters.",
  hint: "Say in the first line what changes and why, such as 'Retry the upload when the connection drops'.",
  examples: [
    { title: "what changes", passes: true, workflow: "git_commit", payload: { message: "Fix typo in the README\n" } },
    { title: "with the number of an issue", passes: true, workflow: "git_commit", payload: { message: "fix(login): close #149\n" } },
    { title: "in a language that does not separate words", passes: true, workflow: "git_commit", payload: { message: "修复登录超时的问题\n" } },
    { title: "wip", passes: false, workflow: "git_commit", payload: { message: "wip\n" } },
    { title: "dots", passes: false, workflow: "git_commit", payload: { message: ".....................\n" } },
    { title: "invisible characters", passes: false, workflow: "git_commit", payload: { message: "\u200B\u200B\u2060\u200B \u00AD\u200B\n" } },
    { title: "only filler words", passes: false, workflow: "git_commit", payload: { message: "Some more minor updates and fixes\n" } },
    { title: "one word over and over", passes: false, workflow: "git_commit", payload: { message: "test test test test\n" } },
  ],
  knownBad: () => ({ workflow: "git_commit", payload: { message: "...\n" } }),
  judge: ({ payload }, { min_letters }) => {
    const { message } = payload;
    if (typeof message !== "string") return notKnown("message");
    const problem = emptiness(message, min_letters);
    const messageSaysSomething = problem === null;
    if (messageSaysSomething) return { passed: true, reason: "The message says what the commit is about" };
    return { passed: false, reason: `The commit message says nothing: ${problem}`, instead: { message: EXAMPLE } };
  },
});

/** Long enough for every `min_letters`: it is never shown, only judged, to see that a better message would pass. */
const EXAMPLE = `Retry the upload when the connection drops, ${"with growing pauses between the attempts, ".repeat(6)}and say so in the log\n`;

/** Words that are true of every commit. */
const FILLER = new Set(
  ("a all an and again another as asdf bar blah bug bugs change changed changes checkpoint cleanup clean code commit commits committed " +
    "done edit edits etc few file files final fix fixed fixes foo for from further general improve improved improvement improvements " +
    "in into it its latest minor misc miscellaneous modification modifications modified modify more new now of on other patch " +
    "progress push quick refactor refactored refactoring save saved several small snapshot some stuff temp temporary test that the thing " +
    "things this tmp to todo tweak tweaks up update updated updates updating various version wip with work working xxx").split(" "),
);

function emptiness(message: string, least: number): string | null {
  const visible = message.normalize("NFKC").replaceAll(/[\p{Default_Ignorable_Code_Point}\p{Cf}]/gu, "");
  const [subject = ""] = visible.trim().split("\n");
  const words = (subject.toLowerCase().match(/[\p{L}\p{N}\p{M}]+/gu) ?? []) as readonly string[];
  const letters = words.join("");
  if (letters === "") return "it holds no letters";
  // In scripts without spaces a character is about a word.
  const isDense = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u.test(letters);
  const count = Array.from(letters).length * (isDense ? 2 : 1);
  if (count < least) return `'${subject.slice(0, 60)}' is too short`;
  const different = new Set(isDense ? Array.from(letters) : words);
  if (different.size < 2) return `'${subject.slice(0, 60)}' is a single word`;
  if ([...different].every((word) => FILLER.has(word))) return `'${subject.slice(0, 60)}' would fit every commit`;
  return null;
}

import type { Answer } from "../../approvals/answer.js";
import type { Progress } from "../../approvals/answering.js";
import type { StoredRequest } from "../../approvals/inbox.js";
import type { ApprovalRequest } from "../../approvals/request.js";
import { shortId } from "../../approvals/request.js";
import { piecesOf } from "../../approvals/visible.js";
import type { TextShape } from "../../approvals/visible.js";
import type { JsonValue } from "../../receipts/receipt.js";

/** Writes what others wrote so that it is seen for what it is, and counts the characters that are not what they seem. */
export class Screen {
  readonly #mark: (text: string) => string;
  odd = 0;

  /** @param mark sets off the name of a character that could not be seen otherwise */
  constructor(mark: (text: string) => string) {
    this.#mark = mark;
  }

  text(value: string, shape: TextShape = "line"): string {
    return piecesOf(value, shape)
      .map((piece) => {
        if (typeof piece === "string") return piece;
        this.odd += 1;
        return `${piece.glyph ?? ""}${this.#mark(`<${piece.label}>`)}`;
      })
      .join("");
  }

  /** Any value of JSON, whole, below its name. */
  tree(name: string, value: JsonValue): readonly string[] {
    if (typeof value === "string" && value.includes("\n")) return [`${name}:`, ...this.text(value, "block").split("\n").map((line) => `  | ${line}`)];
    if (typeof value !== "object" || value === null) return [`${name === "-" ? name : `${name}:`} ${typeof value === "string" ? this.#quoted(value) : String(value)}`];
    const children = Array.isArray(value)
      ? (value as readonly JsonValue[]).flatMap((child) => this.tree("-", child))
      : Object.entries(value).flatMap(([key, child]) => this.tree(this.text(key), child));
    if (children.length === 0) return [`${name}: ${Array.isArray(value) ? "(none)" : "(nothing)"}`];
    return [name === "-" ? "-" : `${name}:`, ...children.map((line) => `  ${line}`)];
  }

  /** With its ends in sight: a blank before or after is a character too. */
  #quoted(value: string): string {
    return `"${this.text(value.replaceAll(/["\\]/gu, String.raw`\$&`))}"`;
  }
}

/** A request in full: all that an approval would cover, and nothing left out. */
export function requestText(stored: StoredRequest, progress: Progress, now: Date, isTerminal: boolean): string {
  const screen = new Screen(isTerminal ? (text) => `\u001B[7m${text}\u001B[27m` : (text) => text);
  const { request } = stored;
  const content = request === null ? [goneText(stored, screen)] : contentLines(request, screen);
  const odd = screen.odd === 0 ? [] : [`! ${screen.odd === 1 ? "1 character above is not what it seems" : `${String(screen.odd)} characters above are not what they seem`}: marked <like this>.`];
  const lines = [`Request ${shortId(stored.id)}: ${stateText(stored, progress, now)}`, "", ...content, ...odd, ...answerLines(stored.answers, screen)];
  return `${lines.join("\n")}\n`;
}

function contentLines({ id, project, plan, demand, expires_at, created_at }: ApprovalRequest, screen: Screen): readonly string[] {
  const { user_email, actor_role, user_attributes } = plan.identity;
  const attributes = screen.tree("attributes", user_attributes);
  return [
    `  ${screen.text(plan.workflow)}  ${screen.text(plan.target)}`,
    "",
    "Who asks",
    ...indented([`${screen.text(user_email)}, as ${screen.text(actor_role)}`, ...(attributes.length > 1 ? attributes : []), `project ${screen.text(project)}`, `asked ${created_at}`]),
    "Why a person must decide",
    ...indented(demand.policies.map(({ policy, reason }) => `${screen.text(policy)}: ${screen.text(reason)}`)),
    "The facts that were judged",
    ...indented(Object.entries(plan.payload).flatMap(([name, value]) => screen.tree(screen.text(name), value))),
    "What would be done, word for word as the program gets it",
    ...indented(screen.tree("step", plan.step)),
    "What an approval is bound to",
    ...indented([
      `request ${id}`,
      `plan ${plan.plan_digest}`,
      `configuration ${screen.text(plan.config_digest)}`,
      `until ${expires_at}, for one call, by ${peopleText(demand.min_approvals)}${demand.approver_differs ? ", of whom none may be the one who asks" : ""}`,
    ]),
    "",
  ];
}

function indented(lines: readonly string[]): readonly string[] {
  return lines.map((line) => `  ${line}`);
}

function goneText({ problem, workflow, target }: StoredRequest, screen: Screen): string {
  const what = `${screen.text(workflow)}  ${screen.text(target)}`;
  return problem === null ? `  ${what}\n  What it asked for is forgotten: it is over.` : `  ✗ This request is not genuine and cannot be answered: ${screen.text(problem)}.`;
}

function answerLines(answers: readonly Answer[], screen: Screen): readonly string[] {
  return answers.map(({ decision, who, method, answered_at, reason }) => {
    const why = reason === null || reason.trim() === "" ? "" : `: ${screen.text(reason)}`;
    return `  ${decision === "approve" ? "approved" : "denied"} by ${screen.text(who)} (${method}) at ${answered_at}${why}`;
  });
}

/** How far it has come, in words. */
export function stateText(stored: StoredRequest, { state, counted, needed }: Progress, now: Date): string {
  const left = `until ${clockText(stored.expires_at)}, ${leftText(Date.parse(stored.expires_at) - now.getTime())}`;
  if (state === "waiting") return `waiting for ${peopleText(needed - counted.length)} (${left})`;
  if (state === "approved") return `approved, not used yet (${left})`;
  if (state === "used") return `used${stored.run_id === null ? "" : ` by run ${stored.run_id.slice(0, 8)}`}`;
  return state === "tampered" ? "not genuine" : state;
}

function peopleText(count: number): string {
  return count === 1 ? "1 person" : `${String(count)} different people`;
}

function clockText(time: string): string {
  return `${time.slice(11, 16)} UTC`;
}

function leftText(ms: number): string {
  const minutes = Math.max(0, Math.floor(ms / 60_000));
  if (minutes < 1) return "less than a minute left";
  return minutes < 120 ? `${String(minutes)} min left` : `${String(Math.floor(minutes / 60))} h left`;
}

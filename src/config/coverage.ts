import { policyMeta } from "../policies/policy.js";
import type { Policy, PolicyDefinition } from "../policies/policy.js";
import type { Located } from "./document.js";
import { suggestion } from "./nearest.js";
import type { ReadPolicy } from "./policies.js";
import type { Place, Problems } from "./problem.js";
import { shownText } from "./shown.js";

/** A tool that the file names, and where. */
export interface NamedTool {
  readonly name: string;
  readonly place: Place;
}

/** Offered whenever an enabled tool can be undone. Policies may name it. */
export const ROLLBACK = "enact_rollback";

/** Tools that every agent has, to ask the guard itself or to undo; naming them changes nothing. */
const ALWAYS_THERE: ReadonlySet<string> = new Set(["enact_check", "enact_receipts", ROLLBACK]);

/** Reads a list of tools. With `known` empty the names are not checked. */
export function readNames(list: Located | undefined, known: readonly string[], problems: Problems): NamedTool[] {
  const tools: NamedTool[] = [];
  for (const item of list?.kind === "list" ? list.items : []) {
    if (item.kind !== "scalar" || typeof item.value !== "string" || ALWAYS_THERE.has(item.value)) continue;
    const name = item.value;
    const twin = tools.find((tool) => tool.name === name);
    if (known.length > 0 && !known.includes(name)) problems.add(item.place, `unknown tool ${shownText(name)}.${suggestion(name, known, "tools")}`);
    else if (twin === undefined) tools.push({ name, place: item.place });
    else problems.add(item.place, `${name} is listed twice; the first is in line ${twin.place.line}.`);
  }
  return tools;
}

export interface CoverageInput {
  readonly tools: readonly NamedTool[];
  readonly unguarded: readonly NamedTool[];
  readonly policies: readonly ReadPolicy[];
  readonly definitions: readonly PolicyDefinition[];
  readonly problems: Problems;
}

/** Every tool is judged by a policy, or the file says in so many words that it need not be. */
export function checkCoverage({ tools, unguarded, policies, definitions, problems }: CoverageInput): void {
  for (const { name, place } of unguarded) {
    const toolIsEnabled = tools.some((tool) => tool.name === name);
    if (!toolIsEnabled) problems.add(place, `${name} is listed under 'unguarded', but not under 'tools'. Remove it, or enable the tool.`);
  }
  for (const { name, place } of tools) {
    const judging = policies.filter(({ policy }) => judges(policy, name));
    const toolIsJudged = judging.some(({ policy }) => !judgesOnlyPart(policy, name));
    const judgingIsWaived = unguarded.some((tool) => tool.name === name);
    if (toolIsJudged || judgingIsWaived) continue;
    const fits = ({ examples, judgesPartOf }: PolicyDefinition) => !judgesPartOf.includes(name) && examples.some(({ workflow }) => workflow === name);
    const fitting = definitions.filter(fits).map(({ id }) => id);
    const such = fitting.length === 0 ? "" : ` such as ${fitting.slice(0, 4).join(", ")}`;
    const partly = judging.length === 0 ? "" : ` as a whole (${judging.map((policy) => policy.name).join(", ")} judging only what may be attached)`;
    problems.add(place, `no policy judges ${name}${partly}. Add one${such}, or list the tool under 'unguarded' if it may do everything.`);
  }
}

/** A policy that is told which tools to judge, and told a name that no tool has, would protect nothing. */
export function checkWorkflowNames(policies: readonly ReadPolicy[], known: readonly string[], problems: Problems): void {
  for (const { name, policy, place } of policies) {
    const { workflows } = policyMeta(policy)?.options ?? {};
    for (const workflow of Array.isArray(workflows) ? (workflows as unknown[]) : []) {
      if (typeof workflow !== "string" || known.includes(workflow)) continue;
      problems.add(place, `${name} is to judge ${shownText(workflow)}, and no tool has that name.${suggestion(workflow, known, "tools")}`);
    }
  }
}

/** A plain function judges every workflow. */
function judges(policy: Policy, tool: string): boolean {
  const workflows = policyMeta(policy)?.workflows ?? "all";
  return workflows === "all" || workflows.includes(tool);
}

/** With such policies alone a call without that part would be judged by nobody. */
function judgesOnlyPart(policy: Policy, tool: string): boolean {
  return policyMeta(policy)?.judgesPartOf.includes(tool) ?? false;
}

/** Sentences about policies that do nothing here. */
export function idlePolicies(tools: readonly NamedTool[], policies: readonly ReadPolicy[]): string[] {
  const judged = [...tools.map(({ name }) => name), ROLLBACK];
  const idle = policies.filter(({ policy }) => !judged.some((tool) => judges(policy, tool)));
  const notices = idle.map(({ name, place }) => `line ${place.line}: ${name} judges none of the enabled tools.`);
  const twins = policies.filter((policy, index) => policies.findIndex((other) => isSame(other, policy)) < index);
  return [...notices, ...twins.map(({ name, place }) => `line ${place.line}: ${name} stands here a second time with the same options.`)];
}

function isSame(a: ReadPolicy, b: ReadPolicy): boolean {
  return JSON.stringify(a.meaning) === JSON.stringify(b.meaning);
}

import { code, kind, NOTE, properties, required, table, withFinalNewline, yaml } from "./text.mjs";

/** The short table of the README. */
export function toolTable({ tools }) {
  return table(
    ["Tool", "System", "What it does", "Undo"],
    tools.map((tool) => [`[${code(tool.name)}](docs/tools.md#${tool.name})`, tool.system, tool.title, tool.reversible === false ? "no" : tool.reversible]),
  );
}

export function toolsPage(sources, commentsOf) {
  return withFinalNewline([
    "# Tools",
    NOTE,
    "A tool exists for the agent only if `enact.yaml` lists it. Its input is strict: an unknown key is an error. Before a call is judged the guard finds out " +
      "the facts below from the real system; policies judge these, and the receipt shows them. `enact_check` and `enact_receipts` are always there, " +
      "and [`enact_rollback`](undo.md) whenever one of the tools can be undone.",
    table(["Tool", "System", "What it does"], sources.tools.map(({ name, system, title }) => [`[${code(name)}](#${name})`, system, title])),
    ...sources.tools.map((tool) => toolSection(tool, sources, commentsOf(tool))),
  ]);
}

function toolSection(tool, { toJSONSchema, policies, policyMeta }, comments) {
  const input = toJSONSchema(tool.input, { io: "input", unrepresentable: "any" });
  const facts = toJSONSchema(tool.payload, { io: "output", unrepresentable: "any" });
  return [
    `## ${tool.name}`,
    tool.description,
    [
      `- System: ${code(tool.system)}`,
      `- Annotations: ${annotations(tool.annotations)}`,
      `- Undo: ${tool.reversible === false ? "not possible" : tool.reversible}`,
      `- Judged by: ${judges(tool, policies, policyMeta)}`,
    ].join("\n"),
    ...accessPart(tool.access),
    "Input:",
    table(["Key", "Value", "Default", "Meaning"], rows(input, comments.input, true)),
    "Facts:",
    table(["Fact", "Value", "Meaning"], rows(facts, comments.facts, false)),
  ].join("\n\n");
}

/** What the account behind the tool may do, and no more. */
function accessPart(access) {
  return access === undefined ? [] : ["Required access, and no more:", access.map((sentence) => `- ${sentence}`).join("\n")];
}

function annotations({ readOnlyHint, destructiveHint, idempotentHint, openWorldHint }) {
  return [
    readOnlyHint ? "read-only" : "changes something",
    destructiveHint ? "may destroy" : "destroys nothing",
    idempotentHint ? "twice is as once" : "twice is not as once",
    openWorldHint ? "reaches the outside" : "stays inside",
  ].join(", ");
}

function rows(schema, comments, withDefault) {
  const needed = required(schema);
  return Object.entries(properties(schema)).map(([name, part]) => {
    const meaning = part.description ?? comments.get(name) ?? "";
    if (!withDefault) return [code(name), kind(part), meaning];
    const standard = part.default !== undefined ? code(yaml(part.default)) : needed.has(name) ? "required" : "";
    return [code(name), kind(part), standard, meaning];
  });
}

/** Policies made for this tool; those that judge every tool are in the list of policies. */
function judges(tool, policies, policyMeta) {
  const own = policies.filter((policy) => {
    const options = [{}, ...policy.examples.map((example) => example.options ?? {})].find((given) => policy.options.safeParse(given).success);
    const workflows = options === undefined ? [] : policyMeta(policy.create(options)).workflows;
    return workflows !== "all" && workflows.includes(tool.name);
  });
  const links = own.map(({ id }) => `[${code(id)}](policies.md#${id})`);
  return [...links, "and those that judge every tool"].join(", ");
}

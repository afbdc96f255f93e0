import { code, kind, NOTE, properties, required, table, withFinalNewline, yaml } from "./text.mjs";

const CATEGORY_TITLES = {
  access: "Access",
  cloud_storage: "Cloud storage",
  crm: "CRM",
  db: "Database",
  email: "E-mail",
  filesystem: "Files",
  git: "Git",
  slack: "Slack",
  time: "Time",
};

/** The short table of the README. */
export function policyTable({ policies }) {
  return table(
    ["Policy", "Category", "What it does"],
    policies.map(({ id, category, description }) => [`[${code(id)}](docs/policies.md#${id})`, category, description]),
  );
}

export function policiesPage(sources, commentsOf) {
  const categories = [...new Set(sources.policies.map(({ category }) => category))];
  const sections = categories.flatMap((category) => [
    `## ${CATEGORY_TITLES[category] ?? category}`,
    code(`import { … } from "enact-guard/policies/${category}"`),
    ...sources.policies.filter((policy) => policy.category === category).map((policy) => policySection(policy, sources, commentsOf(policy))),
  ]);
  return withFinalNewline([
    "# Policies",
    NOTE,
    "All policies that apply to a call judge it, on facts that the guard has found out; all must pass. A fact that is missing or unknown blocks. " +
      "In `enact.yaml` a policy is its name, or its name with options. Every example below runs as a test.",
    table(["Policy", "What it does"], sources.policies.map(({ id, description }) => [`[${code(id)}](#${id})`, description])),
    ...sections,
  ]);
}

function policySection(policy, { policyMeta, toJSONSchema }, comments) {
  const options = toJSONSchema(policy.options, { io: "input", unrepresentable: "any" });
  const meta = exampleMeta(policy, policyMeta);
  const judges = meta === undefined ? "depends on its options" : meta.workflows === "all" ? "every tool" : meta.workflows.map(code).join(", ");
  return [
    `### ${policy.id}`,
    policy.description,
    [
      `- Judges: ${judges}${policy.judgesPartOf.length === 0 ? "" : `; of ${policy.judgesPartOf.map(code).join(", ")} only what is attached, so that another policy must judge the rest`}`,
      `- Reads: ${policy.reads.length === 0 ? "no fact of the call" : policy.reads.map(code).join(", ")}`,
      `- Instead: ${policy.hint}`,
    ].join("\n"),
    ...optionsPart(options, comments),
    examplesPart(policy),
  ].join("\n\n");
}

/** Which tools it judges may depend on the options; any that are valid will do to show it. */
function exampleMeta(policy, policyMeta) {
  for (const options of [{}, ...policy.examples.map((example) => example.options ?? {})]) {
    if (policy.options.safeParse(options).success) return policyMeta(policy.create(options));
  }
  return undefined;
}

function optionsPart(schema, comments) {
  const entries = Object.entries(properties(schema));
  if (entries.length === 0) return [];
  const needed = required(schema);
  const rows = entries.map(([name, option]) => {
    const standard = option.default !== undefined ? code(yaml(option.default)) : needed.has(name) ? "required" : "";
    return [code(name), kind(option), standard, option.description ?? comments.get(name) ?? ""];
  });
  return [table(["Option", "Value", "Default", "Meaning"], rows)];
}

function examplesPart(policy) {
  const lines = policy.examples.map((example) => {
    const options = example.options !== undefined && Object.keys(example.options).length > 0 ? ` (${code(yaml(example.options))})` : "";
    return `- ${example.passes ? "passes" : "**blocks**"}: ${code(example.workflow)}, ${example.title}${options}`;
  });
  return lines.join("\n");
}

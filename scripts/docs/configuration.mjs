import { code, kind, table, yaml } from "./text.mjs";

/**
 * Puts the tables between their marks: `<!-- generated:NAME -->` and `<!-- /generated -->`.
 * @throws when a page asks for a table that there is not, or does not close a mark
 */
export function fillRegions(text, regions, path) {
  const marks = [...text.matchAll(/<!-- generated:([\w.-]+) -->/gu)].map(([, name]) => name);
  const unknown = marks.filter((name) => regions[name] === undefined);
  if (unknown.length > 0) throw new Error(`${path}: there is no table ${unknown.join(", ")}; there are ${Object.keys(regions).join(", ")}`);
  const filled = text.replaceAll(/<!-- generated:([\w.-]+) -->(?:(?!<!-- generated:)[^])*?<!-- \/generated -->/gu, (_region, name) => `<!-- generated:${name} -->\n\n${regions[name]}\n\n<!-- /generated -->`);
  if ((filled.match(/<!-- \/generated -->/gu) ?? []).length !== marks.length) throw new Error(`${path}: a mark is not closed with <!-- /generated -->`);
  return filled;
}

/** `system.git`, `system.postgres`, …, and `identity` and `receipts`: the keys of each section. */
export function systemTables(schema) {
  const systems = Object.entries(schema.properties.systems.properties).map(([name, section]) => [`system.${name}`, keys(section)]);
  return { ...Object.fromEntries(systems), identity: keys(schema.properties.identity), receipts: keys(schema.properties.receipts), undo: keys(schema.properties.undo), approvals: keys(schema.properties.approvals), "approvals.mail": keys(schema.properties.approvals.properties.mail), file: keys(schema) };
}

function keys(section) {
  const needed = new Set(section.required ?? []);
  const rows = Object.entries(section.properties).map(([name, part]) => {
    const isSection = part.properties !== undefined || name === "policies" || name === "tools" || name === "unguarded";
    const standard = part.default !== undefined && !isSection ? code(yaml(part.default)) : needed.has(name) ? "required" : "";
    return [code(name), isSection ? "" : kind(part), standard, part.description ?? ""];
  });
  return table(["Key", "Value", "Default", "Meaning"], rows);
}

/** Which variable stands in for which key. */
export function environmentTable({ CONVENTIONS }) {
  return table(
    ["Key", "Variable"],
    Object.entries(CONVENTIONS).map(([key, variables]) => [code(`systems.${key}`), variables.map(code).join(", then ")]),
  );
}

// What all pages share: tables, code, and JSON Schema in words.

export const NOTE = "<!-- Printed by scripts/docs.mjs from the sources. Do not edit here: change the source and run npm run docs. -->";

/** A markdown table; cells lose what would end them. */
export function table(heads, rows) {
  if (rows.length === 0) return "None.";
  const line = (cells) => `| ${cells.map((cell) => String(cell).replaceAll("|", "\\|").replaceAll("\n", " ")).join(" | ")} |`;
  return [line(heads), line(heads.map(() => "---")), ...rows.map(line)].join("\n");
}

/** Inline code; text with backticks gets two of them. */
export function code(text) {
  return text.includes("`") ? `\`\` ${text} \`\`` : `\`${text}\``;
}

/** A value as one would write it in enact.yaml, on one line. */
export function yaml(value) {
  if (Array.isArray(value)) return `[${value.map(yaml).join(", ")}]`;
  if (value !== null && typeof value === "object") {
    const entries = Object.entries(value).map(([key, child]) => `${key}: ${yaml(child)}`);
    return entries.length === 0 ? "{}" : `{ ${entries.join(", ")} }`;
  }
  if (typeof value !== "string") return String(value);
  const isPlain = /^[A-Za-z_./][\w./@ -]*$/u.test(value) && !/^(?:true|false|null|~|\.nan|[-+]?\.inf)$/iu.test(value) && !/\s$/u.test(value);
  return isPlain ? value : JSON.stringify(value);
}

/** JSON Schema in a few words. */
export function kind(schema) {
  if (schema === undefined) return "";
  if (schema.const !== undefined) return code(JSON.stringify(schema.const));
  if (schema.enum !== undefined) return schema.enum.map((value) => code(String(value))).join(", ");
  const branches = schema.anyOf ?? schema.oneOf;
  if (branches !== undefined) return either(branches.map(kind));
  if (isUnknownFact(schema)) return "unknown";
  if (Array.isArray(schema.type)) return either(schema.type.map((type) => kind({ ...schema, type })));
  if (schema.type === "array") return schema.items === undefined || kind(schema.items) === "" ? "list" : `list of ${kind(schema.items)}`;
  const names = { string: "text", integer: "whole number", number: "number", boolean: "true or false", object: "keys and values", null: "nothing" };
  return names[schema.type] ?? "";
}

/** Alternatives, once each; what is not there, or not known, last. */
function either(names) {
  const rank = (name) => (name === "unknown" ? 2 : name === "nothing" ? 1 : 0);
  const parts = names.flatMap((name) => (name === "true or false" ? [name] : name.split(" or ")));
  return [...new Set(parts)].filter((name) => name !== "").toSorted((a, b) => rank(a) - rank(b)).join(" or ");
}

/** The fact that says of itself that it could not be found out. */
export function isUnknownFact(schema) {
  return schema.type === "object" && schema.properties?.$unknown !== undefined;
}

/** The keys of an object, those of all alternatives together. */
export function properties(schema) {
  const inner = [...(schema.anyOf ?? []), ...(schema.oneOf ?? []), ...(schema.allOf ?? [])];
  return Object.assign({}, ...inner.filter((branch) => !isUnknownFact(branch)).map(properties), schema.properties ?? {});
}

/** Keys without which the object is not accepted. */
export function required(schema) {
  return new Set(schema.required ?? []);
}

export function withFinalNewline(parts) {
  return `${parts.join("\n\n").trimEnd()}\n`;
}

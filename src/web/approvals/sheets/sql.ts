import type { Child, Html } from "../html.js";
import { html } from "../html.js";
import { at, listAt, numberAt, textAt, textsAt, unknownAt } from "../json.js";
import type { Shower } from "../show.js";
import { counted, facts, list, table } from "../show.js";
import type { Draw, Sheet } from "./sheet.js";
import { caution, danger, notices } from "./sheet.js";

/** From the step: the statements that will be sent, whole, and every parameter. */
export const sqlQuerySheet: Draw = ({ payload, step }, show): Sheet => {
  const statements = textsAt(step, "order", "statements");
  const params = listAt(step, "order", "params");
  const kinds = listAt(payload, "statements").map((one) => textAt(one, "kind") ?? "SQL");
  const written = textsAt(payload, "tables_written");
  const unknown = unknownAt(payload, "effects");
  const whole = listAt(payload, "statements").filter((one) => ["absent", "always_true"].includes(textAt(one, "where") ?? ""));
  const on = written.length === 0 ? "" : ` on ${written.length <= 3 ? written.join(", ") : counted(written.length, "table")}`;
  return {
    title: `Run ${kinds.length === 1 ? (kinds[0] ?? "SQL") : counted(statements.length, "SQL statement")}${on}`,
    notices: notices(
      unknown !== undefined && danger(`What else this does cannot be told beforehand: ${unknown}.`),
      whole.length > 0 && danger("No condition limits which rows are changed: every row of the table."),
      textsAt(payload, "deletes").length > 0 && caution("Rows would be deleted, as listed under Effects."),
      textsAt(payload, "ddl").length > 0 && caution("The schema or the server would be changed, as listed under Effects."),
    ),
    sections: [
      { title: statements.length === 1 ? "The statement" : "The statements, in this order", body: statements.map((sql, index) => statement(sql, index, statements.length, show)) },
      ...(params.length === 0 ? [] : [{ title: "Parameters", body: table(`${counted(params.length, "value")} for $1 …`, [{ name: "Name" }, { name: "Value" }], params.map((value, index) => [`$${String(index + 1)}`, show.tree(value)])) }]),
      { title: "Effects", body: effects(payload, step, show) },
    ],
    isComplete: true,
  };
};

function statement(sql: string, index: number, count: number, show: Shower): Html {
  return html`${count > 1 && html`<p class="number-of">${index + 1} of ${count}</p>`}${show.block(sql, `Statement ${String(index + 1)}`)}`;
}

function effects(payload: Parameters<Draw>[0]["payload"], step: Parameters<Draw>[0]["step"], show: Shower): Child {
  const names = (key: string): Child => {
    const found = textsAt(payload, key);
    return found.length > 0 && list(found.map((name) => show.code(name)));
  };
  const functions = [...new Set(listAt(payload, "statements").flatMap((one) => textsAt(one, "functions")))];
  return html`<p>In one transaction: what PostgreSQL counts as changed is judged again before it is committed.</p>${facts(
    ["Writes to", names("tables_written")],
    ["Reads from", names("tables_read")],
    ["Columns written", names("columns_written")],
    ["Columns that other code may write", names("columns_maybe_written")],
    ["Deletes", names("deletes")],
    ["Changes of the schema", names("ddl")],
    ["Carried on by foreign keys", names("cascades")],
    ["Functions", functions.length > 0 && list(functions.map((name) => show.code(name)))],
    ["Names are looked up in", textAt(step, "order", "search_path") !== undefined && show.code(textAt(step, "order", "search_path") ?? "")],
    ["Rows", at(payload, "rows_affected") === null ? "counted when it runs" : String(numberAt(payload, "rows_affected") ?? "not known")],
  )}`;
}

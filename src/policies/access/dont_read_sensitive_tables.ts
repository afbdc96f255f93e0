import { z } from "zod";

import { nameMatches, SAMPLE_TABLES, tableOption } from "../../facts/sql.js";
import { definePolicy } from "../policy.js";

const options = z.strictObject({
  /** users, public.users or "Weird Name"; without a schema, in any. */
  tables: z.array(tableOption).min(1),
});
type Options = z.infer<typeof options>;

/** What an agent has read, it may repeat anywhere. */
export const dontReadSensitiveTablesPolicy = definePolicy<Options>({
  id: "dont_read_sensitive_tables",
  category: "access",
  workflows: ["sql_query"],
  reads: ["effects", "tables_read"],
  options,
  description: "Blocks when a listed table is read, by whatever way: a view, partition, subquery, RETURNING, function or trigger.",
  hint: "Leave this table out of the query, or ask the person for the figures that you need.",
  examples: [
    {
      title: "another table",
      passes: true,
      options: { tables: ["salaries"] },
      workflow: "sql_query",
      payload: { effects: "planned", tables_read: ["public.employees"] },
    },
    {
      title: "the listed table below a view",
      passes: false,
      options: { tables: ["salaries"] },
      workflow: "sql_query",
      payload: { effects: "planned", tables_read: ["public.payroll_view", "hr.salaries"] },
    },
  ],
  knownBad: ({ tables }) => ({ workflow: "sql_query", payload: { effects: "planned", tables_read: [...tables] } }),
  judge: ({ payload }, { tables }) => {
    const read = payload["tables_read"] as readonly string[];
    const listed = read.filter((name) => tables.some((table) => nameMatches(table, name)));
    if (listed.length > 0) return { passed: false, reason: `Reading sensitive tables is blocked (${listed.join(", ")})` };
    const samples = read.filter((name) => SAMPLE_TABLES.includes(name));
    if (samples.length > 0) {
      return { passed: false, reason: `${samples.join(", ")} holds sample values of every table, sensitive ones included` };
    }
    return { passed: true, reason: "No sensitive table is read" };
  },
});

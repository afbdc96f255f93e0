import { z } from "zod";

import { nameMatches, SAMPLE_TABLES, tableOption } from "../../facts/sql.js";
import { definePolicy } from "../policy.js";
import { planned } from "./_examples.js";

const options = z.strictObject({
  /** users, public.users or "Weird Name"; without a schema, in any. */
  tables: z.array(tableOption).min(1),
  /** any: not even read. write: reading is fine. */
  access: z.enum(["any", "write"]).default("any"),
});
type Options = z.infer<typeof options>;

/** Some tables are not for agents, by whatever name they are reached. */
export const protectTablesPolicy = definePolicy<Options>({
  id: "protect_tables",
  category: "db",
  workflows: ["sql_query"],
  reads: ["effects", "tables", "tables_written", "tables_read"],
  options,
  description:
    "Blocks when a listed table is touched, by any name, through a view, partition, function, trigger or cascade; with access: write, reads pass.",
  hint: "Work with other tables, or ask the person to do what this table needs.",
  examples: [
    {
      title: "a table that is not listed",
      passes: true,
      options: { tables: ["users"], access: "any" },
      workflow: "sql_query",
      payload: planned({ tables: ["public.user_settings"], tables_read: ["public.user_settings"] }),
    },
    {
      title: "a listed table, read, where only writing is blocked",
      passes: true,
      options: { tables: ["users"], access: "write" },
      workflow: "sql_query",
      payload: planned({ tables: ["public.users"], tables_read: ["public.users"] }),
    },
    {
      title: "a listed table below a view",
      passes: false,
      options: { tables: ["users"], access: "any" },
      workflow: "sql_query",
      payload: planned({ tables: ["public.active_users", "public.users"], tables_read: ["public.active_users", "public.users"] }),
    },
    {
      title: "sample values of every table in pg_statistic",
      passes: false,
      options: { tables: ["users"], access: "any" },
      workflow: "sql_query",
      payload: planned({ tables: ["pg_catalog.pg_statistic"], tables_read: ["pg_catalog.pg_statistic"] }),
    },
  ],
  knownBad: (given) => ({
    workflow: "sql_query",
    payload: planned({ tables: [...given.tables], tables_read: [...given.tables], tables_written: [...given.tables] }),
  }),
  judge: ({ payload }, { tables, access }) => {
    const touched = payload[access === "write" ? "tables_written" : "tables"] as readonly string[];
    const listed = touched.filter((name) => tables.some((table) => nameMatches(table, name)));
    const what = access === "write" ? "Writing to" : "Touching";
    if (listed.length > 0) return { passed: false, reason: `${what} protected tables is blocked (${listed.join(", ")})` };
    const samples = access === "any" ? touched.filter((name) => SAMPLE_TABLES.includes(name)) : [];
    if (samples.length > 0) {
      return { passed: false, reason: `${samples.join(", ")} holds sample values of every table, protected ones included` };
    }
    return { passed: true, reason: `No protected table is ${access === "write" ? "written" : "touched"}` };
  },
});

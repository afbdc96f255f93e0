import { z } from "zod";

import { definePolicy } from "../policy.js";
import { change, measured, planned } from "./_examples.js";
import { changesNameTheirRows } from "./_where.js";

/** A DELETE that chooses no rows takes them all. */
export const dontDeleteWithoutWherePolicy = definePolicy({
  id: "dont_delete_without_where",
  category: "db",
  workflows: ["sql_query"],
  reads: ["effects", "statements"],
  options: z.strictObject({}),
  description:
    "Blocks when a DELETE has no WHERE, or one that could spare no row: by its text (1=1, id = id, true OR …), or because it left " +
    "no row of the table alone and PostgreSQL finds it true of every made-up row as well; TRUNCATE counts too.",
  hint: "Name the rows that you mean in a WHERE clause on columns of the table, and look at them with a SELECT first.",
  examples: [
    {
      title: "a DELETE of chosen rows",
      passes: true,
      workflow: "sql_query",
      payload: planned({ statements: [change("DELETE", "public.users", "present")] }),
    },
    {
      title: "a DELETE without WHERE",
      passes: false,
      workflow: "sql_query",
      payload: planned({ statements: [change("DELETE", "public.users", "absent")] }),
    },
    {
      title: "a DELETE of all rows there are, by a condition that would spare others",
      passes: true,
      workflow: "sql_query",
      payload: measured({ statements: [change("DELETE", "public.settings", "present", false)] }),
    },
    {
      title: "a DELETE WHERE starts_with(name, ''), measured: it spared no row, and could have spared none",
      passes: false,
      workflow: "sql_query",
      payload: measured({ statements: [change("DELETE", "public.users", "always_true", false)] }),
    },
    {
      title: "a DELETE WHERE 1=1",
      passes: false,
      workflow: "sql_query",
      payload: planned({ statements: [change("DELETE", "public.users", "always_true")] }),
    },
  ],
  judge: ({ payload }) => changesNameTheirRows(payload, "DELETE"),
});

import { z } from "zod";

import { definePolicy } from "../policy.js";
import { change, measured, planned } from "./_examples.js";
import { changesNameTheirRows } from "./_where.js";

/** An UPDATE that chooses no rows takes them all. */
export const dontUpdateWithoutWherePolicy = definePolicy({
  id: "dont_update_without_where",
  category: "db",
  workflows: ["sql_query"],
  reads: ["effects", "statements"],
  options: z.strictObject({}),
  description:
    "Blocks when an UPDATE has no WHERE, or one that could spare no row: by its text (1=1, id = id, true OR …), or because it left " +
    "no row of the table alone and PostgreSQL finds it true of every made-up row as well.",
  hint: "Name the rows that you mean in a WHERE clause on columns of the table, and look at them with a SELECT first.",
  examples: [
    {
      title: "an UPDATE of chosen rows",
      passes: true,
      workflow: "sql_query",
      payload: planned({ statements: [change("UPDATE", "public.users", "present")] }),
    },
    {
      title: "an UPDATE without WHERE",
      passes: false,
      workflow: "sql_query",
      payload: planned({ statements: [change("UPDATE", "public.users", "absent")] }),
    },
    {
      title: "an UPDATE of all rows there are, by a condition that would spare others",
      passes: true,
      workflow: "sql_query",
      payload: measured({ statements: [change("UPDATE", "public.settings", "present", false)] }),
    },
    {
      title: "an UPDATE WHERE starts_with(name, ''), measured: it spared no row, and could have spared none",
      passes: false,
      workflow: "sql_query",
      payload: measured({ statements: [change("UPDATE", "public.users", "always_true", false)] }),
    },
    {
      title: "an UPDATE WHERE 1=1",
      passes: false,
      workflow: "sql_query",
      payload: planned({ statements: [change("UPDATE", "public.users", "always_true")] }),
    },
  ],
  judge: ({ payload }) => changesNameTheirRows(payload, "UPDATE"),
});

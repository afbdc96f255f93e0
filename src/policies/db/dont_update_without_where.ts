import { z } from "zod";

import { definePolicy } from "../policy.js";
import { change, planned } from "./_examples.js";
import { changesNameTheirRows } from "./_where.js";

/** A UPDATE that chooses no rows takes them all. */
export const dontUpdateWithoutWherePolicy = definePolicy({
  id: "dont_update_without_where",
  category: "db",
  workflows: ["sql_query"],
  reads: ["effects", "statements"],
  options: z.strictObject({}),
  description:
    "Blocks when a UPDATE has no WHERE, or one that is true for every row (1=1, id = id, true OR …).",
  hint: "Name the rows that you mean in a WHERE clause on columns of the table, and look at them with a SELECT first.",
  examples: [
    {
      title: "a UPDATE of chosen rows",
      passes: true,
      workflow: "sql_query",
      payload: planned({ statements: [change("UPDATE", "public.users", "present")] }),
    },
    {
      title: "a UPDATE without WHERE",
      passes: false,
      workflow: "sql_query",
      payload: planned({ statements: [change("UPDATE", "public.users", "absent")] }),
    },
    {
      title: "a UPDATE WHERE 1=1",
      passes: false,
      workflow: "sql_query",
      payload: planned({ statements: [change("UPDATE", "public.users", "always_true")] }),
    },
  ],
  judge: ({ payload }) => changesNameTheirRows(payload, "UPDATE"),
});

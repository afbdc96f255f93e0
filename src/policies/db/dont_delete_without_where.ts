import { z } from "zod";

import { definePolicy } from "../policy.js";
import { change, planned } from "./_examples.js";
import { changesNameTheirRows } from "./_where.js";

/** A DELETE that chooses no rows takes them all. */
export const dontDeleteWithoutWherePolicy = definePolicy({
  id: "dont_delete_without_where",
  category: "db",
  workflows: ["sql_query"],
  reads: ["effects", "statements"],
  options: z.strictObject({}),
  description:
    "Blocks when a DELETE has no WHERE, or one that is true for every row (1=1, id = id, true OR …); TRUNCATE counts too.",
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
      title: "a DELETE WHERE 1=1",
      passes: false,
      workflow: "sql_query",
      payload: planned({ statements: [change("DELETE", "public.users", "always_true")] }),
    },
  ],
  judge: ({ payload }) => changesNameTheirRows(payload, "DELETE"),
});

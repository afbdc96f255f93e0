import { z } from "zod";

import { definePolicy } from "../policy.js";
import { measured, planned } from "./_examples.js";

/** The schema is changed by people, in migrations that somebody has read. */
export const blockDdlPolicy = definePolicy({
  id: "block_ddl",
  category: "db",
  workflows: ["sql_query"],
  reads: ["effects", "ddl"],
  options: z.strictObject({}),
  description:
    "Blocks anything that changes the schema or the server: CREATE, ALTER, DROP, TRUNCATE, GRANT, SELECT INTO, DO, and catalogue changes made inside functions.",
  hint: "Write the change as a migration for a person to review and run; SELECT, INSERT and UPDATE are free of this rule.",
  examples: [
    {
      title: "a SELECT of the column created_at where note = 'please drop by'",
      passes: true,
      workflow: "sql_query",
      payload: planned({ sql: "SELECT created_at FROM t WHERE note = 'please drop by'" }),
    },
    { title: "DROP TABLE", passes: false, workflow: "sql_query", payload: planned({ ddl: ["DROP TABLE public.users"] }) },
    {
      title: "a function that created a table when it was called",
      passes: false,
      workflow: "sql_query",
      payload: measured({ ddl: ["catalogue changed: pg_class, pg_attribute"] }),
    },
  ],
  judge: ({ payload }) => {
    const ddl = payload["ddl"] as readonly string[];
    const schemaIsKept = ddl.length === 0;
    if (schemaIsKept) return { passed: true, reason: "Neither schema nor server is changed" };
    return { passed: false, reason: `Changing the schema is blocked (${ddl.slice(0, 3).join("; ")})`, instead: { ddl: [] } };
  },
});

import { protectTablesPolicy } from "../../../src/policies/db/protect_tables.js";
import { testPolicy } from "../../support/policy-examples.js";

testPolicy(protectTablesPolicy);

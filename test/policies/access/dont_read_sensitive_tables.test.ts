import { dontReadSensitiveTablesPolicy } from "../../../src/policies/access/dont_read_sensitive_tables.js";
import { testPolicy } from "../../support/policy-examples.js";

testPolicy(dontReadSensitiveTablesPolicy);

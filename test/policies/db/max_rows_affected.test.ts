import { maxRowsAffectedPolicy } from "../../../src/policies/db/max_rows_affected.js";
import { testPolicy } from "../../support/policy-examples.js";

testPolicy(maxRowsAffectedPolicy);

import { dontDeleteRowPolicy } from "../../../src/policies/db/dont_delete_row.js";
import { testPolicy } from "../../support/policy-examples.js";

testPolicy(dontDeleteRowPolicy);

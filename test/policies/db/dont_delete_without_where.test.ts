import { dontDeleteWithoutWherePolicy } from "../../../src/policies/db/dont_delete_without_where.js";
import { testPolicy } from "../../support/policy-examples.js";

testPolicy(dontDeleteWithoutWherePolicy);

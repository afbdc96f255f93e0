import { dontUpdateWithoutWherePolicy } from "../../../src/policies/db/dont_update_without_where.js";
import { testPolicy } from "../../support/policy-examples.js";

testPolicy(dontUpdateWithoutWherePolicy);

import { contractorCannotWritePiiPolicy } from "../../../src/policies/access/contractor_cannot_write_pii.js";
import { testPolicy } from "../../support/policy-examples.js";

testPolicy(contractorCannotWritePiiPolicy);

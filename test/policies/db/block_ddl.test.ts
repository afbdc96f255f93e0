import { blockDdlPolicy } from "../../../src/policies/db/block_ddl.js";
import { testPolicy } from "../../support/policy-examples.js";

testPolicy(blockDdlPolicy);

import { blockDmsPolicy } from "../../../src/policies/slack/block_dms.js";
import { testPolicy } from "../../support/policy-examples.js";

testPolicy(blockDmsPolicy);

import { noBroadcastMentionsPolicy } from "../../../src/policies/slack/no_broadcast_mentions.js";
import { testPolicy } from "../../support/policy-examples.js";

testPolicy(noBroadcastMentionsPolicy);

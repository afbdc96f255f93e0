import { accessPolicies } from "./access/index.js";
import { cloudStoragePolicies } from "./cloud_storage/index.js";
import { crmPolicies } from "./crm/index.js";
import { dbPolicies } from "./db/index.js";
import { emailPolicies } from "./email/index.js";
import { filesystemPolicies } from "./filesystem/index.js";
import { gitPolicies } from "./git/index.js";
import { slackPolicies } from "./slack/index.js";
import { timePolicies } from "./time/index.js";
import type { PolicyDefinition } from "./policy.js";

/** All built-in policies, sorted by category and id. */
export const policies: readonly PolicyDefinition[] = [
  ...accessPolicies,
  ...cloudStoragePolicies,
  ...crmPolicies,
  ...dbPolicies,
  ...emailPolicies,
  ...filesystemPolicies,
  ...gitPolicies,
  ...slackPolicies,
  ...timePolicies,
];

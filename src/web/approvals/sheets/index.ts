import type { PlanForApproval } from "../../../approvals/desk.js";
import type { Shower } from "../show.js";
import { crmCreateContactSheet, crmCreateTaskSheet } from "./crm.js";
import { gdriveDeleteSheet } from "./drive.js";
import { fileDeleteSheet, fileReadSheet, fileWriteSheet } from "./files.js";
import { gitCommitSheet, gitDeleteBranchSheet, gitMergeSheet, gitPushSheet } from "./git.js";
import { emailSendSheet } from "./mail.js";
import { s3DeleteSheet } from "./s3.js";
import type { Draw, Sheet } from "./sheet.js";
import { slackPostSheet } from "./slack.js";
import { sqlQuerySheet } from "./sql.js";
import { rollbackSheet } from "./undo.js";

/** By the tool's name. A tool that has none is shown as its whole plan. */
const SHEETS: Readonly<Record<string, Draw>> = {
  crm_create_contact: crmCreateContactSheet,
  crm_create_task: crmCreateTaskSheet,
  email_send: emailSendSheet,
  enact_rollback: rollbackSheet,
  file_delete: fileDeleteSheet,
  file_read: fileReadSheet,
  file_write: fileWriteSheet,
  gdrive_delete: gdriveDeleteSheet,
  git_commit: gitCommitSheet,
  git_delete_branch: gitDeleteBranchSheet,
  git_merge: gitMergeSheet,
  git_push: gitPushSheet,
  s3_delete: s3DeleteSheet,
  slack_post: slackPostSheet,
  sql_query: sqlQuerySheet,
};

export function sheetOf(plan: PlanForApproval, show: Shower): Sheet {
  const draw = Object.hasOwn(SHEETS, plan.workflow) ? SHEETS[plan.workflow] : undefined;
  if (draw !== undefined) return draw(plan, show);
  return { title: `Run ${plan.workflow}: ${plan.target}`, notices: [], sections: [], isComplete: false };
}

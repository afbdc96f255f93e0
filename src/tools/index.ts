import { crmCreateContactTool } from "./crm_create_contact.js";
import { crmCreateTaskTool } from "./crm_create_task.js";
import { emailSendTool } from "./email_send.js";
import { fileDeleteTool } from "./file_delete.js";
import { fileReadTool } from "./file_read.js";
import { fileWriteTool } from "./file_write.js";
import { gdriveDeleteTool } from "./gdrive_delete.js";
import { gitCommitTool } from "./git_commit.js";
import { gitDeleteBranchTool } from "./git_delete_branch.js";
import { gitMergeTool } from "./git_merge.js";
import { gitPushTool } from "./git_push.js";
import { s3DeleteTool } from "./s3_delete.js";
import { slackPostTool } from "./slack_post.js";
import { sqlQueryTool } from "./sql_query.js";
import type { ToolInfo } from "./tool.js";

/** All guarded tools, sorted by name. */
export const tools: readonly ToolInfo[] = [
  crmCreateContactTool,
  crmCreateTaskTool,
  emailSendTool,
  fileDeleteTool,
  fileReadTool,
  fileWriteTool,
  gdriveDeleteTool,
  gitCommitTool,
  gitDeleteBranchTool,
  gitMergeTool,
  gitPushTool,
  s3DeleteTool,
  slackPostTool,
  sqlQueryTool,
];

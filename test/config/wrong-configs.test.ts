import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { configSandbox, RIGHT } from "../support/config-sandbox.js";
import type { Sandbox } from "../support/config-sandbox.js";

/** What a person gets to read: the whole message for each way of getting the file wrong. */
const CASES: readonly { readonly fear: string; readonly text: string; readonly says: readonly string[] }[] = [
  {
    fear: "an empty file",
    text: "",
    says: [
      "2 problems in enact.yaml:",
      "enact.yaml:1:1: identity is missing (who acts; comes from here, never from a tool's arguments).",
      "enact.yaml:1:1: tools is missing (the tools that the agent gets).",
    ],
  },
  {
    fear: "only comments",
    text: "# nothing yet\n",
    says: [
      "2 problems in enact.yaml:",
      "enact.yaml:1:1: identity is missing (who acts; comes from here, never from a tool's arguments).",
      "enact.yaml:1:1: tools is missing (the tools that the agent gets).",
    ],
  },
  { fear: "a sentence", text: "hello", says: ["enact.yaml:1:1: the file must be keys and values; found the text 'hello'."] },
  { fear: "a list", text: "- a", says: ["enact.yaml:1:1: the file must be keys and values; found a list."] },
  {
    fear: "misspelt keys, each named once",
    text: RIGHT.replace("user_email", "user_emial").replace("remotes", "remots"),
    says: [
      "2 problems in enact.yaml:",
      "enact.yaml:2:3: unknown key 'user_emial' in identity. Did you mean 'user_email'?",
      "enact.yaml:5:19: unknown key 'remots' in systems.git. Did you mean 'remotes'?",
    ],
  },
  {
    fear: "a misspelt system, without its consequences",
    text: RIGHT.replace("git:", "gti:"),
    says: ["enact.yaml:5:3: unknown key 'gti' in systems. Did you mean 'git'?"],
  },
  {
    fear: "a key that belongs nowhere",
    text: `${RIGHT}colour: red\n`,
    says: ["enact.yaml:9:1: unknown key 'colour'. Known keys: identity, systems, tools, policies, unguarded, receipts, undo, approvals."],
  },
  {
    fear: "tools that do not exist",
    text: RIGHT.replace("[git_push]", "[git-push, gitPush, gti_push, sql_query, nothing_like]"),
    says: [
      "5 problems in enact.yaml:",
      "enact.yaml:6:9: unknown tool 'git-push'. Did you mean 'git_push'?",
      "enact.yaml:6:19: unknown tool 'gitPush'. Did you mean 'git_push'?",
      "enact.yaml:6:28: unknown tool 'gti_push'. Did you mean 'git_push'?",
      'enact.yaml:6:38: sql_query needs the system postgres, which is not configured. Write postgres: { url: "${DATABASE_URL}" } below \'systems\', or set DATABASE_URL where the server is started.',
      "enact.yaml:6:49: unknown tool 'nothing_like'. Known tools: file_delete, git_push, slack_post, sql_query.",
    ],
  },
  { fear: "a tool twice", text: RIGHT.replace("[git_push]", "\n  - git_push\n  - git_push"), says: ["enact.yaml:8:5: git_push is listed twice; the first is in line 7."] },
  { fear: "no tool", text: RIGHT.replace("[git_push]", "[]"), says: ["enact.yaml:6:8: tools must name at least one; found a list."] },
  {
    fear: "a tool whose system is not configured",
    text: RIGHT.replace("[git_push]", "[git_push, file_delete]").replace("policies:", "policies:\n  - dont_delete_file"),
    says: ["enact.yaml:6:19: file_delete needs the system filesystem, which is not configured. Write filesystem: { root: . } below 'systems'."],
  },
  {
    fear: "values of the wrong type",
    text: RIGHT.replace("{ repo: .,", "{ repo: 5,").replace("[git_push]", "git_push").replace("engineer", "true"),
    says: [
      "3 problems in enact.yaml:",
      "enact.yaml:3:15: identity.actor_role must be text; found true. Put it in quotes: 'true'.",
      "enact.yaml:5:16: systems.git.repo must be text; found the number 5. Put it in quotes: '5'.",
      "enact.yaml:6:8: tools must be a list; found the text 'git_push'. Put it in brackets: [git_push].",
    ],
  },
  { fear: "a key without its value", text: RIGHT.replace(" engineer", ""), says: ["enact.yaml:3:14: identity.actor_role must be text; found nothing."] },
  {
    fear: "an identity that is no address",
    text: RIGHT.replace("agent@company.com", "agent"),
    says: ["enact.yaml:2:15: identity.user_email must be one e-mail address such as agent@company.com; found the text 'agent'."],
  },
  {
    fear: "a remote that is a URL",
    text: RIGHT.replace("[origin]", "[https://example.com/x.git]"),
    says: ["enact.yaml:5:29: systems.git.remotes[0] must be the name of a remote such as origin, never a URL; found the text 'https://example.com/x.git'."],
  },
  {
    fear: "a folder that is not there",
    text: RIGHT.replace("repo: .", "repo: ./nowhere"),
    says: ["enact.yaml:5:16: systems.git.repo: nowhere does not exist. Paths are relative to the project, PROJECT."],
  },
  {
    fear: "variables that are not set, empty, or no names",
    text: RIGHT.replace("engineer", "${ROLE}").replace("agent@company.com", '"${A B}"').replace("[origin]", "[ ${EMPTY} ]"),
    says: [
      "3 problems in enact.yaml:",
      "enact.yaml:2:15: '${A…' is no reference: between the braces stands one variable name, no default and no expression.",
      "enact.yaml:3:15: the environment variable ROLE is not set. Set it where the server is started, or write the value here.",
      "enact.yaml:5:30: the environment variable EMPTY is set, but empty. Give it a value where the server is started.",
    ],
  },
  {
    fear: "a reference that is not closed",
    text: RIGHT.replace("engineer", "'${ROLE'"),
    says: ["enact.yaml:3:15: '${' opens a reference that '}' does not close; write '$${' for the two characters themselves."],
  },
  {
    fear: "a reference in a key",
    text: `${RIGHT}\${X}: 3\n`,
    says: ["enact.yaml:9:1: '${X}': references are not resolved in keys. Write the key out."],
  },
  {
    fear: "a number from a variable",
    text: `${RIGHT}  - max_files_per_commit: { max_files: "\${SEVEN}" }\n`,
    says: [
      "enact.yaml:9:40: max_files_per_commit.max_files must be a number; found the text that ${SEVEN} stands for. A reference always gives text: write the number here.",
    ],
  },
  {
    fear: "policies that do not exist, and options that do not fit",
    text: `${RIGHT}  - dont_push_too_main
  - push_to_main
  - protect_tables
  - protect_tables: { tables: [], acces: write }
  - protect_tables: { tables: users, access: writ }
  - max_files_per_commit: 7
  - max_files_per_commit: { max_files: '7' }
  - max_files_per_commit: { max_files: 1.5 }
  - max_files_per_commit: { max_files: 0 }
`,
    says: [
      "11 problems in enact.yaml:",
      "enact.yaml:9:5: unknown policy 'dont_push_too_main'. Did you mean 'dont_push_to_main'?",
      "enact.yaml:10:5: unknown policy 'push_to_main'. Did you mean 'dont_push_to_main'?",
      "enact.yaml:11:5: protect_tables.tables is missing.",
      "enact.yaml:12:31: protect_tables.tables must name at least one; found a list.",
      "enact.yaml:12:35: unknown key 'acces' in protect_tables. Did you mean 'access'?",
      "enact.yaml:13:31: protect_tables.tables must be a list; found the text 'users'. Put it in brackets: [users].",
      "enact.yaml:13:46: protect_tables.access must be one of any, write; found the text 'writ'. Did you mean 'write'?",
      "enact.yaml:14:27: max_files_per_commit must be keys and values; found the number 7.",
      "enact.yaml:15:40: max_files_per_commit.max_files must be a number; found the text '7'. Remove the quotes.",
      "enact.yaml:16:40: max_files_per_commit.max_files must be a whole number; found the number 1.5.",
      "enact.yaml:17:40: max_files_per_commit.max_files must be at least 1; found the number 0.",
    ],
  },
  {
    fear: "entries of the list that are no policies",
    text: `${RIGHT}  - a: 1\n    b: 2\n  - 5\n  -\n  - [dont_push_to_main]\n`,
    says: [
      "4 problems in enact.yaml:",
      "enact.yaml:9:5: one entry holds several keys ('a', 'b'). Each policy is an entry of its own ('- '); options stand in braces behind the name, or are indented further than it.",
      "enact.yaml:11:5: an entry is the name of a policy, or a path such as ./policies/mine.ts, or one of them with options: name: { option: value }.",
      "enact.yaml:12:4: an entry is the name of a policy, or a path such as ./policies/mine.ts, or one of them with options: name: { option: value }.",
      "enact.yaml:13:5: an entry is the name of a policy, or a path such as ./policies/mine.ts, or one of them with options: name: { option: value }.",
    ],
  },
  {
    fear: "options not indented far enough",
    text: `${RIGHT}  - max_files_per_commit:\n    max_files: 5\n`,
    says: [
      "enact.yaml:9:5: one entry holds several keys ('max_files_per_commit', 'max_files'). Each policy is an entry of its own ('- '); options stand in braces behind the name, or are indented further than it.",
    ],
  },
  {
    fear: "options that can be written in two ways",
    text: `${RIGHT}  - within_window: { start_hour_utc: 25, end_hour_utc: 3 }
  - within_window: { start: 5, end: a, time_zone: x }
  - within_window: { start: '5', end: a, time_zone: x, weekends: yes }
  - within_window: { strat: '5', end: a, time_zone: x}
  - within_window: text
`,
    says: [
      "5 problems in enact.yaml:",
      "enact.yaml:9:38: within_window.start_hour_utc must be at most 23; found the number 25.",
      "enact.yaml:10:29: within_window.start must be text; found the number 5. Put it in quotes: '5'.",
      "enact.yaml:11:66: within_window.weekends must be true or false; found the text 'yes'. In YAML 1.2 that is text.",
      "enact.yaml:12:22: unknown key 'strat' in within_window. Did you mean 'start'?",
      "enact.yaml:13:20: within_window must be keys and values; found the text 'text'.",
    ],
  },
  {
    fear: "a tool that no policy judges, and a waiver for one that is not there",
    text: `${RIGHT.replace("[git_push]", "[git_push, file_delete]").replace("systems:", "systems:\n  filesystem:")}unguarded: [sql_query]\n`,
    says: [
      "2 problems in enact.yaml:",
      "enact.yaml:7:19: no policy judges file_delete. Add one such as dont_delete_file, or list the tool under 'unguarded' if it may do everything.",
      "enact.yaml:10:13: sql_query is listed under 'unguarded', but not under 'tools'. Remove it, or enable the tool.",
    ],
  },
  {
    fear: "no policies at all",
    text: RIGHT.split("policies:")[0] ?? "",
    says: ["enact.yaml:6:9: no policy judges git_push. Add one such as dont_push_to_main, max_files_per_commit, require_actor_role, within_window, or list the tool under 'unguarded' if it may do everything."],
  },
  {
    fear: "systems with wrong values",
    text: RIGHT.replace("systems:", "systems:\n  slack: {}\n  postgres: { url: mysql://u:p@h/x, max_rows: many }\n  email: { smtp: ftp://x, from: a b }\n  s3: { region: eu, access_key_id: x }\n  hubspot: { token: x, base_url: example.com }"),
    says: [
      "7 problems in enact.yaml:",
      'enact.yaml:5:3: systems.slack.token is missing. Write token: "${SLACK_BOT_TOKEN}", or set SLACK_BOT_TOKEN where the server is started.',
      'enact.yaml:6:20: systems.postgres.url must begin with postgres:// or postgresql://, or be "embedded"; found another text (not shown, it may be a secret).',
      "enact.yaml:6:47: systems.postgres.max_rows must be a number; found the text 'many'.",
      "enact.yaml:7:18: systems.email.smtp must begin with smtp:// or smtps://; found another text (not shown, it may be a secret).",
      "enact.yaml:7:33: systems.email.from must be one e-mail address such as agent@company.com; found the text 'a b'.",
      "enact.yaml:8:3: systems.s3.secret_access_key is missing: the two keys belong together.",
      "enact.yaml:9:34: systems.hubspot.base_url must be an address that begins with https:// or http://; found the text 'example.com'.",
    ],
  },
  {
    fear: "anchors and aliases",
    text: `${RIGHT.replace("systems:", "systems: &a")}unguarded: *a\n`,
    says: [
      "2 problems in enact.yaml:",
      "enact.yaml:5:3: anchors ('&name') are not supported. Write the value out where it is needed.",
      "enact.yaml:9:12: aliases ('*name') are not supported. Write the value out; a text that begins with '*' needs quotes.",
    ],
  },
  { fear: "tags", text: RIGHT.replace("engineer", "!!str engineer"), says: ["enact.yaml:3:21: tags ('!…') are not supported. Write the plain value."] },
  { fear: "tags of other programs", text: RIGHT.replace("engineer", "!env ROLE"), says: ["enact.yaml:3:15: tags ('!…') are not supported. Write the plain value."] },
  { fear: "merge keys", text: `${RIGHT}<<: { tools: [x] }\n`, says: ["enact.yaml:9:1: merge keys ('<<') are not supported. Write the keys out."] },
  { fear: "a key twice", text: `${RIGHT}tools: [sql_query]\n`, says: ["enact.yaml:9:1: 'tools' stands here twice; the first is in line 6."] },
  { fear: "a prototype as a key", text: `${RIGHT}__proto__: { unguarded: [git_push] }\n`, says: ["enact.yaml:9:1: '__proto__' cannot be a key."] },
  { fear: "a number as a key", text: `${RIGHT}5: 3\n`, says: ["enact.yaml:9:1: a key must be text. Put it in quotes."] },
  {
    fear: "YAML 1.1",
    text: `%YAML 1.1\n---\n${RIGHT}`,
    says: ["enact.yaml:1:1: a '%YAML' line is not supported: this file is always read as YAML 1.2. Remove the line."],
  },
  { fear: "two documents", text: `${RIGHT}---\n${RIGHT}`, says: ["enact.yaml:9:1: a second document starts here ('---'). One file is one configuration."] },
  { fear: "tabs", text: RIGHT.replace("  actor_role", "\tactor_role"), says: ["enact.yaml:3:1: indented with a tab. YAML wants blanks."] },
  { fear: "an open bracket", text: RIGHT.replace("[git_push]", "[git_push"), says: ["enact.yaml:7:1: not valid YAML: wrong indentation, or a bracket that is not closed."] },
  { fear: "an open quote", text: RIGHT.replace("engineer", "'engineer"), says: ["enact.yaml:9:1: not valid YAML: something is missing here, such as a closing quote, a comma or a blank after ':'."] },
  {
    fear: "numbers that are none",
    text: RIGHT.replace("  actor_role", "  user_attributes: { a: .nan, b: -.inf }\n  actor_role"),
    says: [
      "2 problems in enact.yaml:",
      "enact.yaml:3:25: .nan is not a number that can be used here. Put it in quotes if it is meant as text.",
      "enact.yaml:3:34: -.inf is not a number that can be used here. Put it in quotes if it is meant as text.",
    ],
  },
  {
    fear: "nesting without end",
    text: RIGHT.replace("  actor_role", `  user_attributes: { a: ${"[".repeat(100)}${"]".repeat(100)} }\n  actor_role`),
    says: ["enact.yaml:3:55: nested too deeply."],
  },
  {
    fear: "another way to keep and sign receipts",
    text: `${RIGHT}receipts: { store: sqlit, signing: rsa }\n`,
    says: [
      "2 problems in enact.yaml:",
      "enact.yaml:9:20: receipts.store must be sqlite; found the text 'sqlit'. Did you mean 'sqlite'?",
      "enact.yaml:9:36: receipts.signing must be one of hmac, ed25519; found the text 'rsa'.",
    ],
  },
];

describe("a wrong configuration is refused with file, line, column and the right name", () => {
  let sandbox: Sandbox;
  beforeEach(() => {
    sandbox = configSandbox();
  });
  afterEach(() => sandbox.remove());

  test("the right one is accepted", async () => {
    sandbox.write("enact.yaml", RIGHT);
    const config = await sandbox.load();
    expect(config).toMatchObject({ tools: ["git_push"], notices: [], unguarded: [], receipts: { store: "sqlite", signing: "ed25519" } });
    expect(config.policies.map(({ name }) => name)).toEqual(["dont_push_to_main"]);
  });

  for (const { fear, text, says } of CASES) {
    test(`refuses ${fear}`, async () => {
      sandbox.write("enact.yaml", text);
      expect((await sandbox.problem({ env: { EMPTY: " ", SEVEN: "7" } })).split("\n")).toEqual(says);
    });
  }

  test("a bomb of aliases is refused at once", async () => {
    const rows = Array.from({ length: 30 }, (_, row) => `  a${row + 1}: &b${row + 1} [${Array.from({ length: 10 }, () => `*b${row}`).join(", ")}]`);
    sandbox.write("enact.yaml", `identity:\n  a0: &b0 [x]\n${rows.join("\n")}\n`);
    const start = performance.now();
    expect(await sandbox.problem()).toContain("aliases ('*name') are not supported");
    expect(performance.now() - start).toBeLessThan(2_000);
  });

  test("ten thousand brackets do not exhaust the stack", async () => {
    sandbox.write("enact.yaml", `${RIGHT}unguarded: ${"[".repeat(10_000)}\n`);
    expect(await sandbox.problem()).toMatch(/^enact\.yaml:9:\d+: nested too deeply\.$/);
  });
});

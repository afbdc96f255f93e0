import { z } from "zod";

const text = z.string().min(1);
const count = z.number().int().min(1);

function httpUrl(description: string) {
  return text.refine(isHttpUrl, { error: "must be an address that begins with https:// or http://" }).describe(description);
}

function isHttpUrl(value: string): boolean {
  return /^https?:\/\//iu.test(value) && URL.canParse(value);
}

function hasScheme(...schemes: readonly string[]): (value: string) => boolean {
  return (value) => schemes.some((scheme) => value.toLowerCase().startsWith(`${scheme}://`)) && URL.canParse(value);
}

const isPostgresUrl = (value: string) => value === "embedded" || hasScheme("postgres", "postgresql")(value);
const isRemoteName = (value: string) => /^[\p{L}\p{N}_][\p{L}\p{N}_./+-]*$/u.test(value);
const isMailAddress = (value: string) => /^[^\s@<>,;:"]+@[^\s@<>,;:"]+$/u.test(value);
const isMailSender = (value: string) => isMailAddress(/^[^<>\r\n]*<([^<>]+)>$/u.exec(value)?.[1] ?? value);

export const identitySchema = z
  .strictObject({
    user_email: text
      .refine(isMailAddress, { error: "must be one e-mail address such as agent@company.com" })
      .describe("who acts, as it stands in every receipt"),
    actor_role: text.describe("the agent's role, read by require_actor_role and contractor_cannot_write_pii"),
    user_attributes: z
      .record(z.string(), z.unknown())
      .default({})
      .describe("attributes of the person behind the agent: role, clearance_level and whatever your own policies read"),
  })
  .describe("who acts; comes from here, never from a tool's arguments");

/** What a person may write below `systems`. A key that is left out and has no default may come from the environment. */
export const systemSchemas = {
  git: z.strictObject({
    repo: text.default(".").describe("the repository, relative to the project"),
    remotes: z
      .array(text.refine(isRemoteName, { error: "must be the name of a remote such as origin, never a URL" }))
      .default(["origin"])
      .describe("the remotes that may be used, by name"),
  }).describe("the git repository"),
  postgres: z.strictObject({
    url: text
      .refine(isPostgresUrl, { error: 'must begin with postgres:// or postgresql://, or be "embedded"' })
      .optional()
      .describe('postgres://user:password@host/database, or "embedded" (PGlite, for trying out); default ${DATABASE_URL}'),
    statement_timeout_ms: count.max(55_000).default(30_000).describe("how long a statement may run; hosts cut calls off after 60 s"),
    max_rows: count.max(100_000).default(1_000).describe("rows that a statement gives back at most"),
    max_bytes: count.max(50_000_000).default(1_000_000).describe("bytes of rows that one call gives back at most"),
    functions: z
      .array(text)
      .default([])
      .describe("volatile functions whose effects you answer for; other ones, DO and CALL make the effects unknown, and so block"),
  }).describe("the PostgreSQL database"),
  filesystem: z.strictObject({
    root: text.default(".").describe("the folder that confines all file tools, relative to the project"),
    max_read_bytes: count.max(50_000_000).default(1_000_000).describe("bytes that file_read gives back at most"),
    max_entries: count.max(1_000_000).default(10_000).describe("files below a folder that is deleted; more are refused"),
  }).describe("the files of the project"),
  slack: z.strictObject({
    token: text.optional().describe("a bot token; default ${SLACK_BOT_TOKEN}"),
    api_url: httpUrl("another server that speaks Slack's Web API").optional(),
  }).describe("the Slack workspace"),
  email: z.strictObject({
    smtp: text
      .refine(hasScheme("smtp", "smtps"), { error: "must begin with smtp:// or smtps://" })
      .optional()
      .describe("smtps://user:password@host:465 or smtp://user:password@host:587; default ${SMTP_URL}"),
    from: text
      .refine(isMailSender, { error: "must be one e-mail address such as agent@company.com" })
      .optional()
      .describe("the sender of every mail; default identity.user_email"),
    allow_plaintext: z.boolean().default(false).describe("send without TLS to a server on another machine"),
  }).describe("the mail server"),
  s3: z.strictObject({
    region: text.optional().describe("default ${AWS_REGION}, then ${AWS_DEFAULT_REGION}"),
    endpoint: httpUrl("another server that speaks S3; default ${AWS_ENDPOINT_URL_S3}, then ${AWS_ENDPOINT_URL}").optional(),
    force_path_style: z.boolean().optional().describe("bucket in the path, not in the host name; default true when endpoint is set"),
    max_objects: count.max(100_000).default(1_000).describe("objects that one call may delete; more are refused, never truncated"),
    access_key_id: text.optional().describe("default ${AWS_ACCESS_KEY_ID}"),
    secret_access_key: text.optional().describe("default ${AWS_SECRET_ACCESS_KEY}"),
    session_token: text.optional().describe("default ${AWS_SESSION_TOKEN}"),
  }).describe("S3 or a server that speaks its protocol"),
  gdrive: z.strictObject({
    credentials: text.optional().describe("path of a service account's key file; default ${GOOGLE_APPLICATION_CREDENTIALS}"),
    root_url: httpUrl("another server that speaks Drive's API").optional(),
  }).describe("Google Drive"),
  hubspot: z.strictObject({
    token: text.optional().describe("a private app's token; default ${HUBSPOT_TOKEN}"),
    base_url: httpUrl("another server that speaks HubSpot's API").optional(),
  }).describe("the HubSpot account"),
} as const;

export type SystemName = keyof typeof systemSchemas;
export const SYSTEM_NAMES = Object.keys(systemSchemas) as readonly SystemName[];

export const receiptsSchema = z
  .strictObject({
    store: z.enum(["sqlite"]).default("sqlite").describe("where receipts are kept: .enact/ of the project"),
    signing: z
      .enum(["hmac", "ed25519"])
      .default("ed25519")
      .describe("ed25519: others can verify without being able to forge; hmac: HMAC-SHA256 with ENACT_SECRET, or a key made on first use"),
  })
  .describe("how receipts are kept and signed");

export const undoSchema = z
  .strictObject({
    enabled: z.boolean().default(true).describe("keep what undoing a call needs, and offer enact_rollback"),
    max_run_mb: count.max(100_000).default(100).describe("megabytes that one call may keep; a call that would need more runs and cannot be undone, which is said before it runs"),
    max_total_mb: count.max(1_000_000).default(1_000).describe("megabytes that all calls may keep; the oldest are forgotten first"),
    max_age_days: count.max(3_650).default(30).describe("days after which what was kept is forgotten"),
  })
  .describe("what is kept for undoing calls: encrypted, in .enact/undo/ of the project");

/** Where the links in mails lead: they let whoever has them decide, so they do not travel in the open. */
function isSafeBase(value: string): boolean {
  if (!isHttpUrl(value)) return false;
  const { protocol, hostname, search, hash } = new URL(value);
  return (protocol === "https:" || hostname === "localhost" || hostname === "127.0.0.1") && search === "" && hash === "";
}

export const approvalsSchema = z
  .strictObject({
    expires_minutes: count.max(10_080).default(60).describe("minutes in which a request can be answered, and its approval used"),
    min_approvals: count.max(10).default(1).describe("how many different people must approve; a policy may want more"),
    approver_differs: z.boolean().default(false).describe("the acting user's own approval (identity.user_email) does not count"),
    page: z.boolean().default(true).describe("show requests on a page of this machine too, where a passkey answers them"),
    port: count.min(1024).max(65_535).default(4663).describe("port of that page on localhost; passkeys are bound to it"),
    notify: z.boolean().default(false).describe("show a notice on the desktop when an agent asks (osascript, notify-send)"),
    mail: z
      .strictObject({
        to: z
          .array(text.refine(isMailAddress, { error: "must be one e-mail address such as lead@company.com" }))
          .min(1)
          .max(20)
          .describe("who gets a link of their own for each request, which answers that request once"),
        base_url: text
          .refine(isSafeBase, { error: "must be an address that begins with https:// (http:// for localhost alone)" })
          .describe("where people elsewhere reach the page of this machine, such as a tunnel's address"),
      })
      .optional()
      .describe("ask people elsewhere by mail; needs systems.email"),
  })
  .describe("how people are asked for their approval, where a policy wants it");

/** The file, apart from the names in `tools` and `policies`, which depend on the lists. */
export const fileSchema = z.strictObject({
  identity: identitySchema,
  systems: z.strictObject(optionalSections()).default({}).describe("the systems that the tools act on"),
  tools: z.array(text).min(1).describe("the tools that the agent gets"),
  policies: z.array(z.unknown()).default([]).describe("what judges the calls; all that apply must pass"),
  unguarded: z.array(text).default([]).describe("tools that may run although no policy judges them"),
  receipts: receiptsSchema.prefault({}),
  undo: undoSchema.prefault({}),
  approvals: approvalsSchema.prefault({}),
});

type OptionalSections = { [Name in SystemName]: z.ZodOptional<(typeof systemSchemas)[Name]> };

function optionalSections(): OptionalSections {
  const entries = Object.entries(systemSchemas).map(([name, schema]) => [name, schema.optional()]);
  return Object.fromEntries(entries) as OptionalSections;
}

/** Keys whose value is, or holds, a secret. */
const SECRET_KEYS = /^(?:url|smtp|token|credentials|access_key_id|secret_access_key|session_token)$/u;

export function isSecretPath(path: readonly PropertyKey[]): boolean {
  return path[0] === "systems" && path.some((step) => SECRET_KEYS.test(String(step)));
}

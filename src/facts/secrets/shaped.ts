import { BASE64, isIn } from "./characters.js";
import { isPlaceholder, isStandIn } from "./placeholder.js";
import { looksRandom } from "./random.js";
import type { SecretSpan } from "../secrets.js";

/**
 * A token that tells by its shape. Every pattern is linear: it begins with fixed text or at the border of a run, and what
 * repeats is bounded or cannot overlap with what follows.
 */
interface Shape {
  readonly kind: string;
  /** The pattern is tried only where this is in the text. */
  readonly gate: string;
  /** With the flags d and g; the group is the secret, the whole match when there is none. */
  readonly pattern: RegExp;
  readonly accepts?: (secret: string) => boolean;
}

const SHAPES: readonly Shape[] = [
  { kind: "jwt", gate: "eyJ", pattern: /(?<![\w-])eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*(?:\.[\w-]+){0,2}/dg },
  { kind: "sendgrid_key", gate: "SG.", pattern: /(?<![\w-])SG\.[\w-]{16,40}\.[\w-]{16,80}/dg },
  { kind: "discord_token", gate: ".", pattern: /(?<![\w-])[MNO][\w-]{23,27}\.[\w-]{6}\.[\w-]{27,40}(?![\w-])/dg, accepts: looksRandom },
  { kind: "azure_client_secret", gate: "Q~", pattern: /(?<![\w~.-])[\w~.]{3}\dQ~[\w~.-]{31,34}(?![\w~-])/dg },
  { kind: "mailgun_key", gate: "-", pattern: /(?<![\w-])[0-9a-f]{32}-[0-9a-f]{8}-[0-9a-f]{8}(?![\w-])/dg },
  { kind: "mailchimp_key", gate: "-us", pattern: /(?<![\w-])[0-9a-f]{32}-us\d{1,2}(?![\w-])/dg },
  { kind: "airtable_token", gate: "pat", pattern: /(?<![\w-])pat[A-Za-z0-9]{14}\.[0-9a-f]{64}/dg },
  { kind: "terraform_token", gate: ".atlasv1.", pattern: /(?<![\w-])\w{14}\.atlasv1\.[\w-]{40,80}/dg },
  { kind: "slack_webhook", gate: "hooks.slack", pattern: /hooks\.slack(?:-gov)?\.com\/(?:services|workflows|triggers)\/([\w/-]{20,200})/dgi },
  { kind: "discord_webhook", gate: "/webhooks/", pattern: /discord(?:app)?\.com\/api(?:\/v\d{1,2})?\/webhooks\/\d{5,25}\/([\w-]{30,120})/dgi },
  { kind: "teams_webhook", gate: "webhook.office.com", pattern: /webhook\.office\.com\/webhookb2\/([\w@/-]{40,300})/dgi },
  { kind: "google_chat_webhook", gate: "chat.googleapis.com", pattern: /chat\.googleapis\.com\/v1\/spaces\/[^\s"'<>]{10,200}?[?&]token=([\w%-]{20,120})/dg },
  { kind: "zapier_webhook", gate: "hooks.zapier.com", pattern: /hooks\.zapier\.com\/hooks\/catch\/(\d{3,12}\/\w{5,20})/dgi },
];

/** Names before credentials, looked for in any case. */
const HEADERS: readonly Shape[] = [
  { kind: "basic_credentials", gate: "", pattern: /\bbasic[ \t]{1,4}([A-Za-z0-9+/_-]{8,400}={0,2})/dgi, accepts: isUserAndPassword },
  { kind: "bearer_token", gate: "", pattern: /\bbearer[ \t:="']{1,5}([\w.~+/=-]{16,4096})/dgi, accepts: isCredential },
  {
    kind: "authorization_header",
    gate: "",
    pattern: /\bauthorization\\{0,3}["']?[ \t]{0,3}[:=,][ \t]{0,3}\\{0,3}["'`]?(?:[A-Za-z-]{2,20}[ \t]{1,3})?([\w.~+/=-]{16,4096})/dgi,
    accepts: isCredential,
  },
];

const AWS_ID = /(?:AKIA|ASIA)[A-Z0-9]{16}/g;
const AWS_SECRET = /(?<![A-Za-z0-9/+=])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])/g;
/** How far from its id a secret key is looked for: the next lines of a credentials file, the next column of a CSV. */
const AWS_NEAR = 300;

/** Tokens that tell by their shape, or by the header before them, or by an AWS key id beside them. */
export function findShaped(text: string): readonly SecretSpan[] {
  const found: SecretSpan[] = [];
  for (const shape of SHAPES) if (text.includes(shape.gate)) found.push(...matches(text, shape));
  if (/basic|bearer|authorization/i.test(text)) for (const shape of HEADERS) found.push(...matches(text, shape));
  found.push(...awsSecrets(text));
  return found;
}

function matches(text: string, { kind, pattern, accepts = isReal }: Shape): SecretSpan[] {
  const found: SecretSpan[] = [];
  for (const match of text.matchAll(pattern)) {
    const [start, end] = match.indices?.[1] ?? match.indices?.[0] ?? [0, 0];
    if (accepts(text.slice(start, Math.min(end, start + 256)))) found.push({ kind, start, end });
  }
  return found;
}

function isReal(secret: string): boolean {
  return !isStandIn(secret);
}

function isCredential(secret: string): boolean {
  return !isPlaceholder(secret) && looksRandom(secret);
}

/** `user:password` in base64 (RFC 7617); prose such as "basic operations" is not. */
function isUserAndPassword(encoded: string): boolean {
  try {
    const decoded = atob(encoded.replaceAll("-", "+").replaceAll("_", "/"));
    const [, password = ""] = /^[\x20-\x7e]{1,120}?:([\x20-\x7e]{1,200})$/.exec(decoded) ?? [];
    return password !== "" && !isPlaceholder(password);
  } catch {
    return false;
  }
}

/** Forty characters of base64 are a secret key only beside their id: alone they may be a hash. */
function awsSecrets(text: string): SecretSpan[] {
  if (!text.includes("AKIA") && !text.includes("ASIA")) return [];
  const found: SecretSpan[] = [];
  let searched = 0;
  for (const id of text.matchAll(AWS_ID)) {
    const from = Math.max(searched, id.index - AWS_NEAR);
    const window = text.slice(from, id.index + AWS_NEAR);
    for (const { 0: secret, index } of window.matchAll(AWS_SECRET)) {
      const start = from + index;
      const end = start + secret.length;
      const isCutOut = (index === 0 && isIn(text, start - 1, BASE64)) || isIn(text, end, BASE64);
      if (!isCutOut && isAwsSecret(secret)) found.push({ kind: "aws_secret_access_key", start, end });
    }
    searched = Math.max(searched, id.index + AWS_NEAR - 40);
  }
  return found;
}

function isAwsSecret(secret: string): boolean {
  return /[a-z]/.test(secret) && /[A-Z]/.test(secret) && /\d/.test(secret) && !isStandIn(secret);
}

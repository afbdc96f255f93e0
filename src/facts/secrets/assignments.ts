import { isPlaceholder } from "./placeholder.js";
import { looksRandom } from "./random.js";
import { isTellingName } from "./names.js";
import { valueAfter, type Value } from "./values.js";
import type { SecretSpan } from "../secrets.js";

/** What names of secrets end in. `kind` decides how strong the value must be. */
const NAME = new RegExp(
  [
    "(?<password>passw(?:or)?d|passphrase|passcode|pwd|(?<![a-z])pass(?![a-z]))",
    "(?<key>secret|token|credentials?|(?:api|access|auth|private|signing|encryption|account|master|session|service|secret|shared|subscription|license|deploy|webhook)[-_. ]?(?:access[-_]?)?key)",
  ].join("|"),
  "gi",
);

/** What every such name holds: looked for first, because most texts hold none of it. */
const PART_OF_NAME = /pass|pwd|secret|token|credential|key/i;

/**
 * Values that look like a secret beside a name that says so: `password = "…"`, `API_KEY=…`, `"clientSecret": "…"`,
 * `--token …`, `X-Api-Key: …`, `<password>…</password>`, `PASSWORD '…'`, "the password is …".
 *
 * A password needs letters and digits or signs; a key or token must look random. Code that computes the value, types,
 * references and stand-ins are left alone.
 */
export function findAssignments(text: string): readonly SecretSpan[] {
  if (!PART_OF_NAME.test(text)) return [];
  const found: SecretSpan[] = [];
  NAME.lastIndex = 0;
  for (const name of text.matchAll(NAME)) {
    if (name.index < (found.at(-1)?.end ?? 0)) continue;
    const span = assignment(text, name);
    if (span !== null) found.push(span);
  }
  return found;
}

function assignment(text: string, name: RegExpMatchArray): SecretSpan | null {
  const start = name.index ?? 0;
  const after = isTellingName(text, start, start + name[0].length);
  if (after === null) return null;
  const value = valueAfter(text, start, after);
  if (value === null) return null;
  const isPassword = name.groups?.["password"] !== undefined;
  const isSecret = isPassword ? isPasswordValue(value) : isKeyValue(value);
  return isSecret ? { kind: isPassword ? "password" : "generic_secret", start: value.start, end: value.end() } : null;
}

/** Letters with digits or signs, at least six; plain words are labels and names far more often than passwords. */
function isPasswordValue({ text, isQuoted }: Value): boolean {
  if (text.length < 6 || text.length > 200 || /\s/.test(text) || isPlaceholder(text) || isCode(text, isQuoted)) return false;
  if (/^(?:\.{0,2}\/|~\/|https?:\/\/)/.test(text)) return false;
  const hasLetter = /\p{L}/u.test(text);
  const hasDigit = /\d/.test(text);
  const hasSign = /[^\p{L}\d\s_\-./:,;]/u.test(text);
  return (hasLetter && (hasDigit || hasSign)) || looksRandom(text);
}

function isKeyValue({ text, isQuoted }: Value): boolean {
  if (text.length < 12 || /\s/.test(text) || isPlaceholder(text) || isCode(text, isQuoted)) return false;
  return looksRandom(text);
}

/** Types that a colon introduces, and the names of algorithms. */
const TYPE = /^(?:u?int|float|big|utf|base|sha|md|bcrypt|scrypt|argon|aes|rsa|ecdsa|ed|rs|hs|es|ps|oauth|v)-?\d+/i;

/** True for an expression or a name rather than a value. */
function isCode(value: string, isQuoted: boolean): boolean {
  if (TYPE.test(value) && value.length < 24) return true;
  if (isQuoted) return false;
  // `a.b=c.d`: the first operand tells; the `=` at the end of base64 is no operator.
  const [operand = ""] = value.split(/=(?!=*$)/);
  const isCall = /[()[\]{}]/.test(value);
  const isNumber = /^[-+]?(?:0x[0-9a-f]{1,8}|[\d_.]+)n?$/i.test(operand);
  const isMember = /^[A-Za-z_$][\w$]*(?:(?:\?\.|\.|::|->)[A-Za-z_$][\w$]*)+$/.test(operand) && !operand.split(".").some((part) => looksRandom(part) && !isVariable(part));
  return isCall || isNumber || isMember || isVariable(operand);
}

/** `userPassword2`, `OAuth2Token`, `default_password`: a name that speaks of secrets itself. */
function isVariable(operand: string): boolean {
  const isName = /^[A-Za-z_$][\w$]*$/.test(operand) && /pass|pwd|secret|token|key|cred/i.test(operand);
  return isName && (/^[a-z_$]/.test(operand) || /[a-z\d][A-Z]/.test(operand));
}

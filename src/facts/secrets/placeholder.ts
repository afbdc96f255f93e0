/** Stand-ins that people write where a secret goes. Anywhere in the value; a real random value meets none by chance. */
const STAND_IN = /x{5,}|0{16,}|\*{3,}|\.{3,}|example|your|placeholder|redacted|change[-_ ]?me|replace[-_ ]?(?:me|with|this)|insert|<[^>]{0,60}>?|\{\{|\$\{|\$\(|%\{/i;

/** Stand-ins only where nothing but a name says that it is a secret. */
const WEAK_STAND_IN = /dummy|fake|sample|todo|fixme|foobar|not[-_ ]?a?[-_ ]?real|lorem/i;

/** Words that fill the place of a value: types, absence, and the name itself. */
const FILLER = new Set([
  "string", "str", "text", "null", "none", "nil", "undefined", "true", "false", "required", "optional", "empty", "secret",
  "password", "passwd", "passphrase", "pass", "pwd", "pw", "token", "key", "apikey", "api_key", "api-key", "credentials",
  "hidden", "masked", "xxx", "abc", "foo", "bar", "test", "basic", "bearer", "oauth2", "base64", "default", "value",
]);

/** True for what stands in for a secret in a known format, such as `xxxx…` or AWS's `…EXAMPLE`. */
export function isStandIn(value: string): boolean {
  return STAND_IN.test(value);
}

/** True for what stands in for a secret beside a name such as `password`. */
export function isPlaceholder(value: string): boolean {
  return FILLER.has(value.toLowerCase()) || isStandIn(value) || WEAK_STAND_IN.test(value) || isReference(value) || isMask(value);
}

/** A reference says where the secret is, not what it is: `$API_KEY`, `%API_KEY%`, `process.env.X`, `op://vault/item`. */
export function isReference(value: string): boolean {
  return (
    /^\{[^{}]*\}$|^\$[A-Za-z_]|^%[A-Za-z_]+%$|^@[A-Za-z_]+@$|^!/.test(value) ||
    /^(?:process|import\.meta|Deno|Bun)\.env\b|^(?:os\.)?(?:environ|getenv)\b|^ENV\b|^secrets?\.|^vars?\.|^(?:var|local|data|module|each)\./.test(value) ||
    /^(?:op|vault|ref\+\w+|awssm|gcpsm|secretsmanager|ssm|keyring|env|file):|^arn:|^projects\//.test(value)
  );
}

/** One character over and over, or nothing but signs that mask. */
function isMask(value: string): boolean {
  return /^[xX*.\-_\u2022#0?]+$/.test(value);
}

/** Words that make a member's value a secret when they end its name. */
const LAST_WORDS = new Set([
  "password", "passwd", "passphrase", "passwort", "pwd", "pass", "secret", "token", "authorization", "bearer", "jwt",
  "cookie", "credential", "apikey", "otp", "totp",
]);
/** The same for the last two words; "key" alone is the name of an S3 object. */
const LAST_PAIRS = new Set([
  "api key", "access key", "secret key", "private key", "signing key", "encryption key", "master key", "shared key",
  "auth key", "account key", "password hash", "connection string", "recovery code",
]);
/** Names of several secrets; a number of them ("tokens": 812) is none. */
const LAST_WORDS_OF_LISTS = new Set(["passwords", "secrets", "tokens", "cookies", "credentials", "apikeys"]);
const LAST_PAIRS_OF_LISTS = new Set(["api keys", "access keys", "secret keys", "private keys", "signing keys", "recovery codes"]);
/** Tokens that mark a place in a listing. */
const PLACES = new Set(["page", "continuation", "sync", "cursor", "start", "change", "next", "delta"]);

/**
 * Says whether the value of a member with this name is a secret by its name: "one" for `password`, `apiKey`,
 * `X-Api-Key`, `client_secret`; "several" for `secrets`; false for `token_count`, `secrets_found`, `max_tokens_used`.
 */
export function secretName(name: string): "one" | "several" | false {
  if (name.length > 100) return false;
  const words = name
    .normalize("NFKC")
    .replaceAll(/([\p{Ll}\d])(\p{Lu})/gu, "$1 $2")
    .replaceAll(/(\p{Lu})(\p{Lu}\p{Ll})/gu, "$1 $2")
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word !== "");
  const last = words.at(-1) ?? "";
  const before = words.at(-2) ?? "";
  const pair = `${before} ${last}`;
  if (last === "token" && PLACES.has(before)) return false;
  if (LAST_WORDS.has(last) || LAST_PAIRS.has(pair)) return "one";
  return LAST_WORDS_OF_LISTS.has(last) || LAST_PAIRS_OF_LISTS.has(pair) ? "several" : false;
}

import { isAbsolute } from "node:path";

import { looksSecret } from "./shown.js";
import type { Expansion } from "./problem.js";
import type { Environment, Systems } from "./types.js";

const SECRET_NAME = /TOKEN|SECRET|PASSW|_PWD(?:_|$)|APIKEY|API_KEY|PRIVATE|CREDENTIAL|(?:^|_)(?:KEY|PASS)(?:_|$)/iu;

/** Shorter ones cannot be told from ordinary words: replacing them would garble every receipt. */
const SHORTEST = 6;

/** The secret values of a configuration, for redaction: tokens, keys, passwords and the URLs that hold them. */
export function secretsOf(systems: Systems, expansions: readonly Expansion[], env: Environment): string[] {
  const tokens = [systems.slack?.token, systems.hubspot?.token, systems.s3?.credentials?.secretAccessKey, systems.s3?.credentials?.sessionToken];
  const urls = [systems.postgres?.url, systems.email?.smtp].flatMap((url) => (url === undefined ? [] : secretsOfUrl(url)));
  const referenced = expansions.filter((one) => (SECRET_NAME.test(one.name) || looksSecret(one.value)) && !isPath(one));
  const fromReferences = referenced.flatMap(({ value }) => [value, ...secretsOfUrl(value)]);
  // The signing secret stands in no file, and must never leave all the same.
  const all = [...tokens, ...urls, ...fromReferences, env["ENACT_SECRET"]];
  return [...new Set(all.filter((value) => value !== undefined && value.length >= SHORTEST) as string[])];
}

/** GOOGLE_APPLICATION_CREDENTIALS and its like hold the path of a file, which is no secret. */
function isPath({ name, value }: Expansion): boolean {
  return /CREDENTIAL/iu.test(name) && isAbsolute(value);
}

/** Variables of the environment that hold secrets, going by their names and values. */
export function secretVariables(env: Environment): Expansion[] {
  return Object.entries(env).flatMap(([name, value = ""]) => {
    if (!SECRET_NAME.test(name) && secretsOfUrl(value).length === 0) return [];
    return [value, ...secretsOfUrl(value)].map((hidden) => ({ name, value: hidden }));
  });
}

/** The URL when it holds a password, and the password as written and as decoded. */
export function secretsOfUrl(text: string): string[] {
  if (!URL.canParse(text)) return [];
  const url = new URL(text);
  const parameters = [...url.searchParams].filter(([name]) => SECRET_NAME.test(name)).map(([, value]) => value);
  // A password that is the user's name is no secret, and would garble every receipt that names the user.
  const password = url.password === url.username ? "" : url.password;
  const written = /^[a-z][a-z0-9+.-]*:\/\/[^:/?#]*:([^@/?#]*)@/iu.exec(text)?.[1] ?? "";
  const found = [password, written === url.username ? "" : written, decoded(password), ...parameters].filter((value) => value !== "");
  return found.length === 0 ? [] : [text, ...found];
}

/** A URL without its password: what the digest and messages may know of it. */
export function withoutSecrets(text: string): string {
  if (!URL.canParse(text)) return text;
  const url = new URL(text);
  url.password = "";
  const names = Array.from(url.searchParams.keys());
  names.filter((name) => SECRET_NAME.test(name)).forEach((name) => url.searchParams.delete(name));
  return url.href;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

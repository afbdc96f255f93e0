import { createSign } from "node:crypto";
import { readFile } from "node:fs/promises";

import { EnactError, isEnactError } from "../../errors.js";
import { checkedEndpoint, checkedSecret } from "../shared/endpoint.js";
import { transportFailure } from "../shared/transport.js";

/** Least privilege that can trash any file: Google has no scope for deleting alone. */
const SCOPE = "https://www.googleapis.com/auth/drive";
const GOOGLE = "https://oauth2.googleapis.com/token";
const KEY = "systems.gdrive.credentials";
/** A token is renewed this long before it ends. */
const MARGIN_MS = 60_000;

interface Credentials {
  readonly tokenUri: string;
  /** The form that is sent for a token. A fresh one each time: it may be signed and dated. */
  readonly form: () => Readonly<Record<string, string>>;
}

/** Gives the header that shows Google who is calling. */
export class GdriveTokens {
  readonly #given: string;
  readonly #timeoutMs: number;
  #token: { readonly header: string; readonly until: number } | undefined;

  /** @param given the path of a credentials file, or its JSON */
  constructor(given: string, timeoutMs: number) {
    this.#given = given;
    this.#timeoutMs = timeoutMs;
  }

  /** @throws EnactError CONFIG_INVALID, SYSTEM_UNAVAILABLE; nothing of the credentials is in it */
  async header(): Promise<string> {
    if (this.#token === undefined || this.#token.until < Date.now()) this.#token = await this.#fetch();
    return this.#token.header;
  }

  async #fetch(): Promise<{ header: string; until: number }> {
    const { tokenUri, form } = readCredentials(await jsonOf(this.#given));
    const { access_token, expires_in } = await this.#ask(tokenUri, form());
    if (typeof access_token !== "string" || typeof expires_in !== "number") throw unavailable("the answer holds no token");
    // A line break in it would be a second header.
    checkedSecret(access_token, `${KEY}: the token that Google gave`);
    return { header: `Bearer ${access_token}`, until: Date.now() + expires_in * 1000 - MARGIN_MS };
  }

  async #ask(tokenUri: string, form: Readonly<Record<string, string>>): Promise<Readonly<Record<string, unknown>>> {
    try {
      const response = await fetch(tokenUri, {
        method: "POST",
        body: new URLSearchParams(form),
        redirect: "error",
        signal: AbortSignal.timeout(this.#timeoutMs),
      });
      if (response.ok) return (await response.json()) as Readonly<Record<string, unknown>>;
      await response.body?.cancel();
      throw unavailable(response.status < 500 ? "it does not accept the configured credentials" : `it answered with HTTP status ${response.status}`);
    } catch (error) {
      if (isEnactError(error)) throw error;
      throw unavailable(error instanceof SyntaxError ? "the answer is not Google's" : transportFailure(error).words);
    }
  }
}

async function jsonOf(given: string): Promise<Readonly<Record<string, unknown>>> {
  try {
    const text = given.trimStart().startsWith("{") ? given : await readFile(given, "utf8");
    const json: unknown = JSON.parse(text);
    if (typeof json === "object" && json !== null) return json as Readonly<Record<string, unknown>>;
  } catch {
    // The platform's message would repeat a part of the file.
  }
  throw invalid("is neither the path of a readable credentials file nor its JSON");
}

/** Reads the two kinds of files that Google hands out for a person or a service. @throws EnactError CONFIG_INVALID */
function readCredentials(json: Readonly<Record<string, unknown>>): Credentials {
  const text = (name: string): string => {
    const value = json[name];
    if (typeof value !== "string" || value === "") throw invalid(`lacks ${name}`);
    return value;
  };
  const tokenUri = checkedEndpoint(json["token_uri"] === undefined ? GOOGLE : text("token_uri"), { key: `${KEY}: token_uri` });
  if (json["type"] === "service_account") {
    const [email, key] = [text("client_email"), text("private_key")];
    return { tokenUri, form: () => ({ grant_type: "urn:ietf:params:oauth:grant-type:jwt-bearer", assertion: assertion(email, key, tokenUri) }) };
  }
  if (json["type"] === "authorized_user") {
    const [client_id, client_secret, refresh_token] = [text("client_id"), text("client_secret"), text("refresh_token")];
    return { tokenUri, form: () => ({ grant_type: "refresh_token", client_id, client_secret, refresh_token }) };
  }
  // Other kinds (external_account …) name programs to run and servers to ask.
  throw invalid("is neither of type service_account nor authorized_user");
}

/** RFC 7523: a signed claim, good for one hour. */
function assertion(email: string, key: string, audience: string): string {
  const now = Math.floor(Date.now() / 1000);
  const head = base64Json({ alg: "RS256", typ: "JWT" });
  const claim = base64Json({ iss: email, scope: SCOPE, aud: audience, iat: now, exp: now + 3600 });
  try {
    return `${head}.${claim}.${createSign("RSA-SHA256").update(`${head}.${claim}`).sign(key, "base64url")}`;
  } catch {
    throw invalid("holds a private_key that cannot be used");
  }
}

function base64Json(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString("base64url");
}

function invalid(why: string): EnactError {
  return new EnactError("CONFIG_INVALID", `${KEY} ${why}`);
}

function unavailable(why: string): EnactError {
  return new EnactError("SYSTEM_UNAVAILABLE", `Google gives no token: ${why}`);
}

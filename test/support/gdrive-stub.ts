import { createVerify, generateKeyPairSync } from "node:crypto";

import { startHttpStub, type Answer, type HttpStub, type Received } from "./http-stub.js";

/**
 * A small Drive that holds to the public description of its API v3 (developers.google.com/workspace/drive/api/reference)
 * for what the tool uses, and Google's token endpoint (RFC 7523 and RFC 6749, section 6):
 *
 *   POST   /token
 *   GET    /drive/v3/about                    `fields` is required
 *   GET    /drive/v3/files/{id}               partial answers by `fields`; shared drives need supportsAllDrives
 *   GET    /drive/v3/files?q='x' in parents   pages by nextPageToken
 *   GET    /drive/v3/files/{id}/permissions   403 for who may not share
 *   PATCH  /drive/v3/files/{id}               trashed; what lies below is trashed with it
 *   DELETE /drive/v3/files/{id}               204; what lies below goes with it
 *
 * Where the real one may differ: which changes raise `version`, how soon lists show a change, who may see permissions,
 * and the wording of errors.
 */
export interface GdriveStub extends HttpStub {
  /** Credentials of a service account whose token endpoint is the stub's. */
  readonly credentials: string;
  readonly files: Map<string, StubFile>;
  add(id: string, more?: Partial<StubFile>): StubFile;
  /** Ids of what is neither trashed nor deleted, sorted. */
  visible(): string[];
  /** Requests that change something. */
  changes(): readonly Received[];
}

export interface StubFile {
  id: string;
  name: string;
  mimeType: string;
  version: string;
  parents: string[];
  trashed: boolean;
  shared: boolean;
  size?: string;
  driveId?: string;
  owners?: { emailAddress: string }[];
  capabilities: { canTrash: boolean; canDelete: boolean };
  /** Undefined: the account may not see them. */
  permissions?: { type: string; role: string; emailAddress?: string; domain?: string; deleted?: boolean }[];
}

export interface GdriveStubOptions {
  /** Entries of one page. */
  readonly page?: number;
  /** Answers in place of the healthy one. */
  readonly answer?: (request: Received) => Answer | undefined;
}

export const FOLDER = "application/vnd.google-apps.folder";
export const TOKEN = ["ya29", "do-not-show"].join(".");
const REFRESH = ["1", "", "refresh-do-not-show"].join("/");

// Made for this run; nobody else ever saw it.
const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
const PRIVATE_KEY = privateKey.export({ type: "pkcs8", format: "pem" }).toString();

export async function startGdriveStub(options: GdriveStubOptions = {}): Promise<GdriveStub> {
  const world = new World(options);
  const stub = await startHttpStub((request) => options.answer?.(request) ?? world.answer(request));
  const client_email = "agent@project.iam.example";
  return {
    ...stub,
    credentials: JSON.stringify({ type: "service_account", client_email, private_key: PRIVATE_KEY, token_uri: `${stub.url}/token` }),
    files: world.files,
    add: (id, more) => world.add(id, more),
    visible: () => [...world.files.values()].filter(({ id }) => !world.isTrashed(id)).map(({ id }) => id).toSorted(),
    changes: () => stub.received.filter(({ method, path }) => method !== "GET" && path !== "/token"),
  };
}

/** Credentials of a person, for the other grant. */
export function userCredentials(tokenUri: string): string {
  return JSON.stringify({ type: "authorized_user", client_id: "id", client_secret: "secret-do-not-show", refresh_token: REFRESH, token_uri: tokenUri });
}

export function gdriveError(status: number, reason: string, message = "no"): Answer {
  return { status, body: { error: { code: status, message, errors: [{ domain: "global", reason, message }] } } };
}

class World {
  readonly files = new Map<string, StubFile>();
  readonly #options: GdriveStubOptions;

  constructor(options: GdriveStubOptions) {
    this.#options = options;
  }

  add(id: string, more: Partial<StubFile> = {}): StubFile {
    const file: StubFile = {
      id,
      name: `${id}.txt`,
      mimeType: "text/plain",
      version: "1",
      parents: ["0ROOT"],
      trashed: false,
      shared: false,
      owners: [{ emailAddress: "ann@example.com" }],
      capabilities: { canTrash: true, canDelete: true },
      permissions: [{ type: "user", role: "owner", emailAddress: "ann@example.com" }],
      ...more,
    };
    this.files.set(id, file);
    return file;
  }

  /** What lies below something trashed is trashed too. */
  isTrashed(id: string, below: readonly string[] = []): boolean {
    const file = this.files.get(id);
    if (file === undefined || below.includes(id)) return false;
    return file.trashed || file.parents.some((parent) => this.isTrashed(parent, [...below, id]));
  }

  answer(request: Received): Answer {
    const url = new URL(request.path, "http://stub");
    if (request.method === "POST" && url.pathname === "/token") return token(new URLSearchParams(request.body));
    if (request.headers["authorization"] !== `Bearer ${TOKEN}`) return gdriveError(401, "authError");
    if (request.method === "GET" && url.pathname === "/drive/v3/about") {
      return url.searchParams.has("fields") ? { body: { user: { emailAddress: "agent@project.iam.example" } } } : gdriveError(400, "required");
    }
    const [, id, part] = /^\/drive\/v3\/files(?:\/([^/]+))?(\/permissions)?$/.exec(url.pathname) ?? [];
    if (id === undefined) return url.pathname === "/drive/v3/files" ? this.#list(url.searchParams) : { status: 404, body: "" };
    const file = this.files.get(decodeURIComponent(id));
    const isHidden = file?.driveId !== undefined && url.searchParams.get("supportsAllDrives") !== "true";
    if (file === undefined || isHidden) return gdriveError(404, "notFound", `File not found: ${id}.`);
    if (part !== undefined) return this.#permissions(file, url.searchParams);
    if (request.method === "GET") return { body: this.#shown(file, url.searchParams) };
    if (request.method === "PATCH") return this.#update(file, request.body, url.searchParams);
    return request.method === "DELETE" ? this.#delete(file) : { status: 405, body: "" };
  }

  #shown(file: StubFile, query: URLSearchParams): object {
    const wanted = (query.get("fields") ?? "id,name,mimeType").replaceAll(/\([^)]*\)/g, "").split(",");
    const shown: Readonly<Record<string, unknown>> = { ...file, trashed: this.isTrashed(file.id), permissions: undefined };
    return Object.fromEntries(Object.entries(shown).filter(([name]) => wanted.includes(name)));
  }

  #list(query: URLSearchParams): Answer {
    const [, parent, untrashed] = /^'([^']+)' in parents( and trashed = false)?$/.exec(query.get("q") ?? "") ?? [];
    if (parent === undefined) return gdriveError(400, "invalid");
    const all = query.get("includeItemsFromAllDrives") === "true";
    const found = [...this.files.values()].filter((file) =>
      file.parents.includes(parent) && (untrashed === undefined || !this.isTrashed(file.id)) && (all || file.driveId === undefined));
    const files = found.map(({ id, mimeType, version, parents }) => ({ id, mimeType, version, parents }));
    return this.#paged("files", files, query, { incompleteSearch: false });
  }

  #permissions({ permissions }: StubFile, query: URLSearchParams): Answer {
    return permissions === undefined ? gdriveError(403, "insufficientFilePermissions") : this.#paged("permissions", permissions, query, {});
  }

  #paged(name: string, all: readonly unknown[], query: URLSearchParams, more: object): Answer {
    const start = Number(query.get("pageToken") ?? 0);
    const size = Math.min(this.#options.page ?? 1000, Number(query.get("pageSize") ?? 100));
    const next = start + size < all.length ? { nextPageToken: String(start + size) } : {};
    return { body: { [name]: all.slice(start, start + size), ...more, ...next } };
  }

  #update(file: StubFile, body: string, query: URLSearchParams): Answer {
    if (!file.capabilities.canTrash) return gdriveError(403, "insufficientFilePermissions");
    Object.assign(file, { ...(JSON.parse(body) as object), version: String(Number(file.version) + 1) });
    return { body: this.#shown(file, query) };
  }

  #delete(file: StubFile): Answer {
    if (!file.capabilities.canDelete) return gdriveError(403, "insufficientFilePermissions");
    this.files.delete(file.id);
    for (const child of [...this.files.values()].filter(({ parents }) => parents.includes(file.id))) this.#delete(child);
    return { status: 204, body: "" };
  }
}

function token(form: URLSearchParams): Answer {
  const granted = { body: { access_token: TOKEN, expires_in: 3599, token_type: "Bearer" } };
  if (form.get("grant_type") === "refresh_token") return form.get("refresh_token") === REFRESH ? granted : { status: 400, body: { error: "invalid_grant" } };
  const [head = "", claim = "", signature = ""] = (form.get("assertion") ?? "").split(".");
  const isSigned = createVerify("RSA-SHA256").update(`${head}.${claim}`).verify(publicKey, signature, "base64url");
  const { scope, exp, iat } = JSON.parse(Buffer.from(claim, "base64url").toString()) as { scope: string; exp: number; iat: number };
  const isValid = isSigned && scope === "https://www.googleapis.com/auth/drive" && exp - iat === 3600 && Math.abs(iat - Date.now() / 1000) < 60;
  return isValid ? granted : { status: 400, body: { error: "invalid_grant" } };
}

/**
 * The server behind `enact-guard ui`: loopback only, for the browsers of the person who started it.
 *
 * How to put pages on it: write a {@link WebModule} and hand it to {@link startWebServer} (cli/ui.ts does, with what
 * main.ts gives it).
 *
 * ```ts
 * export function approvalPages(inbox: Inbox): WebModule {
 *   return {
 *     base: "/approvals",
 *     access: "own",                       // or "session": only with the cookie and key of a browser that was let in
 *     assets: [{ path: "/approvals.js", file: "approvals.js", type: ASSET_TYPES.js }],   // dist/web/approvals.js
 *     routes(app) {
 *       app.get("/:id", (c) => c.html(page(c.req.param("id"))));        // GET /approvals/…
 *       app.post("/:id/answer", async (c) => c.json(await answer(c)));  // POST /approvals/…/answer
 *     },
 *     close: () => inbox.close(),
 *   };
 * }
 * ```
 *
 * What holds for every request before a module sees it (http-checks.ts): the Host header is localhost, 127.0.0.1 or
 * [::1] with our port; other sites and other ports get nothing but a followed link (GET); a POST comes from a page of this
 * very origin. What holds for every response: the strict security headers, `Cache-Control: no-store`, no CORS. A body is
 * 64 kB at most. Methods are GET, HEAD and POST.
 *
 * A module of access "own" is reachable by every user and program of this machine, and by whoever has a link: it must
 * prove by itself who acts (a passkey, a signed link). Modules share the origin, so their scripts share its storage; WebAuthn's
 * RP ID is `localhost` and the origin to expect is {@link WebServer.origin}. Pages that are plain HTML need no script; scripts
 * and styles are files in dist/web (scripts/build.mjs), never inline: the Content-Security-Policy forbids it.
 *
 * What a route throws: an EnactError becomes `{ "error": { code, message, hint } }` with a fitting status, anything else
 * a 500 without details.
 */
import { readFile } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { join } from "node:path";

import type { Context, Hono, MiddlewareHandler } from "hono";

import type { ErrorCode } from "../errors.js";
import { EnactError, isEnactError } from "../errors.js";
import type { Refusal } from "./http-checks.js";
import { SECURITY_HEADERS, refusalOf } from "./http-checks.js";
import { listenOnLoopback } from "./loopback.js";
import { isOwnUser } from "./peer.js";
import { KEY_HEADER, Session } from "./session.js";

/** A file of dist/web under a path of its own; nothing else of the disk is served. */
export interface WebAsset {
  /** `/app.js` */
  readonly path: `/${string}`;
  /** A name in the folder of assets, no path. */
  readonly file: string;
  readonly type: string;
}

export const ASSET_TYPES = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  svg: "image/svg+xml",
} as const;

export interface WebModule {
  /** The path that all its routes begin with, such as `/api` or `/approvals`. Not inside another module's. */
  readonly base: `/${string}`;
  /** session: only browsers that were let in by the link of the terminal. own: the module itself decides who may do what. */
  readonly access: "session" | "own";
  /**
   * Reached under any host name, through a tunnel or proxy of the person's own. Each address below `base` must then be a
   * secret by itself, because neither the Host nor the Origin header says anything. Nothing else of the server is.
   */
  readonly anyHost?: boolean;
  /** Files that everybody may have: code and style, no data. */
  readonly assets?: readonly WebAsset[];
  /** Paths are relative to `base`. */
  routes(app: Hono): void;
  close?(): void | Promise<void>;
}

export interface WebServerOptions {
  /** Null: the usual port when it is free, else any. 0: any. */
  readonly port: number | null;
  /** The folder of the built assets, dist/web. */
  readonly assets: string;
  readonly modules: readonly WebModule[];
  /** Called when a link was used; it works once, so another browser needs a new one. */
  readonly onOpened?: () => void;
}

export interface WebServer {
  readonly port: number;
  /** `http://localhost:7117` */
  readonly origin: string;
  /** A link for one browser. It lets in whoever opens it first: for the person's terminal, and never for a model. */
  newLink(): string;
  /** Stops listening, lets what is being answered finish for a second, then closes the modules. */
  close(): Promise<void>;
}

/** @throws EnactError USAGE when the port is taken or not allowed, NOT_INSTALLED when the assets were not built */
export async function startWebServer(options: WebServerOptions): Promise<WebServer> {
  refuseOverlaps(options.modules);
  const assets = await loadAssets(options);
  const session = new Session();
  let port = 0;
  const inside = await answerOf(options, assets, session, () => port);
  const anyHost = options.modules.filter((module) => module.anyHost === true).map(({ base }) => base);
  const listening = await listenOnLoopback(options.port, (request, response) => void answer(inside, request, response, { port, anyHost }));
  port = listening.port;
  const origin = `http://localhost:${String(port)}`;
  return {
    port,
    origin,
    newLink: () => `${origin}/?token=${session.newToken()}`,
    close: async () => {
      await listening.close();
      for (const module of options.modules) await module.close?.();
    },
  };
}

/** Two modules on one path could take each other's session check away. */
function refuseOverlaps(modules: readonly WebModule[]): void {
  const bases = modules.map(({ base }) => `${base}/`);
  const overlap = bases.find((base, index) => bases.some((other, at) => at !== index && base.startsWith(other)));
  if (overlap !== undefined) throw new EnactError("INTERNAL", `Two web modules lie on ${overlap}`);
}

type Loaded = ReadonlyMap<string, { readonly bytes: Uint8Array<ArrayBuffer>; readonly type: string }>;

/** All at once, so that a server that runs while a new version is built serves one version. */
async function loadAssets({ assets, modules }: WebServerOptions): Promise<Loaded> {
  const wanted = modules.flatMap((module) => module.assets ?? []);
  const loaded = wanted.map(async ({ path, file, type }) => {
    try {
      return [path, { bytes: new Uint8Array(await readFile(join(assets, file))), type }] as const;
    } catch (cause) {
      const hint = "In a checkout run npm run build; otherwise install the package again.";
      throw new EnactError("NOT_INSTALLED", `The pages of this program are not there: ${file} is missing`, { hint, cause });
    }
  });
  return new Map(await Promise.all(loaded));
}

type Answer = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

async function answerOf(options: WebServerOptions, assets: Loaded, session: Session, port: () => number): Promise<Answer> {
  const [{ Hono: App }, { getRequestListener }] = await Promise.all([import("hono"), import("@hono/node-server")]);
  const app = new App();
  app.onError(failure);
  app.notFound((c) => c.text("There is nothing here.\n", 404));
  app.get("/", entry(session, () => `enact_${String(port())}`, options.onOpened));
  for (const [path, { bytes, type }] of assets) app.get(path, (c) => c.body(bytes, 200, { "Content-Type": type }));
  for (const module of options.modules) {
    const part = new App();
    if (module.access === "session") part.use(sessionCheck(session, () => `enact_${String(port())}`));
    module.routes(part);
    app.route(module.base, part);
  }
  const listener = getRequestListener(app.fetch, {
    overrideGlobalObjects: false,
    errorHandler: () => new Response("The request could not be read.\n", { status: 400 }),
  });
  return async (request, response) => {
    await listener(request, response);
  };
}

/** Whoever is let in under any host name comes through a tunnel, which may run as anybody. */
async function strangerRefusal({ url = "", socket }: IncomingMessage, { anyHost }: Doors): Promise<Refusal | undefined> {
  if (anyHost.some((base) => url.startsWith(`${base}/`)) || (await isOwnUser(socket, process.getuid?.()))) return undefined;
  return { status: 403, reason: "These pages are of another user of this machine." };
}

/** Where requests may come in. */
interface Doors {
  readonly port: number;
  /** The bases of modules that are reached under any host name. */
  readonly anyHost: readonly string[];
}

/** First of all, and below the framework, so that no route and no error of it can be without. */
async function answer(inside: Answer, request: IncomingMessage, response: ServerResponse, doors: Doors): Promise<void> {
  for (const [name, value] of Object.entries(SECURITY_HEADERS)) response.setHeader(name, value);
  const { method = "", url: target = "", headers } = request;
  const refusal = refusalOf({ method, target, headers }, doors.port, doors.anyHost) ?? (await strangerRefusal(request, doors));
  if (refusal === undefined) {
    await inside(request, response);
    return;
  }
  // Whatever body comes behind a refused head is not read.
  response.writeHead(refusal.status, { "Content-Type": "text/plain; charset=utf-8", Connection: "close" });
  response.end(`${refusal.reason}\n`);
}

/** `/?token=…` lets a browser in; `/` alone is the page, which holds no data. */
function entry(session: Session, cookieName: () => string, onOpened?: () => void): MiddlewareHandler {
  return async (c, next) => {
    const token = c.req.query("token");
    if (token === undefined) return next();
    const pass = session.redeem(token);
    if (pass === undefined) return c.redirect("/#used", 303);
    onOpened?.();
    c.header("Set-Cookie", `${cookieName()}=${pass.cookie}; Path=/; HttpOnly; SameSite=Strict`);
    // What stands behind # is seen by the page only: it goes to no server and into no log.
    return c.redirect(`/#key=${pass.key}`, 303);
  };
}

function sessionCheck(session: Session, cookieName: () => string): MiddlewareHandler {
  return async (c, next) => {
    if (session.admits(cookieOf(c, cookieName()), c.req.header(KEY_HEADER))) return next();
    const message = "This browser was not let in, or enact-guard ui was started again since";
    return c.json({ error: { code: "REFUSED", message, hint: "Open the link that enact-guard ui shows in its terminal." } }, 401);
  };
}

function cookieOf(c: Context, name: string): string | undefined {
  const cookies = (c.req.header("cookie") ?? "").split(";").map((part) => part.trim());
  return cookies.find((cookie) => cookie.startsWith(`${name}=`))?.slice(name.length + 1);
}

const STATUSES: Readonly<Partial<Record<ErrorCode, 400 | 403 | 404 | 409 | 503>>> = {
  INVALID_INPUT: 400, USAGE: 400, REFUSED: 403, NOT_FOUND: 404, STALE_PLAN: 409, TAMPERED: 409, LEDGER_UNAVAILABLE: 503, SYSTEM_UNAVAILABLE: 503, APPROVALS_UNAVAILABLE: 503,
};

function failure(error: Error, c: Context): Response {
  if (!isEnactError(error)) return c.json({ error: { code: "INTERNAL", message: "A defect of this program. Please report it." } }, 500);
  const { code, message, hint } = error;
  return c.json({ error: { code, message, ...(hint === undefined ? {} : { hint }) } }, STATUSES[code] ?? 500);
}

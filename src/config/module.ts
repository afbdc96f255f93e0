import { createHash } from "node:crypto";
import { existsSync, readFileSync, realpathSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

import { CATEGORIES } from "../policies/policy.js";

/** A file that a custom policy is made of. */
export interface Source {
  /** Absolute. */
  readonly path: string;
  /** SHA-256 of its bytes, in hex. */
  readonly sha256: string;
}

export interface LoadedModule {
  readonly exports: readonly (readonly [name: string, value: unknown])[];
  /** The module and the files that it imports by relative paths, at whatever depth. Packages are not among them. */
  readonly sources: readonly Source[];
  /** Absolute paths that such an import would find instead, or could, if a file were made there. */
  readonly shadows: readonly string[];
}

/** Why a module could not be loaded, in words, with the place in the module where it is known. */
export class ModuleFailure extends Error {
  override readonly name = "ModuleFailure";
}

/** A module that waits for something at its top level must not keep the server from starting forever. */
const LOAD_TIMEOUT_MS = 10_000;

/** More files than any policy is made of. */
const MAX_SOURCES = 200;

interface Loader {
  import(path: string): Promise<unknown>;
  esmResolve(id: string, options: { parentURL: string; try: true }): string | undefined;
}

/**
 * Loads a TypeScript or JavaScript module of policies. `enact-guard` and `enact-guard/policies/…` mean this package in
 * it, whether or not the project has it among its dependencies. Nothing is written, no cache either.
 *
 * @param path absolute
 * @param packageRoot folder of this package
 * @throws ModuleFailure
 */
export async function loadModule(path: string, packageRoot: string, timeoutMs = LOAD_TIMEOUT_MS): Promise<LoadedModule> {
  // As node does: what a link leads to imports from where it really is.
  const real = realpathSync(path);
  const loader = await createLoader(real, packageRoot);
  const { sources, shadows } = collectSources(real, loader);
  const loaded = await withTimeout(importModule(loader, real, sources), timeoutMs);
  const exports = namedExports(loaded as Record<string, unknown>).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return { exports, sources, shadows };
}

/** The exports of a CommonJS module come a second time, as one object. */
function namedExports(loaded: Record<string, unknown>): [string, unknown][] {
  const { default: whole } = loaded;
  const entries = Object.entries(loaded).filter(([name]) => name !== "module.exports");
  const named = entries.filter(([name]) => name !== "default");
  const isCommonJs = typeof whole === "object" && whole !== null && named.length > 0 && named.every(([name]) => Object.hasOwn(whole, name));
  return isCommonJs ? named : entries;
}

async function createLoader(path: string, packageRoot: string): Promise<Loader> {
  const { createJiti } = await import("jiti");
  // moduleCache: a configuration that is read again sees the module as it is now.
  return createJiti(path, { fsCache: false, moduleCache: false, interopDefault: false, tryNative: false, alias: aliases(packageRoot) });
}

function aliases(packageRoot: string): Record<string, string> {
  const found: Record<string, string> = {};
  // A policy with options describes them with zod. Always ours: an agent might put another one where the project's would be.
  const zod = resolvable("zod/package.json", join(packageRoot, "package.json"));
  if (zod !== undefined) found["zod"] = dirname(zod);
  // The longer names first, or `enact-guard` would swallow them.
  for (const category of CATEGORIES) {
    const built = join(packageRoot, "dist/policies", `${category}.js`);
    if (existsSync(built)) found[`enact-guard/policies/${category}`] = built;
  }
  found["enact-guard"] = join(packageRoot, "dist/index.js");
  return found;
}

function resolvable(name: string, from: string): string | undefined {
  try {
    return createRequire(from).resolve(name);
  } catch {
    return undefined;
  }
}

async function importModule(loader: Loader, path: string, sources: readonly Source[]): Promise<unknown> {
  try {
    return await loader.import(path);
  } catch (error) {
    throw new ModuleFailure(failureText(error, sources), { cause: error });
  }
}

async function withTimeout(loading: Promise<unknown>, timeoutMs: number): Promise<unknown> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new ModuleFailure(`did not finish loading within ${timeoutMs} ms`)), timeoutMs);
  });
  try {
    return await Promise.race([loading, timeout]);
  } finally {
    clearTimeout(timer);
  }
}

function failureText(error: unknown, sources: readonly Source[]): string {
  if (!(error instanceof Error)) return "threw something that is no Error while it was loaded";
  const [first = ""] = error.message.split("\n");
  const place = placeIn(error, sources);
  const what = first.trim() === "" ? error.name : first.replace(/^ParseError: /u, "").trim();
  return place === undefined ? `cannot be loaded: ${what}` : `cannot be loaded: ${place}: ${what}`;
}

/** `file:line` of the first frame, or of the syntax error, that lies in one of the policy's own files. */
function placeIn(error: Error, sources: readonly Source[]): string | undefined {
  for (const line of `${error.message}\n${error.stack ?? ""}`.split("\n")) {
    const source = sources.find(({ path }) => line.includes(`${path}:`));
    const number = source === undefined ? undefined : /^\d+/u.exec(line.slice(line.indexOf(`${source.path}:`) + source.path.length + 1))?.[0];
    if (source !== undefined && number !== undefined) return `${source.path}:${number}`;
  }
  return undefined;
}

const RELATIVE_IMPORT = /(?:\bfrom|\bimport|\brequire)\s*\(?\s*["'](\.{1,2}\/[^"'\n]+)["']/gu;

function collectSources(path: string, loader: Loader): Pick<LoadedModule, "sources" | "shadows"> {
  const sources = new Map<string, Source>();
  const shadows = new Set<string>();
  const waiting = [path];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const bytes = sources.has(next) || sources.size >= MAX_SOURCES ? undefined : readFile(next);
    if (bytes === undefined) continue;
    sources.set(next, { path: next, sha256: createHash("sha256").update(bytes).digest("hex") });
    const parentURL = pathToFileURL(next).href;
    for (const [, specifier = ""] of bytes.toString("utf8").matchAll(RELATIVE_IMPORT)) {
      candidates(join(dirname(next), specifier)).forEach((candidate) => shadows.add(candidate));
      const resolved = loader.esmResolve(specifier, { parentURL, try: true });
      if (resolved?.startsWith("file:") === true) waiting.push(fileURLToPath(resolved));
    }
  }
  return { sources: [...sources.values()], shadows: [...shadows].filter((shadow) => !sources.has(shadow)) };
}

const EXTENSIONS = [".js", ".mjs", ".cjs", ".ts", ".tsx", ".mts", ".cts", ".mtsx", ".ctsx", ".json"];

/** Where an import may look: the path as written, with another extension, with one more, or a folder's index. */
function candidates(path: string): string[] {
  const stem = path.replace(/\.[cm]?[jt]sx?$/u, "");
  return [path, ...EXTENSIONS.flatMap((extension) => [stem + extension, path + extension, join(path, `index${extension}`)])];
}

function readFile(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch {
    // It does not exist or cannot be read: importing it will say so, if it is imported at all.
    return undefined;
  }
}

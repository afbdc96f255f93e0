import type { RequestListener, Server } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

import { EnactError } from "../errors.js";

/** Where the server listens when nobody says otherwise and nobody else does: links of yesterday still lead there. */
export const USUAL_PORT = 7117;

/** How often to look for a port that is free on both addresses. */
const ATTEMPTS = 20;
const CLOSE_AFTER_MS = 1000;

export interface Listening {
  readonly port: number;
  close(): Promise<void>;
}

/**
 * Listens on 127.0.0.1 and, where this machine has it, on ::1. Both or none: `localhost` may mean either, and whoever else
 * held the port on the other one would be sent the person's link.
 *
 * @throws EnactError USAGE when the port is taken or needs rights
 */
export async function listenOnLoopback(port: number | null, listener: RequestListener): Promise<Listening> {
  if (port !== null && port !== 0) return await listenOn(port, listener);
  if (port === null) {
    const usual = await listenOn(USUAL_PORT, listener).catch(ifTaken);
    if (usual !== undefined) return usual;
  }
  for (let attempt = 1; attempt < ATTEMPTS; attempt += 1) {
    const any = await listenOn(0, listener).catch(ifTaken);
    if (any !== undefined) return any;
  }
  return listenOn(0, listener);
}

function ifTaken(error: unknown): undefined {
  if (error instanceof EnactError && error.code === "USAGE") return undefined;
  throw error;
}

async function listenOn(port: number, listener: RequestListener): Promise<Listening> {
  const first = await bind("127.0.0.1", port, listener);
  const servers = [first];
  const found = (first.address() as AddressInfo).port;
  try {
    servers.push(await bind("::1", found, listener));
  } catch (error) {
    if (!hasNoAddress(error)) {
      await Promise.all(servers.map(closed));
      throw inWords(error, found);
    }
  }
  return { port: found, close: async () => void (await Promise.all(servers.map(closed))) };
}

/** @throws EnactError USAGE, or the error of the system where there is no such address */
function bind(host: string, port: number, listener: RequestListener): Promise<Server> {
  const server = createServer({ headersTimeout: 10_000, requestTimeout: 30_000, maxHeaderSize: 16 * 1024 }, listener);
  return new Promise((resolve, reject) => {
    server.once("error", (error) => reject(hasNoAddress(error) ? error : inWords(error, port)));
    server.listen({ host, port, exclusive: true }, () => resolve(server));
  });
}

/** A machine, or a container, without IPv6. */
function hasNoAddress(error: unknown): boolean {
  return ["EADDRNOTAVAIL", "EAFNOSUPPORT", "EINVAL"].includes((error as NodeJS.ErrnoException).code ?? "");
}

function inWords(error: unknown, port: number): unknown {
  if (error instanceof EnactError) return error;
  const { code } = error as NodeJS.ErrnoException;
  const hint = "Choose another one with --port, or leave it out to have any that is free.";
  if (code === "EADDRINUSE") return new EnactError("USAGE", `Port ${String(port)} is taken by another program`, { hint });
  if (code === "EACCES") return new EnactError("USAGE", `Port ${String(port)} may only be used by the administrator`, { hint });
  return error;
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const force = setTimeout(() => server.closeAllConnections(), CLOSE_AFTER_MS);
    server.close(() => {
      clearTimeout(force);
      resolve();
    });
    server.closeIdleConnections();
  });
}

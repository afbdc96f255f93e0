import { readFile } from "node:fs/promises";
import type { Socket } from "node:net";

/** Where Linux lists the connections of this machine, with their users. */
const TABLES = ["/proc/net/tcp", "/proc/net/tcp6"] as const;
const ESTABLISHED = "01";
const ROOT = 0;

/**
 * Whether the program at the other end belongs to the user whose server this is. Loopback is open to every user of the
 * machine; what lies here is this user's alone. Root may look (and could anyway), and tunnels of root's lead here too.
 *
 * True where the system does not say: then the pages rely on what each of them asks for.
 *
 * @param own the user id of this process; undefined where there are none
 */
export async function isOwnUser(socket: Pick<Socket, "remotePort" | "localPort">, own: number | undefined): Promise<boolean> {
  if (own === undefined || own === ROOT) return true;
  const user = await userAt(socket);
  return user === undefined || user === own || user === ROOT;
}

/** The user id at the other end of a loopback connection; undefined when it cannot be found out. */
export async function userAt({ remotePort, localPort }: Pick<Socket, "remotePort" | "localPort">): Promise<number | undefined> {
  if (remotePort === undefined || localPort === undefined) return undefined;
  for (const table of TABLES) {
    const user = userIn(await readFile(table, "latin1").catch(() => ""), remotePort, localPort);
    if (user !== undefined) return user;
  }
  return undefined;
}

/** In one of the kernel's tables: `12: 0100007F:9C40 0100007F:1237 01 00000000:00000000 00:00000000 00000000  1000 …`. */
export function userIn(table: string, remotePort: number, localPort: number): number | undefined {
  const [theirs, ours] = [remotePort, localPort].map((port) => `:${port.toString(16).toUpperCase().padStart(4, "0")}`) as [string, string];
  for (const line of table.split("\n")) {
    const [, local = "", remote = "", state, , , , uid] = line.trim().split(/\s+/u);
    if (state === ESTABLISHED && local.endsWith(theirs) && remote.endsWith(ours) && isLoopback(local) && isLoopback(remote)) return Number(uid);
  }
  return undefined;
}

/** In the kernel's spelling: 127.0.0.0/8, the same as an IPv6 address, and ::1. */
function isLoopback(address: string): boolean {
  return /^(?:0000000000000000FFFF0000)?[0-9A-F]{6}7F:|^00000000000000000000000001000000:/u.test(address);
}

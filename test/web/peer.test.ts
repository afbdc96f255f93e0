import { spawn } from "node:child_process";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { afterEach, describe, expect, test } from "vitest";

import { isOwnUser, userAt, userIn } from "../../src/web/peer.js";

const NOBODY = 65_534;
const isRoot = process.getuid?.() === 0;

describe.runIf(process.platform === "linux")("who is at the other end of a loopback connection", () => {
  const ending: (() => unknown)[] = [];
  afterEach(() => {
    for (const end of ending.splice(0)) end();
  });

  /** A connection to us that a program of this user has made, and holds. */
  async function connectionOf(uid: number | undefined, host = "127.0.0.1"): Promise<Socket> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, host, resolve));
    const { port } = server.address() as AddressInfo;
    const connected = new Promise<Socket>((resolve) => server.once("connection", resolve));
    const script = `require("net").connect(${String(port)}, ${JSON.stringify(host)}); setInterval(() => undefined, 1000)`;
    const child = spawn(process.execPath, ["-e", script], { stdio: "ignore", cwd: "/", ...(uid === undefined ? {} : { uid, gid: uid }) });
    const socket = await connected;
    ending.push(() => child.kill("SIGKILL"), () => socket.destroy(), () => server.close());
    return socket;
  }

  test.each(["127.0.0.1", "::1"])("this user, over %s", async (host) => {
    const socket = await connectionOf(undefined, host);
    expect(await userAt(socket)).toBe(process.getuid?.());
    expect(await isOwnUser(socket, process.getuid?.())).toBe(true);
  });

  test("another user, where we can be one for a moment: as root", async () => {
    if (!isRoot) return;
    for (const host of ["127.0.0.1", "::1"]) {
      const socket = await connectionOf(NOBODY, host);
      expect(await userAt(socket)).toBe(NOBODY);
      expect(await isOwnUser(socket, 1000)).toBe(false);
      expect(await isOwnUser(socket, NOBODY)).toBe(true);
      // Root's own server lets everybody in: the browser of a container's root is somebody else's.
      expect(await isOwnUser(socket, 0)).toBe(true);
    }
    expect(await isOwnUser(await connectionOf(undefined), 1000)).toBe(true);
  });

  test("what the system does not know is no stranger", async () => {
    expect(await userAt({ remotePort: 1, localPort: 2 })).toBeUndefined();
    expect(await isOwnUser({ remotePort: undefined, localPort: 4663 }, 1000)).toBe(true);
  });
});

test("where there are no user ids, nobody is a stranger", async () => {
  expect(await isOwnUser({ remotePort: 1, localPort: 2 }, undefined)).toBe(true);
});

describe("as the kernel writes it", () => {
  const TABLE = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1237 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 1001 1 0000000000000000 100 0 0 10 0
   1: 0100007F:9C40 0100007F:1237 06 00000000:00000000 03:00001770 00000000     0        0 0 3 0000000000000000
   2: 0100007F:1237 0100007F:9C41 01 00000000:00000000 00:00000000 00000000  1000        0 1002 1 0000000000000000 20 4 30 10 -1
   3: 0100007F:9C41 0100007F:1237 01 00000000:00000000 00:00000000 00000000  1001        0 1003 1 0000000000000000 20 4 30 10 -1
   4: 0A00000A:9C42 0A00000B:1237 01 00000000:00000000 00:00000000 00000000  1002        0 1004 1 0000000000000000 20 4 30 10 -1
   5: 00000000000000000000000001000000:9C43 00000000000000000000000001000000:1237 01 00000000:00000000 00:00000000 00000000  1003        0 1005 1
   6: 0000000000000000FFFF00000100007F:9C44 0000000000000000FFFF00000100007F:1237 01 00000000:00000000 00:00000000 00000000  1004        0 1006 1
`;

  test.each([
    ["the other end of ours, not our own", 0x9c41, 1001],
    ["over IPv6", 0x9c43, 1003],
    ["over IPv4 from a socket of IPv6", 0x9c44, 1004],
    ["one that is over, and belongs to nobody", 0x9c40, undefined],
    ["one of other machines", 0x9c42, undefined],
    ["none", 0x9c45, undefined],
  ])("%s", (_what, remotePort, user) => {
    expect(userIn(TABLE, remotePort, 0x1237)).toBe(user);
  });
});

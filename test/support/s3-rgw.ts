import { execFile, execFileSync, spawn, type ChildProcess } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdtempSync } from "node:fs";
import { appendFile, mkdir, rm, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const PROGRAMS = ["radosgw", "radosgw-admin", "ceph-mon", "ceph-osd", "ceph", "ceph-authtool", "monmaptool"];

/** How a person gets what these tests need. */
const INSTALL_LINE = "apt-get install -y --no-install-recommends radosgw ceph-mon ceph-osd ceph-common";

/** Why the tests against a real S3 server cannot run here; undefined when they can. */
export function whyNoRgw(): string | undefined {
  try {
    execFileSync("sh", ["-c", PROGRAMS.map((name) => `command -v ${name}`).join(" && ")], { stdio: "ignore" });
    return undefined;
  } catch {
    return `Ceph's RADOSGW is not installed: ${INSTALL_LINE}`;
  }
}

export interface Rgw {
  readonly endpoint: string;
  /** The bucket owner's keys. */
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  stop(): Promise<void>;
}

/**
 * Starts a whole Ceph cluster of one monitor, one store in memory and one gateway on free loopback ports, in a
 * temporary folder. The daemons run in the foreground as our children, so that exactly they are ended.
 */
export async function startRgw(): Promise<Rgw> {
  const folder = mkdtempSync(join(tmpdir(), "rgw-"));
  const children: ChildProcess[] = [];
  const endAll = (): void => {
    for (const child of children) child.kill("SIGKILL");
  };
  process.once("exit", endAll);
  const stop = async (): Promise<void> => {
    const ended = children.map((child) => new Promise((resolve) => child.once("exit", resolve)));
    const alive = ended.filter((_promise, index) => children[index]?.exitCode === null && children[index]?.signalCode === null);
    endAll();
    await Promise.all(alive);
    process.removeListener("exit", endAll);
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const port = await freePort();
    await startCluster(folder, port, children);
    await answering(`http://127.0.0.1:${port}/`);
    await run("radosgw-admin", ["-c", join(folder, "ceph.conf"), "user", "create", "--uid=test", "--display-name=test",
      `--access-key=${KEYS.accessKeyId}`, `--secret-key=${KEYS.secretAccessKey}`]);
    return { endpoint: `http://127.0.0.1:${port}`, credentials: KEYS, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

const KEYS = { accessKeyId: "testkey", secretAccessKey: "testsecret" } as const;

async function startCluster(folder: string, port: number, children: ChildProcess[]): Promise<void> {
  const monitor = await freePort();
  const [conf, keyring, monmap] = ["ceph.conf", "keyring", "monmap"].map((name) => join(folder, name)) as [string, string, string];
  const fsid = randomUUID();
  for (const name of ["mon", "osd", "run", "log"]) await mkdir(join(folder, name));
  await writeFile(conf, configuration(folder, fsid, port, monitor));
  const daemon = (program: string, ...args: string[]): void => {
    children.push(spawn(program, ["-c", conf, "-f", ...args], { stdio: "ignore" }));
  };
  await run("ceph-authtool", ["--create-keyring", keyring, "--gen-key", "-n", "mon.", "--cap", "mon", "allow *"]);
  for (const name of ["client.admin", "client.rgw"]) {
    await run("ceph-authtool", [keyring, "--gen-key", "-n", name, "--cap", "mon", "allow *", "--cap", "osd", "allow *", "--cap", "mgr", "allow *"]);
  }
  await run("monmaptool", ["--create", "--fsid", fsid, "--addv", "a", `[v1:127.0.0.1:${monitor}]`, monmap]);
  await run("ceph-mon", ["-c", conf, "--mkfs", "-i", "a", "--monmap", monmap, "--keyring", keyring]);
  daemon("ceph-mon", "-i", "a", "--public-addr", `127.0.0.1:${monitor}`);
  await startStore(folder, conf, daemon);
  daemon("radosgw", "-n", "client.rgw", "--no-mon-config");
}

async function startStore(folder: string, conf: string, daemon: (program: string, ...args: string[]) => void): Promise<void> {
  const uuid = randomUUID();
  const { stdout } = await run("ceph-authtool", ["--gen-print-key"]);
  const secret = stdout.trim();
  const asking = run("ceph", ["-c", conf, "--connect-timeout", "20", "osd", "new", uuid, "0", "-i", "-"]);
  asking.child.stdin?.end(JSON.stringify({ cephx_secret: secret }));
  await asking;
  await appendFile(join(folder, "osd", "keyring"), `[osd.0]\nkey = ${secret}\ncaps mon = "allow profile osd"\ncaps osd = "allow *"\n`);
  await run("ceph-osd", ["-c", conf, "-i", "0", "--mkfs", "--key", secret, "--osd-uuid", uuid]);
  daemon("ceph-osd", "-i", "0", "--keyring", join(folder, "osd", "keyring"));
}

function configuration(folder: string, fsid: string, port: number, monitor: number): string {
  return `[global]
fsid = ${fsid}
mon_initial_members = a
mon_host = v1:127.0.0.1:${monitor}
public_addr = 127.0.0.1
auth_cluster_required = cephx
auth_service_required = cephx
auth_client_required = cephx
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 1
osd_pool_default_pgp_num = 1
osd_pool_default_pg_autoscale_mode = off
mon_allow_pool_size_one = true
mon_max_pg_per_osd = 1000
mon_warn_on_pool_no_redundancy = false
ms_bind_msgr2 = false
ms_bind_msgr1 = true
osd_crush_chooseleaf_type = 0
run_dir = ${folder}/run
log_file = ${folder}/log/$name.log
admin_socket = ${folder}/run/$name.asok
pid_file = ${folder}/run/$name.pid
keyring = ${folder}/keyring
mon_data = ${folder}/mon
mon_data_avail_crit = 1
paxos_propose_interval = 0.02
paxos_min_wait = 0.01
mon_osd_min_up_ratio = 0
auth_allow_insecure_global_id_reclaim = false
osd_data = ${folder}/osd
osd_objectstore = memstore
memstore_device_bytes = 536870912
osd_class_load_list = *
osd_class_default_list = *
rgw_frontends = beast endpoint=127.0.0.1:${port} tcp_nodelay=1
rgw_enable_ops_log = false
rgw_enable_usage_log = false
rgw_dns_name = localhost
rgw_thread_pool_size = 16
rgw_gc_max_objs = 4
rgw_lc_max_objs = 4
rgw_usage_max_shards = 1
rgw_reshard_num_logs = 1
rgw_sync_log_trim_interval = 0
rgw_run_sync_thread = false
`;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return port;
}

async function answering(url: string): Promise<void> {
  for (let attempt = 0; attempt < 300; attempt += 1) {
    const response = await fetch(url, { signal: AbortSignal.timeout(1000) }).catch(() => undefined);
    await response?.body?.cancel();
    if (response !== undefined) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error("RADOSGW did not answer within 30 s");
}

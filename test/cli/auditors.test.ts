import { execFile } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { openKeys } from "../../src/receipts/keys.js";
import { openSqliteLedger } from "../../src/stores/sqlite.js";
import { recordRun } from "../support/ledger-sandbox.js";
import { MAIN } from "../support/mcp-client.js";

const page = readFileSync(fileURLToPath(new URL("../../docs/auditors.md", import.meta.url)), "utf8");

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "enact-auditors-"));
  mkdirSync(join(root, "project"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** The built program, as a person starts it. */
function enactGuard(args: readonly string[], cwd = join(root, "project"), home = join(root, "home")): Promise<Ran> {
  return new Promise((resolve) => {
    execFile(process.execPath, [MAIN, ...args], { cwd, env: { PATH: process.env["PATH"] ?? "", HOME: root, ENACT_HOME: home }, maxBuffer: 64 * 1024 * 1024 }, (error, out, err) => {
      resolve({ code: typeof error?.code === "number" ? error.code : error === null ? 0 : -1, out, err });
    });
  });
}

async function fill(runs: number): Promise<void> {
  const place = { project: join(root, "project"), enactHome: join(root, "home") };
  const ledger = openSqliteLedger({ ...place, keys: openKeys({ ...place, signing: "ed25519" }) });
  for (let index = 0; index < runs; index += 1) await recordRun(ledger);
  await ledger.close();
}

describe("the page for auditors", () => {
  test("shows commands that do what it says, one after the other", async () => {
    await fill(3);
    const project = join(root, "project");
    const commands = [...page.matchAll(/^```sh\n([^]*?)^```$/gmu)].flatMap(([, block = ""]) => block.trim().split("\n"));
    expect(commands.length).toBeGreaterThanOrEqual(10);
    for (const command of commands) {
      const [npx, name, ...args] = command.replace(/ +#.*$/u, "").split(" ");
      expect([npx, name]).toEqual(["npx", "enact-guard"]);
      if (args.includes("the-key-you-were-given.pub")) copyFileSync(join(root, "home", "keys", "ed25519.pub"), join(project, "the-key-you-were-given.pub"));
      if (args.includes("kept-in-march.txt")) copyFileSync(join(project, "audit", "checkpoint.txt"), join(project, "kept-in-march.txt"));
      const { code, out, err } = await enactGuard(args);
      expect({ command, code, err: err.replace(/^✓.*|^Keep.*|^Whoever.*|^Key for.*|\n/gmu, "") }).toEqual({ command, code: 0, err: "" });
      expect(out).toContain("✓");
    }
  });

  test("names only files that a bundle holds, and all of them", async () => {
    await fill(1);
    await enactGuard(["export", "--bundle", "audit"]);
    const files = readdirSync(join(root, "project", "audit")).filter((name) => !/\.pub$|^README\.txt$|^bundle\.json$/u.test(name));
    for (const name of files) expect(page).toContain(`\`${name}\``);
  });
});

describe("the built program", () => {
  test("exports what is verified elsewhere, by somebody who has nothing but the files", async () => {
    await fill(2);
    const exported = await enactGuard(["export"]);
    expect([exported.code, exported.out.split("\n").length, exported.err]).toEqual([0, 5, "✓ 4 receipts exported, and the ledger verifies\n"]);
    expect(await enactGuard(["export", "--bundle", join(root, "audit")])).toMatchObject({ code: 0 });
    const elsewhere = join(root, "elsewhere");
    mkdirSync(elsewhere);
    expect(await enactGuard(["verify", "--export", join(root, "audit")], elsewhere, join(root, "nobody"))).toMatchObject({ code: 0, err: "" });
    expect([existsSync(join(root, "nobody")), readdirSync(elsewhere)]).toEqual([false, []]);
    expect(await enactGuard(["verify", "--export", join(root, "audit"), "--json"], elsewhere, join(root, "nobody"))).toMatchObject({ code: 0, out: expect.stringContaining('"entries": 4') as string });
    expect(await enactGuard(["verify", "--from", "3"])).toMatchObject({ code: 2, err: expect.stringContaining("it belongs to --export FILE") as string });
    expect(await enactGuard(["checkpoint", "--prove", "99"])).toMatchObject({ code: 2, err: expect.stringContaining("There is no receipt '99'") as string });
  });
});

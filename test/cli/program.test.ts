import { describe, expect, test } from "vitest";

import type { Commands } from "../../src/cli/program.js";
import { runProgram } from "../../src/cli/program.js";
import { EnactError } from "../../src/errors.js";
import { capturedIo } from "../support/cli-io.js";

async function run(argv: readonly string[], parts: { terminal?: boolean; fail?: unknown } = {}) {
  const io = capturedIo();
  const called: [string, unknown][] = [];
  const command = (name: string) => async (args: unknown) => {
    called.push([name, args]);
    if (parts.fail !== undefined) throw parts.fail;
    return name === "check" ? 1 : 0;
  };
  const names = ["serve", "demo", "init", "check", "receipts", "verify", "export", "checkpoint", "ui", "approve", "approvals", "approvers", "doctor"] as const;
  const commands = Object.fromEntries(names.map((name) => [name, command(name)])) as unknown as Commands;
  const code = await runProgram({ argv, io, commands, version: "1.2.3", stdinIsTerminal: parts.terminal ?? true });
  return { code, called, out: io.out(), err: io.err() };
}

describe("without a command", () => {
  test("serves when a client is at the other end", async () => {
    expect((await run([], { terminal: false })).called).toEqual([["serve", {}]]);
    expect((await run(["--project", "/p"], { terminal: false })).called).toEqual([["serve", { project: "/p" }]]);
  });

  test("shows help to a person", async () => {
    const { code, called, out } = await run([]);
    expect({ code, called }).toEqual({ code: 0, called: [] });
    for (const name of ["serve", "demo", "init", "check", "receipts", "verify", "export", "checkpoint", "ui", "doctor"]) expect(out).toMatch(new RegExp(`^ {2}${name}\\b`, "mu"));
  });
});

describe("flags and operands", () => {
  test.each([
    [["serve", "--project", "/p", "--config", "c.yaml"], "serve", { project: "/p", config: "c.yaml" }],
    [["--project", "/p", "serve"], "serve", { project: "/p" }],
    [["demo", "--json"], "demo", { json: true }],
    [["init"], "init", { json: false, force: false }],
    [["check", "git_push", "branch=main", "source=-x", "force=true", "--json"], "check", { tool: "git_push", pairs: ["branch=main", "source=-x", "force=true"], json: true }],
    [["check", "sql_query", "sql=SELECT 1 -- no flag", "--project=/p"], "check", { tool: "sql_query", pairs: ["sql=SELECT 1 -- no flag"], json: false, project: "/p" }],
    [["check", "enact"], "check", { tool: "enact", pairs: [], json: false }],
    [["receipts"], "receipts", { json: false }],
    [["receipts", "abc", "--decision", "BLOCK", "--workflow", "git_push", "--limit", "5"], "receipts", { runId: "abc", decision: "BLOCK", workflow: "git_push", limit: 5, json: false }],
    [["verify", "--json"], "verify", { json: true }],
    [["ui"], "ui", { open: false, json: false }],
    [["ui", "--port", "8080", "--open", "--json", "--project", "/p"], "ui", { port: 8080, open: true, json: true, project: "/p" }],
    [["approve", "3f2a9c1b"], "approve", { id: "3f2a9c1b", deny: false }],
    [["approve", "3f2a9c1b", "--deny", "--reason", "Not now", "--as", "ann@example.com"], "approve", { id: "3f2a9c1b", deny: true, reason: "Not now", as: "ann@example.com" }],
    [["approvals", "--watch", "--all", "--json", "--project", "/p"], "approvals", { watch: true, all: true, json: true, project: "/p" }],
    [["approvals", "3f2a"], "approvals", { id: "3f2a", watch: false, all: false, json: false }],
    [["approvers"], "approvers", { passkey: false, json: false }],
    [["approvers", "add", "ann@example.com", "--passkey"], "approvers", { action: "add", name: "ann@example.com", passkey: true }],
    [["verify", "--checkpoint", "a", "--checkpoint", "b", "--public-key", "k"], "verify", { checkpoint: ["a", "b"], publicKey: ["k"], acceptLoss: false, json: false }],
    [["verify", "--export", "log.jsonl", "--from", "5"], "verify", { export: "log.jsonl", from: 5 }],
    [["verify", "--proof", "p"], "verify", { proof: "p" }],
    [["export"], "export", { json: false }],
    [["export", "--from", "12", "--out", "o", "--verifier", "v.html", "--json"], "export", { from: 12, out: "o", verifier: "v.html", json: true }],
    [["export", "--bundle", "dir", "--project=/p"], "export", { bundle: "dir", project: "/p" }],
    [["checkpoint", "--out", "c.txt"], "checkpoint", { out: "c.txt", json: false }],
    [["checkpoint", "--prove", "7"], "checkpoint", { prove: "7" }],
    [["checkpoint", "--since", "c.txt", "--public-key", "a", "--public-key", "b"], "checkpoint", { since: "c.txt", publicKey: ["a", "b"] }],
    [["doctor", "--project", "/p"], "doctor", { json: false, project: "/p" }],
  ])("%j", async (argv, name, args) => {
    const { called, err } = await run(argv);
    expect(err).toBe("");
    expect(called).toEqual([[name, expect.objectContaining(args)]]);
  });

  test("the exit code is the command's", async () => {
    expect((await run(["check", "git_push"])).code).toBe(1);
  });

  test("--version", async () => {
    expect(await run(["--version"])).toMatchObject({ code: 0, out: "1.2.3\n", called: [] });
  });

  test.each([["--help"], ["check", "--help"], ["help", "verify"]])("%j is done and runs nothing", async (...argv) => {
    const { code, called, out } = await run(argv);
    expect({ code, called }).toEqual({ code: 0, called: [] });
    expect(out).toContain("Usage: enact-guard");
  });
});

describe("what does not exist", () => {
  test.each([
    [["verfy"], "verify"],
    [["sreve"], "serve"],
    [["doctor", "--jsn"], "--json"],
    [["--projct", "/p", "serve"], "--project"],
  ])("%j exits 2 and names the nearest", async (argv, near) => {
    const { code, called, err } = await run(argv, { terminal: false });
    expect({ code, called }).toEqual({ code: 2, called: [] });
    expect(err).toContain(near);
  });

  test.each([
    [["florb"], "The commands are: serve, demo"],
    [["serve", "extra"], "too many arguments"],
    [["serve", "--project"], "argument missing"],
    [["receipts", "--limit", "many"], "whole number"],
    [["receipts", "--limit", "0"], "whole number"],
    [["export", "--from", "0"], "--from wants the number of a receipt"],
    [["export", "--from", "1e3"], "--from wants the number of a receipt"],
    [["verify", "--from", "x"], "--from wants the number of a receipt"],
    [["checkpoint", "extra"], "too many arguments"],
    [["serve", "--http", "80"], "unknown option"],
    [["undo", "x"], "no command 'undo'"],
  ])("%j exits 2 and says why", async (argv, words) => {
    const { code, called, err } = await run(argv);
    expect({ code, called }).toEqual({ code: 2, called: [] });
    expect(err).toContain(words);
  });
});

describe("what goes wrong in a command", () => {
  test.each([
    ["CONFIG_INVALID", 2],
    ["USAGE", 2],
    ["SELF_TEST_FAILED", 2],
    ["NOT_INSTALLED", 2],
    ["TAMPERED", 1],
    ["LEDGER_UNAVAILABLE", 3],
    ["KEY_UNUSABLE", 3],
    ["INTERNAL", 3],
  ] as const)("%s exits %i with message and hint", async (errorCode, exit) => {
    const { code, err } = await run(["verify"], { fail: new EnactError(errorCode, "what is wrong", { hint: "What to do." }) });
    expect({ code, err }).toEqual({ code: exit, err: "enact-guard: what is wrong\nWhat to do.\n" });
  });

  test("a defect exits 3 and shows where, not what: its message may hold a secret", async () => {
    const { code, err } = await run(["verify"], { fail: new TypeError("postgres://app:hunter22@db") });
    expect(code).toBe(3);
    expect(err).toContain("TypeError");
    expect(err).toContain("program.test.ts");
    expect(err).not.toContain("hunter22");
  });

  test.each([null, undefined, "text"])("even %j thrown is an exit code", async (fail) => {
    expect((await run(["verify"], { fail: fail ?? null })).code).toBe(3);
  });
});

import { cpSync, existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, expect, it } from "vitest";

import { connectFirst, ROOT } from "../support/mcp-client.js";

let project: string;

beforeEach(() => {
  project = realpathSync(mkdtempSync(join(tmpdir(), "enact-own-program-")));
});

afterEach(() => rmSync(project, { recursive: true, force: true }));

it("a guard that is installed in the project cannot be rewritten or removed through its own tools", async () => {
  const installed = join(project, "node_modules/enact-guard");
  mkdirSync(installed, { recursive: true });
  for (const name of ["dist", "package.json"]) cpSync(join(ROOT, name), join(installed, name), { recursive: true });
  mkdirSync(join(project, "node_modules/other"));
  writeFileSync(
    join(project, "enact.yaml"),
    "identity: { user_email: a@company.example, actor_role: engineer }\nsystems: { filesystem: { root: . } }\ntools: [file_write, file_delete]\npolicies: [code_freeze_active]\n",
  );
  // Its dependencies are those of this checkout.
  const env = { PATH: process.env["PATH"] ?? "", HOME: project, ENACT_HOME: `${project}-keys`, NODE_PATH: join(ROOT, "node_modules") };
  cpSync(join(ROOT, "node_modules/@photostructure"), join(project, "node_modules/@photostructure"), { recursive: true, dereference: true });
  cpSync(join(ROOT, "node_modules/node-gyp-build"), join(project, "node_modules/node-gyp-build"), { recursive: true });
  const agent = await connectFirst({ args: [join(installed, "dist/main.js"), "serve"], cwd: project, env });
  try {
    for (const [tool, args] of [
      ["file_write", { path: "node_modules/enact-guard/dist/main.js", content: "" }],
      ["file_delete", { path: "node_modules/enact-guard", recursive: true }],
      ["file_delete", { path: "node_modules", recursive: true }],
    ] as const) {
      const answer = await agent.call(tool, args);
      expect(answer.structuredContent?.receipt?.decision).toBe("BLOCK");
      expect(answer.content[0]?.text).toContain("one of the guard's own files");
    }
    expect((await agent.call("file_delete", { path: "node_modules/other", recursive: true })).isError ?? false).toBe(false);
    expect(existsSync(join(installed, "dist/main.js"))).toBe(true);
  } finally {
    await agent.close();
    rmSync(`${project}-keys`, { recursive: true, force: true });
  }
});

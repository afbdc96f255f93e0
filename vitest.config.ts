import { defineConfig } from "vitest/config";

// CI reads the counts from a file: the tests' own output is for people.
const report = process.env["ENACT_TEST_REPORT"];

/** Tests that drive a real browser: one after the other, when all others are done, because each keeps several cores busy. */
const BROWSER = [
  "test/web/{browser,looks,hostile}.test.ts",
  "test/web/approvals/{browser,end-to-end}.test.ts",
  "test/verifier/**/*.test.ts",
  "test/cli/ui.test.ts",
];

export default defineConfig({
  test: {
    projects: [
      { extends: true, test: { name: "core", include: ["test/**/*.test.ts"], exclude: BROWSER } },
      { extends: true, test: { name: "browser", include: BROWSER, maxWorkers: 1, testTimeout: 60_000, sequence: { groupOrder: 1 } } },
    ],
    globalSetup: ["test/support/global-setup.ts"],
    pool: "forks",
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // On a machine that is busy with the other files, a second is nothing.
    expect: { poll: { timeout: 15_000 } },
    // A test that leaves the clock, environment or a spy changed would make its neighbours lie.
    restoreMocks: true,
    unstubEnvs: true,
    reporters: report === undefined ? ["default"] : ["default", "json"],
    ...(report === undefined ? {} : { outputFile: { json: report } }),
  },
});

import { defineConfig } from "vitest/config";

// CI reads the counts from a file: the tests' own output is for people.
const report = process.env["ENACT_TEST_REPORT"];

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: ["test/support/global-setup.ts"],
    pool: "forks",
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // A test that leaves the clock, environment or a spy changed would make its neighbours lie.
    restoreMocks: true,
    unstubEnvs: true,
    reporters: report === undefined ? ["default"] : ["default", "json"],
    ...(report === undefined ? {} : { outputFile: { json: report } }),
  },
});

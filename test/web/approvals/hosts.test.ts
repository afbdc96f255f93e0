import { describe, expect, test } from "vitest";

import { refusalOf } from "../../../src/web/http-checks.js";

const PORT = 4663;
const ask = (method: string, target: string, headers: Record<string, string>) => refusalOf({ method, target, headers }, PORT, ["/approve"])?.status;

describe("a page that links of mails lead to", () => {
  test("answers under any name, directly and through a proxy", () => {
    expect(ask("GET", "/approve/token", { host: "approve.example.com" })).toBeUndefined();
    expect(ask("HEAD", "/approve/token", { host: "approve.example.com", "x-forwarded-for": "203.0.113.9" })).toBeUndefined();
    expect(ask("POST", "/approve/token", { host: "localhost:4663", origin: "https://approve.example.com", "sec-fetch-site": "same-origin" })).toBeUndefined();
    expect(ask("GET", "/approve/approvals.css", { host: "approve.example.com" })).toBeUndefined();
  });

  test("takes no form of another site", () => {
    expect(ask("POST", "/approve/token", { host: "approve.example.com", "sec-fetch-site": "cross-site" })).toBe(403);
    expect(ask("POST", "/approve/token", { host: "approve.example.com", "sec-fetch-site": "same-site" })).toBe(403);
  });
});

test.each([
  "/approvals", "/approvals/0123456789abcdef0123456789abcdef", "/approvals/list", "/approvals/register/begin", "/", "/approve", "/approve/",
  "/approve/../approvals", "/approve/..%2fapprovals", "/approve/%2e%2e/approvals", "/approve/.%2e/approvals", "/approve/x/../../approvals",
  "/approve/./x", "/approve//approvals", "/approve/..;/approvals", "/approve/x?a=/../", "/approve\\..\\approvals", "/approved/x", "//approve/x",
])("nothing else does: %s", (target) => {
  expect(ask("GET", target, { host: "approve.example.com" })).toBeGreaterThanOrEqual(400);
  expect(ask("GET", target, { host: "localhost:4663", "x-forwarded-for": "203.0.113.9" })).toBeGreaterThanOrEqual(400);
});

test.each(["forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip"])("what came through a proxy (%s) sees no page of this machine", (header) => {
  expect(ask("GET", "/approvals", { host: "localhost:4663", [header]: "x" })).toBe(421);
  expect(ask("GET", "/approvals", { host: "localhost:4663" })).toBeUndefined();
});

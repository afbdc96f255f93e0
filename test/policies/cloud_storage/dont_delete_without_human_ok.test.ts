import { expect, test } from "vitest";

import { dontDeleteWithoutHumanOkPolicy } from "../../../src/policies/cloud_storage/dont_delete_without_human_ok.js";
import { policyMeta } from "../../../src/policies/policy.js";
import { testPolicy } from "../../support/policy-examples.js";

testPolicy(dontDeleteWithoutHumanOkPolicy);

test("it judges the tool of its own storage, and knows no other", () => {
  expect(policyMeta(dontDeleteWithoutHumanOkPolicy.create({ system: "s3" }))?.workflows).toEqual(["s3_delete"]);
  expect(policyMeta(dontDeleteWithoutHumanOkPolicy.create({ system: "gdrive" }))?.workflows).toEqual(["gdrive_delete"]);
  for (const options of [{}, { system: "azure" }, undefined]) {
    expect(() => dontDeleteWithoutHumanOkPolicy.create(options)).toThrow(/system/);
  }
});

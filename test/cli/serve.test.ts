import { expect, test } from "vitest";

import { serveCommand } from "../../src/cli/serve.js";
import { capturedIo } from "../support/cli-io.js";
import { smallProject } from "../support/small-project.js";

test("serves once the guard has proved that its policies block, and says the notices", async () => {
  const io = capturedIo();
  const project = smallProject({ notices: ["no enact.yaml: the default applies"] });
  const served: unknown[] = [];
  const code = await serveCommand(io, async () => project, async (opened) => void served.push(opened));
  expect({ code, served, err: io.err(), out: io.out() }).toEqual({
    code: 0,
    served: [project],
    err: "enact-guard: no enact.yaml: the default applies\n",
    out: "",
  });
});

test("serves nothing when a policy lets its known-bad call pass", async () => {
  const io = capturedIo();
  const project = smallProject();
  project.guard.selfTestFailures = ["dont_delete_row lets a call pass that it must block."];
  let served = false;
  const serving = serveCommand(io, async () => project, async () => void (served = true));
  await expect(serving).rejects.toMatchObject({
    code: "SELF_TEST_FAILED",
    message: expect.stringContaining("  - dont_delete_row lets a call pass") as unknown,
  });
  expect({ served, closed: project.closed, out: io.out() }).toEqual({ served: false, closed: true, out: "" });
});

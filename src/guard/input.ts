import type { z } from "zod";

import { EnactError } from "../errors.js";
import { plainJson } from "../facts/json.js";
import type { ToolInfo } from "../tools/tool.js";
import { plainText } from "./text.js";

/**
 * The arguments of a call as the tool's strict schema reads them, frozen against later changes by the caller.
 *
 * @throws EnactError INVALID_INPUT that names every argument that is wrong; nothing has been looked at
 */
export function parseInput(tool: Pick<ToolInfo, "name" | "input">, input: unknown): unknown {
  const parsed = tool.input.safeParse(copied(input));
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.slice(0, 5).map((issue) => problem(issue));
  const takes = Object.keys(tool.input.shape).join(", ");
  throw new EnactError("INVALID_INPUT", `${problems.join("; ")}. ${tool.name} takes: ${takes}.`);
}

function copied(input: unknown): unknown {
  try {
    return plainJson(input ?? {}, "arguments");
  } catch (error) {
    const found = error instanceof TypeError ? error.message : "the arguments are not plain JSON";
    throw new EnactError("INVALID_INPUT", plainText(found, 300), { cause: error });
  }
}

function problem(issue: z.core.$ZodIssue): string {
  const where = issue.path.map(String).join(".");
  if (issue.code === "unrecognized_keys") {
    return `unknown argument ${issue.keys.map((key) => `'${plainText(key, 60)}'`).join(", ")}`;
  }
  return plainText(`${where === "" ? "arguments" : `'${where}'`}: ${issue.message}`, 300);
}

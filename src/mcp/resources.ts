import type { ListResourcesResult, ListResourceTemplatesResult, ReadResourceResult } from "@modelcontextprotocol/server";
import { ProtocolError, ProtocolErrorCode, ResourceNotFoundError } from "@modelcontextprotocol/server";

import { isEnactError } from "../errors.js";
import type { Guard } from "../guard/guard.js";
import { plainText } from "../guard/text.js";

const PREFIX = "enact://receipts/";
const NEWEST = 50;

export const RECEIPT_TEMPLATES: ListResourceTemplatesResult = {
  resourceTemplates: [
    {
      uriTemplate: `${PREFIX}{run_id}`,
      name: "receipt",
      title: "Receipt of a call",
      description: "All signed entries of one run: what was decided, on which facts, and what was done.",
      mimeType: "application/json",
    },
  ],
};

/** The newest runs, each once. */
export async function listReceipts(guard: Guard): Promise<ListResourcesResult> {
  const entries = await readable(() => guard.receipts({ limit: NEWEST, newest: true }));
  const newestOfRun = new Map(entries.toReversed().map((entry) => [entry.run_id, entry]));
  const runs = [...newestOfRun.values()].toSorted((a, b) => b.sequence - a.sequence);
  return {
    resources: runs.map(({ run_id, workflow, decision, timestamp }) => ({
      uri: PREFIX + run_id,
      name: `${decision} ${plainText(workflow, 100)}`,
      description: timestamp,
      mimeType: "application/json",
    })),
  };
}

/** All entries of one run, oldest first, as a JSON list. */
export async function readReceipt(guard: Guard, uri: string): Promise<ReadResourceResult> {
  const runId = uri.startsWith(PREFIX) ? uri.slice(PREFIX.length) : "";
  const entries = runId === "" ? [] : await readable(() => guard.receipts({ run_id: runId }));
  if (entries.length === 0) throw new ResourceNotFoundError(uri, `There is no receipt ${plainText(uri, 200)}.`);
  return { contents: [{ uri, mimeType: "application/json", text: JSON.stringify(entries, null, 2) }] };
}

async function readable<Value>(read: () => Promise<Value>): Promise<Value> {
  try {
    return await read();
  } catch (error) {
    const why = isEnactError(error) ? error.message : "The receipts cannot be read.";
    throw new ProtocolError(ProtocolErrorCode.InternalError, why);
  }
}

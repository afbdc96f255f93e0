import { z } from "zod";

import type { SecretFact } from "../../facts/secrets.js";
import { definePolicy } from "../policy.js";

const options = z.strictObject({});
type Options = z.infer<typeof options>;

/** More are counted, not listed. */
const MOST_NAMED = 5;

/**
 * Judges everything that carries text out. Injected text in issues has made agents post tokens in public comments (April
 * 2026). What the detector cannot see (encoded, split) it cannot stop.
 */
export const dontSendSecretsPolicy = definePolicy<Options>({
  id: "dont_send_secrets",
  category: "access",
  workflows: ["crm_create_contact", "crm_create_task", "email_send", "slack_post"],
  reads: ["secrets"],
  options,
  description: "Blocks when what would be sent holds a key, token, password or private key: messages, mails with their attachments, CRM entries.",
  hint: "Take the secret out and say where it is kept instead, such as the name of the variable or of the vault's entry.",
  examples: [
    { title: "a message without secrets", passes: true, workflow: "slack_post", payload: { secrets: [] } },
    { title: "a message with a token in it", passes: false, workflow: "slack_post", payload: { secrets: [{ kind: "github_token", where: "text" }] } },
    {
      title: "a mail with a key in its attachment",
      passes: false,
      workflow: "email_send",
      payload: { secrets: [{ kind: "private_key", where: "attachment deploy.txt" }] },
    },
  ],
  judge: ({ payload }) => {
    const secrets = payload["secrets"] as readonly SecretFact[];
    if (!Array.isArray(secrets)) throw new TypeError("the fact 'secrets' is malformed");
    const nothingSecret = secrets.length === 0;
    if (nothingSecret) return { passed: true, reason: "No secrets found in what would be sent" };
    const named = secrets.slice(0, MOST_NAMED).map(({ kind, where }) => `${kind.replaceAll("_", " ")} in ${where}`);
    const more = secrets.length > MOST_NAMED ? ` and ${secrets.length - MOST_NAMED} more` : "";
    return { passed: false, reason: `What would be sent holds secrets: ${named.join(", ")}${more}`, instead: { secrets: [] } };
  },
});

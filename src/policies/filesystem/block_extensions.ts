import { z } from "zod";

import { hasExtension, plainName } from "../../facts/file.js";
import { ATTACHING_WORKFLOW, FILE_WORKFLOWS, judgeFiles, type JudgedFile } from "../file-facts.js";
import { definePolicy, type Verdict } from "../policy.js";

const options = z.strictObject({
  /** Each with its dot: ".env", ".key", ".tar.gz". */
  extensions: z.array(z.string().regex(/^\.[^/\\*?\s]+$/u, "must begin with a dot, such as .env or .pem")).min(1, "must name at least one extension"),
});

type Options = z.infer<typeof options>;

const SECRETS = { extensions: [".env", ".key", ".pem"] };

/** Keeps the tools away from files by what they are called, as far as a name tells: see hasExtension. */
export const blockExtensionsPolicy = definePolicy<Options>({
  id: "block_extensions",
  category: "filesystem",
  workflows: [...FILE_WORKFLOWS, ATTACHING_WORKFLOW],
  judgesPartOf: [ATTACHING_WORKFLOW],
  reads: [],
  options,
  description:
    "Blocks when the name of a file has one of these extensions, in any case and with what copies and variants add " +
    "(.env.local, config.env.bak): its own name, that of a link and of what it leads to, and of every file below a folder.",
  hint: "Choose a file without these extensions, or ask the person to do this.",
  examples: [
    example("an environment file", false, "file_read", "config/.env", [".env"]),
    example("a variant of it", false, "file_read", ".env.local", [".env.local"]),
    example("a copy of it", false, "file_delete", "config.env.bak", [".env.bak"]),
    example("a folder with a key somewhere in it", false, "file_delete", "certs", [".key", ".txt"]),
    example("a key as an attachment", false, "email_send", "certs/server.pem", [".pem"]),
    example("the template of an environment file", true, "file_read", ".env.example", [".env.example"]),
    example("direnv's file, which only begins alike", true, "file_read", ".envrc", [".envrc"]),
    example("source code about keys", true, "file_write", "src/public.key.ts", [".key.ts"]),
    example("a file without an extension", true, "file_write", "Makefile", []),
  ],
  knownBad: ({ extensions }) => ({ workflow: "file_read", payload: facts(`secret${extensions[0] ?? ""}`, [plainName(extensions[0] ?? "")]) }),
  judge: (context, { extensions }) =>
    judgeFiles(context, "extensions", (file) => judgeFile(file, extensions, context.workflow !== ATTACHING_WORKFLOW)),
});

function judgeFile(file: JudgedFile, listed: readonly string[], isWholePayload: boolean): Verdict {
  const blocked = (extension: string) => listed.find((one) => hasExtension(extension, plainName(one)));
  const found = (file.extensions ?? []).find((extension) => blocked(extension) !== undefined);
  if (found === undefined) return { passed: true, reason: `'${file.path}' has none of the blocked extensions` };
  const reason = `'${file.path}' is, leads to or holds a file named '…${found}', and ${blocked(found) ?? ""} files are blocked`;
  const hasTemplate = found.startsWith(".env") && blocked(".env.example") === undefined;
  if (!isWholePayload) return { passed: false, reason };
  if (!hasTemplate) return { passed: false, reason, instead: { extensions: [] } };
  const hint = "Work with the template, such as .env.example, or ask the person to do this.";
  return { passed: false, reason, hint, instead: { extensions: [".env.example"] } };
}

function example(title: string, passes: boolean, workflow: string, path: string, extensions: readonly string[]) {
  const file = facts(path, extensions);
  return { title, passes, options: SECRETS, workflow, payload: workflow === ATTACHING_WORKFLOW ? { attachments: [file] } : file };
}

function facts(path: string, extensions: readonly string[]) {
  return { path, real_path: `/project/${path}`, extensions };
}

import type { FileRelation } from "../facts/file.js";
import type { Verdict, WorkflowContext } from "./policy.js";

/** Tools that work on one file or folder; its facts are the payload. */
export const FILE_WORKFLOWS: readonly string[] = ["file_delete", "file_read", "file_write"];

/** The tool that reads files to send them; their facts are `payload.attachments`. */
export const ATTACHING_WORKFLOW = "email_send";

/** One file of a call, as far as it is known. What a policy needs and does not find must block. */
export interface JudgedFile {
  readonly path: string;
  readonly real_path: string;
  readonly extensions?: readonly string[];
  readonly policy_paths?: Readonly<Record<string, PolicyPath>>;
}

export interface PolicyPath {
  readonly real_path: string;
  readonly exists: boolean;
  readonly relation: FileRelation;
}

/**
 * Judges every file that a call is about, the attachments of a mail included, and passes only if each does.
 *
 * @param fact what `judgeFile` reads of each file beside its path; missing, it blocks
 */
export function judgeFiles(
  context: WorkflowContext,
  fact: "extensions" | "policy_paths",
  judgeFile: (file: JudgedFile) => Verdict,
): Verdict {
  const files = context.workflow === ATTACHING_WORKFLOW ? context.payload["attachments"] : [context.payload];
  if (!Array.isArray(files)) return { passed: false, reason: "Cannot be judged: the fact 'attachments' is missing" };
  const verdicts = files.map((file: unknown) => (isJudgeable(file, fact) ? judgeFile(file) : withoutFact(fact)));
  return verdicts.find((verdict) => !verdict.passed) ?? verdicts[0] ?? { passed: true, reason: "No file is attached" };
}

function withoutFact(fact: string): Verdict {
  return { passed: false, reason: `Cannot be judged: the fact 'path', 'real_path' or '${fact}' of a file is missing` };
}

function isJudgeable(file: unknown, fact: "extensions" | "policy_paths"): file is JudgedFile {
  if (typeof file !== "object" || file === null) return false;
  const { path, real_path, [fact]: value } = file as Record<string, unknown>;
  if (typeof path !== "string" || typeof real_path !== "string") return false;
  if (fact === "extensions") return Array.isArray(value) && value.every((extension) => typeof extension === "string");
  return typeof value === "object" && value !== null;
}

/** Where a policy's own path leads now; undefined when nobody looked, which must block. */
export function policyPathOf(file: JudgedFile, given: string): PolicyPath | undefined {
  const paths = file.policy_paths ?? {};
  const found = Object.hasOwn(paths, given) ? paths[given] : undefined;
  const isWhole = typeof found?.real_path === "string" && typeof found.exists === "boolean" && typeof found.relation === "string";
  return isWhole ? found : undefined;
}

export function notLookedUp(given: string): Verdict {
  return { passed: false, reason: `Cannot be judged: nobody found out where '${given}' leads` };
}

/** True when the file is the policy's path or lies below it. */
export function isAtOrBelow(file: JudgedFile, path: PolicyPath): boolean {
  if (path.relation === "same" || path.relation === "inside") return true;
  // Nothing is there yet, so there is no identity to compare; on many systems another spelling will be the same place.
  return !path.exists && isBelow(folded(file.real_path), folded(path.real_path));
}

function isBelow(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith("/") ? folder : `${folder}/`);
}

function folded(path: string): string {
  return path.normalize("NFKC").toLowerCase();
}


/** Facts of a file that lies so to a policy's path; for examples and known-bad calls. */
export function exampleFile(path: string, policyPaths: Readonly<Record<string, FileRelation>>): Readonly<Record<string, unknown>> {
  const root = "/project";
  const policy_paths = Object.fromEntries(
    Object.entries(policyPaths).map(([given, relation]) => {
      const real_path = given.startsWith("/") ? given : `${root}/${given}`;
      return [given, { real_path, exists: true, relation }];
    }),
  );
  return { path, real_path: path.startsWith("/") ? path : `${root}/${path}`, policy_paths };
}

import { EnactError, isEnactError } from "../../errors.js";
import { difference, hashPlace, kindOf, type Fingerprint } from "./fingerprint.js";
import type { Handles } from "./handles.js";
import { comparedWith, countOf, lossesOf, type Compared } from "./kept-tree.js";
import type { Kept, KeptNode, KeptWrite } from "./keep.js";
import { lookAt } from "./look.js";
import { stepOf, type Found } from "./look-facts.js";
import { relativeTo, shown } from "./path.js";
import { digestOf, entriesBelow, leafOf, type TreeNode } from "./tree.js";
import type { BackLook, BackStep, LookOptions, PlaceStep, Settings } from "./types.js";
import { lastOf, pathOf } from "./walk.js";

/** What lies at a path now, as undoing needs it. */
interface Seen {
  readonly step: PlaceStep;
  readonly root: string;
  /** Null when nothing is there. */
  readonly tree: TreeNode | null;
  /** Of a regular file that is not too large. */
  readonly sha256: string | null;
}

/**
 * Finds out how to put back what was there before an act, and whether the act's traces are still as it left them. Looks
 * under the same rules as every deletion: inside the root, nothing protected, no link followed.
 *
 * @param isWhole whether the act is known to have ended as it should; else what it left half-way is looked for too
 * @throws EnactError STALE_PLAN naming what differs, REFUSED when there is nothing to put back
 */
export async function lookBack(settings: Settings, kept: Kept, isWhole: boolean, options: LookOptions): Promise<BackLook> {
  const look = (path: string) => seenAt(settings, path, options);
  const beside = (name: string) => look(parentOf(kept.path) === "" ? name : `${parentOf(kept.path)}/${name}`);
  const here = await look(kept.path);
  const folderIsGone = here.step.names.length > 1;
  if (folderIsGone && (isWhole || kept.written === null)) throw changed(kept.path, `the folder '${shown(parentOf(kept.path))}' that it was in is gone`);
  const aside = isWhole ? null : await beside(kept.aside);
  if (kept.written === null) return deletionBack(kept, here, aside, isWhole);
  const temporary = isWhole ? null : await beside(kept.written.temporary);
  const made = await Promise.all(kept.written.made.map(look));
  return writeBack(kept, kept.written, { here, aside, temporary, made });
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}

async function seenAt(settings: Settings, path: string, options: LookOptions): Promise<Seen> {
  try {
    // With "./", because a name may begin like a home folder or an address.
    return await lookAt(settings, `./${path}`, "restore", { ...options, recursive: true }, (handles, found) => seen(handles, found, path));
  } catch (error) {
    const isGone = isEnactError(error) && (error.code === "INVALID_INPUT" || error.code === "NOT_FOUND");
    throw isGone ? changed(path, error.message) : error;
  }
}

function seen(handles: Handles, { root, place, tree }: Found, path: string): Seen {
  const rootPath = lastOf(root).path;
  const realPath = relativeTo(rootPath, pathOf(place));
  if (realPath !== path) throw changed(path, `its path leads to '${shown(realPath)}' now`);
  const [name] = place.names;
  const step = stepOf(root, place);
  if (place.stat === undefined || name === undefined) return { step, root: rootPath, tree: null, sha256: null };
  const sha256 = kindOf(place.stat) === "file" ? (hashPlace(handles, place, name) ?? null) : null;
  return { step, root: rootPath, tree: tree ?? leafOf(name, place.stat), sha256 };
}

export function changed(path: string, what: string): EnactError {
  const hint = "Show the person what differs. What was kept is still there, and nothing is put over what somebody did since.";
  return new EnactError("STALE_PLAN", `'${shown(path)}' is no longer as that call left it: ${what}`, { hint });
}

function nothingToDo(path: string, why: string): EnactError {
  return new EnactError("REFUSED", `There is nothing to undo at '${shown(path)}': ${why}`, { hint: "Read the run's receipt with enact_receipts." });
}

const NO_STEP = { aside: null, digest: null, entries: 0, previous_sha256: null, made: [], leftovers: [] } as const;

function deletionBack(kept: Kept, here: Seen, aside: Seen | null, isWhole: boolean): BackLook {
  const [top] = kept.nodes;
  if (top === undefined) throw nothingToDo(kept.path, "nothing was kept of it");
  const facts = { path: kept.path, root: here.root, ...countOf(kept.nodes) };
  const rest = aside !== null && aside.tree !== null ? aside : null;
  if (here.tree !== null && (isWhole || rest !== null)) throw changed(kept.path, "there is something in its place again");
  const notUndone = lossesOf(kept);
  const left = rest ?? here;
  if (left.tree === null) {
    return { ...facts, changes: [`put back ${inWords(kept)}`], notUndone, step: { ...NO_STEP, way: "rebuild", place: here.step } };
  }
  const compared = comparedWith(kept.nodes, left.tree);
  if (compared.problem !== null) throw changed(kept.path, compared.problem);
  if (rest === null && compared.present.size === kept.nodes.length) throw nothingToDo(kept.path, "it is still there");
  const step = { ...NO_STEP, ...wayBack(top, rest), place: here.step, aside: rest?.step ?? null, digest: digestOf(left.tree), entries: entriesIn(left.tree) };
  return { ...facts, changes: [restInWords(kept, compared, rest !== null)], notUndone, step };
}

function wayBack(top: KeptNode, rest: Seen | null): Pick<BackStep, "way"> {
  if (rest === null) return { way: "fill" };
  return { way: top.kind === "directory" ? "fill_aside" : "rename_aside" };
}

function entriesIn(tree: TreeNode): number {
  return [...entriesBelow(tree)].length;
}

function inWords(kept: Kept): string {
  const { files, folders, bytes } = countOf(kept.nodes);
  const path = `'${shown(kept.path)}'`;
  const [top] = kept.nodes;
  if (top?.kind === "directory") return `the folder ${path} with ${count(files, "file")} and ${count(folders - 1, "folder")} in it (${count(bytes, "byte")})`;
  if (top?.kind === "symlink") return `the link ${path} to '${shown(Buffer.from(top.target ?? "", "base64url").toString())}'`;
  return `the file ${path} (${count(bytes, "byte")})`;
}

function restInWords(kept: Kept, { present }: Compared, wasAside: boolean): string {
  const missing = kept.nodes.length - present.size;
  const where = wasAside ? `, which the interrupted call has left as '${kept.aside}'` : "";
  if (missing === 0) return `put ${inWords(kept)} back in its place${where}`;
  return `put back ${count(missing, "entry", "entries")} that ${missing === 1 ? "is" : "are"} missing of ${inWords(kept)}${where}`;
}

function count(number: number, one: string, many = `${one}s`): string {
  return `${number} ${number === 1 ? one : many}`;
}

interface AroundWrite {
  readonly here: Seen;
  readonly aside: Seen | null;
  readonly temporary: Seen | null;
  /** Folders that were made, from the top. */
  readonly made: readonly Seen[];
}

function writeBack(kept: Kept, written: KeptWrite, around: AroundWrite): BackLook {
  const { here } = around;
  const [old] = kept.nodes;
  const path = `'${shown(kept.path)}'`;
  const facts = { path: kept.path, root: here.root, ...countOf(kept.nodes) };
  const leftovers = leftoversOf(kept, around);
  const common = { ...NO_STEP, place: here.step, previous_sha256: here.sha256, leftovers };
  if (here.tree === null) return unfinishedBack(kept, written, around, { ...facts, step: common });
  if (old !== undefined && isEntry(here, old.seen) && around.aside !== null) throw nothingToDo(kept.path, "the old file is still there");
  refuseOther(kept.path, written, here);
  if (old === undefined) {
    const folders = removable(kept, written, around.made);
    return { ...facts, changes: [`delete the file ${path}, which was new`, ...folders.changes], notUndone: [], step: { ...common, way: "remove", made: folders.steps } };
  }
  const changes = [`put the old content of ${path} back (${count(Number(old.seen.size), "byte")}), its permissions and its time`];
  return { ...facts, changes, notUndone: lossesOf(kept), step: { ...common, way: "replace" } };
}

/** The file itself must be what the write left; that it was copied meanwhile, byte for byte, makes no difference. */
function refuseOther(path: string, written: KeptWrite, { tree, sha256 }: Seen): void {
  if (tree === null) return;
  if (tree.kind !== "file") throw changed(path, `there is a ${tree.kind === "symlink" ? "link" : "folder"} in its place now`);
  if (Number(tree.stat.size) !== written.size || sha256 !== written.sha256) throw changed(path, "its content was changed since");
  if (written.mode !== null && Number(tree.stat.mode & 0o7777n) !== written.mode) throw changed(path, "its permissions were changed since");
}

type Unfinished = Pick<BackLook, "path" | "root" | "files" | "folders" | "bytes"> & { readonly step: Omit<BackStep, "way"> };

/** A write that was stopped before the new file had its name: the old one may lie aside, and folders may have been made. */
function unfinishedBack(kept: Kept, written: KeptWrite, { aside, made }: AroundWrite, { step, ...facts }: Unfinished): BackLook {
  const [old] = kept.nodes;
  if (aside === null) throw changed(kept.path, "it is gone");
  if (old !== undefined) {
    if (!isEntry(aside, old.seen)) throw changed(kept.path, "it is gone");
    const changes = [`put ${inWords(kept)} back in its place, which the interrupted call has left as '${kept.aside}'`];
    const leftovers = step.leftovers.filter((leftover) => leftover !== aside.step);
    return { ...facts, changes, notUndone: [], step: { ...step, way: "rename_aside", aside: aside.step, leftovers } };
  }
  const folders = removable(kept, written, made);
  if (folders.steps.length + step.leftovers.length === 0) throw nothingToDo(kept.path, "the interrupted call never made the file");
  const drafts = step.leftovers.length === 0 ? [] : ["delete the draft of the file that the interrupted call has left"];
  return { ...facts, changes: [...drafts, ...folders.changes], notUndone: [], step: { ...step, way: "tidy", made: folders.steps } };
}

/** What an interrupted write has left beside its place: the old file after it was replaced, the new one before it had its name. */
function leftoversOf(kept: Kept, { aside, temporary }: AroundWrite): readonly PlaceStep[] {
  const [old] = kept.nodes;
  const isOld = aside !== null && old !== undefined && isEntry(aside, old.seen);
  const isDraft = temporary?.tree?.kind === "file";
  return [...(isOld ? [aside.step] : []), ...(isDraft ? [temporary.step] : [])];
}

function isEntry({ tree }: Seen, judged: Fingerprint): boolean {
  return tree !== null && difference(judged, tree.stat, "entry") === undefined;
}

/** Folders that were made for the file and hold nothing else: they go with it. */
function removable(kept: Kept, written: KeptWrite, made: readonly Seen[]): { readonly steps: readonly PlaceStep[]; readonly changes: readonly string[] } {
  const steps: PlaceStep[] = [];
  const changes: string[] = [];
  let own = [nameOf(kept.path), written.temporary];
  for (const { tree, step } of made.toReversed()) {
    const holdsOthers = tree?.children.some(({ name }) => !own.includes(name)) ?? false;
    if (holdsOthers || (tree !== null && tree.kind !== "directory")) break;
    own = [nameOf(step.path)];
    if (tree === null) continue;
    steps.push(step);
    changes.push(`remove the folder '${shown(step.path)}', which was made for it and holds nothing else`);
  }
  return { steps, changes };
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

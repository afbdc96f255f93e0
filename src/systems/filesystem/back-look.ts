import { EnactError, isEnactError } from "../../errors.js";
import { difference, hashPlace, kindOf, type Fingerprint } from "./fingerprint.js";
import type { Handles } from "./handles.js";
import { comparedWith, countOf, lossesOf, pathsOf, type Compared } from "./kept-tree.js";
import type { Kept, KeptNode, KeptWrite } from "./keep.js";
import { lookAt } from "./look.js";
import { stepOf, type Found } from "./look-facts.js";
import { join, relativeTo, shown } from "./path.js";
import { digestOf, entriesBelow, leafOf, type TreeNode } from "./tree.js";
import type { BackLook, BackStep, LookOptions, PlaceStep, RemoveStep, Settings } from "./types.js";
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

/** What lies at the place and, under names of ours, beside it. */
interface Around {
  readonly here: Seen;
  /** The old entry, put aside by an act that did not end; null when the act is known to have ended. */
  readonly aside: Seen | null;
  /** The file that a write has put into place, put aside by an undoing that did not end. */
  readonly replaced: Seen;
  /** What an undoing that did not end has begun to build. */
  readonly drafts: readonly RemoveStep[];
  /** The new file of a write that did not end, or another name of it; null when the act is known to have ended. */
  readonly temporary: Seen | null;
  /** Folders that the act made, from the top. */
  readonly made: readonly Seen[];
}

/**
 * Finds out how to put back what was there before an act, and whether the act's traces are still as it left them. Looks
 * under the same rules as every deletion: inside the root, nothing protected, no link followed.
 *
 * @param isWhole whether the act is known to have ended as it should; else what it left half-way is looked for too
 * @throws EnactError STALE_PLAN naming what differs
 */
export async function lookBack(settings: Settings, kept: Kept, isWhole: boolean, options: LookOptions): Promise<BackLook> {
  const look = (path: string) => seenAt(settings, path, [], options);
  const beside = (name: string) => look(parentOf(kept.path) === "" ? name : `${parentOf(kept.path)}/${name}`);
  const here = await seenAt(settings, kept.path, pathsOf(kept), options);
  const { written, back } = kept;
  const drafts = draftOf(await beside(back.temporary));
  const temporary = written === null || isWhole ? null : await beside(written.temporary);
  const aside = isWhole ? null : await beside(kept.aside);
  const made = await Promise.all((written?.made ?? []).map(look));
  const around = { here, aside, replaced: await beside(back.aside), drafts, temporary, made };
  return written === null ? deletionBack(kept, around) : writeBack(kept, written, around);
}

function draftOf({ tree, step: place }: Seen): readonly RemoveStep[] {
  if (tree === null) return [];
  return [{ place, tree_digest: tree.kind === "directory" ? digestOf(tree) : null, entries: entriesIn(tree) }];
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}

/** @param within what is to be made there, as paths from the root */
async function seenAt(settings: Settings, path: string, within: readonly string[], options: LookOptions): Promise<Seen> {
  try {
    // With "./", because a name may begin like a home folder or an address.
    return await lookAt(settings, `./${path}`, "restore", { ...options, recursive: true }, (handles, found) => {
      const root = lastOf(found.root).path;
      found.protections.checkPaths(within.map((below) => join(root, below)), path);
      return seen(handles, found, path);
    });
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

function changed(path: string, what: string): EnactError {
  const hint = "Show the person what differs. What was kept is still there, and nothing is put over what somebody did since.";
  return new EnactError("STALE_PLAN", `'${shown(path)}' is no longer as that call left it: ${what}`, { hint });
}

type Facts = Omit<BackLook, "changes" | "notUndone" | "step">;

function factsOf(kept: Kept, { root }: Seen): Facts {
  return { path: kept.path, root, ...countOf(kept.nodes) };
}

const NO_STEP = { aside: null, digest: null, entries: 0, previous_sha256: null, made: [], drafts: [], leftovers: [] } as const;

/** Nothing is left to put back; what an interrupted act or undoing has left beside it may be. */
function tidied(facts: Facts, step: Omit<BackStep, "way">, changes: readonly string[]): BackLook {
  const remains = step.drafts.length + step.leftovers.length;
  const remove = remains === 0 ? [] : [`remove ${count(remains, "file or folder", "files or folders")} that an interrupted call has left beside '${shown(facts.path)}'`];
  return { ...facts, changes: [...remove, ...changes], notUndone: [], step: { ...step, way: "tidy" } };
}

function deletionBack(kept: Kept, { here, aside, drafts }: Around): BackLook {
  const [top] = kept.nodes;
  if (top === undefined) throw changed(kept.path, "nothing was kept of it");
  const facts = factsOf(kept, here);
  const rest = aside !== null && aside.tree !== null ? aside : null;
  if (here.step.names.length > 1) throw folderIsGone(kept.path);
  if (here.tree !== null && (aside === null || rest !== null)) throw changed(kept.path, "there is something in its place again");
  const notUndone = lossesOf(kept);
  const left = rest ?? here;
  const common = { ...NO_STEP, place: here.step, drafts };
  if (left.tree === null) return { ...facts, changes: [`put back ${inWords(kept)}`], notUndone, step: { ...common, way: "rebuild" } };
  const compared = comparedWith(kept.nodes, left.tree);
  if (compared.problem !== null) throw changed(kept.path, compared.problem);
  if (rest === null && compared.present.size === kept.nodes.length) return tidied(facts, common, []);
  const step = { ...common, ...wayBack(top, rest), aside: rest?.step ?? null, digest: digestOf(left.tree), entries: entriesIn(left.tree) };
  return { ...facts, changes: [restInWords(kept, compared, rest !== null)], notUndone, step };
}

function folderIsGone(path: string): EnactError {
  return changed(path, `the folder '${shown(parentOf(path))}' that it was in is gone`);
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

function writeBack(kept: Kept, written: KeptWrite, around: Around): BackLook {
  const { here, drafts } = around;
  const [old] = kept.nodes;
  const facts = factsOf(kept, here);
  const common = { ...NO_STEP, place: here.step, previous_sha256: here.sha256, drafts, leftovers: leftoversOf(kept, written, around) };
  if (old === undefined) return creationBack(kept, written, around, { facts, common });
  if (here.tree === null) return goneBack(kept, old, around, { facts, common });
  if (isOld(old, here)) return tidied(facts, common, []);
  refuseOther(kept.path, written, here);
  const changes = [`put the old content of '${shown(kept.path)}' back (${count(Number(old.seen.size), "byte")}), its permissions and its time`];
  return { ...facts, changes, notUndone: lossesOf(kept), step: { ...common, way: "replace" } };
}

interface Begun {
  readonly facts: Facts;
  readonly common: Omit<BackStep, "way">;
}

function creationBack(kept: Kept, written: KeptWrite, { here, made }: Around, { facts, common }: Begun): BackLook {
  const folders = removable(kept, written, made);
  const step = { ...common, made: folders.steps };
  if (here.tree === null) return tidied(facts, step, folders.changes);
  refuseOther(kept.path, written, here);
  return { ...facts, changes: [`delete the file '${shown(kept.path)}', which was new`, ...folders.changes], notUndone: [], step: { ...step, way: "remove" } };
}

/** Nothing has the file's name: an act or an undoing was stopped in the moment in which it was free. */
function goneBack(kept: Kept, old: KeptNode, { here, aside, replaced }: Around, { facts, common }: Begun): BackLook {
  if (here.step.names.length > 1) throw folderIsGone(kept.path);
  if (aside !== null && isEntry(aside, old.seen)) {
    const changes = [`put ${inWords(kept)} back in its place, which the interrupted call has left as '${kept.aside}'`];
    const leftovers = common.leftovers.filter((leftover) => leftover !== aside.step);
    return { ...facts, changes, notUndone: [], step: { ...common, way: "rename_aside", aside: aside.step, leftovers } };
  }
  if (!common.leftovers.includes(replaced.step)) throw changed(kept.path, "it is gone");
  return { ...facts, changes: [`put back ${inWords(kept)}, which an interrupted rollback has begun`], notUndone: lossesOf(kept), step: { ...common, way: "rebuild" } };
}

/** The file itself must be what the write left; that it was copied meanwhile, byte for byte, makes no difference. */
function refuseOther(path: string, written: KeptWrite, { tree, sha256 }: Seen): void {
  if (tree === null) return;
  if (tree.kind !== "file") throw changed(path, `there is a ${tree.kind === "symlink" ? "link" : "folder"} in its place now`);
  if (!isWritten(written, { tree, sha256 })) throw changed(path, "its content was changed since");
  if (written.mode !== null && Number(tree.stat.mode & 0o7777n) !== written.mode) throw changed(path, "its permissions were changed since");
}

function isWritten(written: KeptWrite, { tree, sha256 }: Pick<Seen, "tree" | "sha256">): boolean {
  return tree?.kind === "file" && Number(tree.stat.size) === written.size && sha256 === written.sha256;
}

/** By its content, because an undoing makes it anew. */
function isOld(old: KeptNode, { tree, sha256 }: Seen): boolean {
  if (tree?.kind !== "file" || Number(tree.stat.mode & 0o7777n) !== old.mode) return false;
  return difference(old.seen, tree.stat, "entry") === undefined || (sha256 === old.sha256 && String(tree.stat.mtimeNs / 1000n) === String(BigInt(old.seen.modified) / 1000n));
}

/** What was replaced, the old file by an interrupted write or the new one by an interrupted undoing, and the write's draft. */
function leftoversOf(kept: Kept, written: KeptWrite, { aside, replaced, temporary }: Around): readonly PlaceStep[] {
  const [old] = kept.nodes;
  const oldIsAside = aside !== null && old !== undefined && isEntry(aside, old.seen);
  const draft = temporary?.tree?.kind === "file" ? [temporary.step] : [];
  return [...(oldIsAside ? [aside.step] : []), ...(isWritten(written, replaced) ? [replaced.step] : []), ...draft];
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

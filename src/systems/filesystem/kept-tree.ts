import { difference } from "./fingerprint.js";
import type { Kept, KeptNode } from "./keep.js";
import { shown } from "./path.js";
import type { TreeNode } from "./tree.js";

/** A kept tree beside what is left of it. */
export interface Compared {
  /** Indices of the entries that are still there, as they were. */
  readonly present: ReadonlySet<number>;
  /** The first thing that was added or changed, as a clause; null when nothing was. */
  readonly problem: string | null;
}

/** Compares what is left of a tree with what was kept of it: entries may be missing, and nothing else may differ. */
export function comparedWith(nodes: readonly KeptNode[], tree: TreeNode): Compared {
  const below = new Map<string, number>();
  for (const [index, { above, name }] of nodes.entries()) if (above !== null) below.set(`${above}/${name}`, index);
  const present = new Set<number>();
  let problem: string | null = null;
  const compare = (index: number, found: TreeNode, path: string): void => {
    const node = nodes[index];
    const what = node === undefined ? "is another one" : changeOf(node, found);
    if (what !== undefined) problem ??= path === "" ? `it ${what}` : `'${shown(path)}' ${what}`;
    if (problem !== null) return;
    present.add(index);
    for (const child of found.children) {
      const childPath = path === "" ? child.name : `${path}/${child.name}`;
      const known = below.get(`${index}/${child.bytes.toString("base64url")}`);
      if (known === undefined) problem ??= `'${shown(childPath)}' was added to it`;
      else compare(known, child, childPath);
    }
  };
  compare(0, tree, "");
  return { present, problem };
}

/** A folder's size and time change when something in it is removed; what counts of it is that it is the same one. */
function changeOf(node: KeptNode, { kind, stat }: TreeNode): string | undefined {
  if (node.kind !== kind) return `was a ${node.kind} and is a ${kind} now`;
  if (Number(stat.mode & 0o7777n) !== node.mode && kind !== "symlink") return "has other permissions now";
  const isSame = kind === "directory" ? node.seen.dev === String(stat.dev) && node.seen.ino === String(stat.ino) : difference(node.seen, stat, "entry") === undefined;
  return isSame ? undefined : "was changed or exchanged since";
}

/** Of all entries, from the root. */
export function pathsOf({ path, nodes }: Pick<Kept, "path" | "nodes">): readonly string[] {
  const paths: string[] = [];
  for (const { above, name } of nodes) paths.push(above === null ? path : `${paths[above] ?? path}/${Buffer.from(name, "base64url").toString()}`);
  return paths;
}

export function countOf(nodes: readonly KeptNode[]): { readonly files: number; readonly folders: number; readonly bytes: number } {
  const folders = nodes.filter(({ kind }) => kind === "directory").length;
  const contents = nodes.filter(({ kind, same_as: other }) => kind === "file" && other === null);
  return { files: nodes.length - folders, folders, bytes: contents.reduce((sum, { seen }) => sum + Number(seen.size), 0) };
}

/** What cannot be put back of a tree, for a person, one sentence each. */
export function lossesOf({ path, nodes }: Pick<Kept, "path" | "nodes">): readonly string[] {
  const where = `'${shown(path)}'`;
  const others = new Map<number, number>();
  for (const { same_as: first } of nodes) if (first !== null) others.set(first, (others.get(first) ?? 0) + 1);
  const linked = nodes.filter((node, index) => node.kind === "file" && node.same_as === null && node.links > 1 + (others.get(index) ?? 0)).length;
  const owned = nodes.filter((node) => !mayGive(node)).length;
  return [
    ...(linked === 0 ? [] : [`${filesIn(linked, where)} had other names (hard links) elsewhere, which lead to the file as it was; what is put back is a file of its own`]),
    ...(owned === 0 ? [] : [`${filesIn(owned, where)} belonged to another user or group, and will belong to you`]),
  ];
}

function filesIn(count: number, where: string): string {
  return count === 1 ? `An entry of ${where}` : `${count} entries of ${where}`;
}

/** Only the superuser gives files away; to a group of one's own anybody may. */
function mayGive({ uid, gid }: KeptNode): boolean {
  const user = process.geteuid?.() ?? 0;
  if (user === 0) return true;
  return uid === user && (gid === process.getegid?.() || (process.getgroups?.() ?? []).includes(gid));
}

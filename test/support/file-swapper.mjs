// Another process that keeps changing a folder while the file tools work in it. Started by the tests with:
//   node file-swapper.mjs <mode> <root> <outside> <seed>
// It never touches anything outside the root, so every change there is the tools' doing.
import fs from "node:fs";
import path from "node:path";

const [, , mode, root, outside, seed] = process.argv;
let state = Number(seed) >>> 0;

/** mulberry32: the same seed, the same changes. */
function random() {
  state = (state + 0x6d2b79f5) >>> 0;
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
}
const pick = (list) => list[Math.floor(random() * list.length)];
const attempt = (change) => {
  try {
    change();
  } catch {
    // The tools are faster now and then.
  }
};

const FOLDERS = ["a", "b", "a/c", "b/d", "a/c/e"];
const NAMES = ["x.txt", "y.txt", "z.txt"];
const at = (relative) => path.join(root, relative);
const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW } = fs.constants;
let counter = 0;

/**
 * Runs with a path to an entry that cannot lead outside, should a tool put a link where a folder was: each folder is
 * opened without following links.
 */
function inside(relative, act) {
  const names = relative.split("/");
  const last = names.pop();
  const fds = [];
  try {
    let here = root;
    for (const name of names) {
      const fd = fs.openSync(path.join(here, name), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
      fds.push(fd);
      here = process.platform === "linux" ? `/proc/self/fd/${fd}` : path.join(here, name);
    }
    return act(`${here}/${last}`);
  } finally {
    for (const fd of fds) fs.closeSync(fd);
  }
}

/** Folders become links that lead outside and back, files become links to secrets, whole folders change places. */
function swapLinks() {
  const folder = pick(FOLDERS);
  const file = `${folder}/${pick(NAMES)}`;
  const aside = at(`.swap-${(counter += 1) % 8}`);
  const changes = [
    // A folder makes way for a link out, and comes back: the classic race.
    () =>
      inside(folder, (entry) => {
        fs.renameSync(entry, aside);
        attempt(() => fs.symlinkSync(pick([outside, path.join(outside, "photos"), "/", ".."]), entry));
        attempt(() => fs.unlinkSync(entry));
        fs.renameSync(aside, entry);
      }),
    () => {
      const link = `${aside}-link`;
      attempt(() => fs.unlinkSync(link));
      fs.symlinkSync(pick([path.join(outside, "secret.txt"), path.join(outside, "photos/holiday.txt")]), link);
      inside(file, (entry) => fs.renameSync(link, entry));
    },
    () => inside(folder, (from) => inside(`${pick(FOLDERS)}/m${counter % 5}`, (to) => fs.renameSync(from, to))),
    () => inside(folder, (entry) => fs.mkdirSync(entry)),
    () => inside(folder, (entry) => fs.mkdirSync(entry)),
    () => inside(`${folder}/m${counter % 5}`, (entry) => fs.rmSync(entry, { recursive: true })),
    () => inside(file, (entry) => fs.writeFileSync(entry, `inside ${counter}`, { flag: "wx" })),
    () => inside(file, (entry) => fs.writeFileSync(entry, `inside ${counter}`, { flag: "wx" })),
    () => inside(file, (entry) => fs.unlinkSync(entry)),
    () => inside(`${folder}/l${counter % 3}`, (entry) => fs.symlinkSync(outside, entry)),
    () => inside(`${folder}/in`, (entry) => fs.symlinkSync(path.join(root, "b"), entry)),
  ];
  attempt(pick(changes));
}

/** Files change their names, none is ever removed or overwritten here: link(2) refuses a name that is taken. */
function rotateNames() {
  const names = fs.readdirSync(root).filter((name) => !name.startsWith("."));
  const from = pick(names);
  const to = pick("pqrstuvw".split(""));
  if (from === undefined || from === to) return;
  attempt(() => {
    const { ino } = fs.lstatSync(at(from));
    fs.linkSync(at(from), at(to));
    // What lies there now may be another file, which a tool has put back: that one stays.
    const aside = at(`.rotate-${process.pid}-${(counter += 1)}`);
    fs.renameSync(at(from), aside);
    if (fs.lstatSync(aside).ino === ino) fs.unlinkSync(aside);
    else fs.linkSync(aside, at(`${to}-${counter}`));
  });
}

const change = mode === "links" ? swapLinks : rotateNames;
process.stdout.write("ready\n");
process.on("SIGTERM", () => process.exit(0));
function work() {
  for (let round = 0; round < 50; round += 1) change();
  setImmediate(work);
}
work();

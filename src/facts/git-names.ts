/** Names of branches: what is one, what it reads as to a person, and which ones are protected. Pure. */

/** Why a text is not the name of a branch, as a sentence; null when it is one. */
export function branchNameProblem(name: string): string | null {
  const shown = `'${showName(name)}'`;
  if (name === "") return "the name of a branch cannot be empty";
  if (!name.isWellFormed()) return "the name of a branch cannot hold half a character (a lone surrogate)";
  if (name.startsWith("-")) return `${shown} starts with '-': that is an option, not a branch`;
  if (name.startsWith("+")) return `${shown} starts with '+': that is a forced refspec, not a branch`;
  if (name.startsWith("refs/")) return `${shown} is a full ref: give the branch's own name, without 'refs/heads/'`;
  if (name.startsWith("heads/")) return `${shown} starts with 'heads/': give the branch's own name`;
  if (name === "HEAD" || name === "@") return `${shown} is not the name of a branch: give the name itself`;
  if (/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/i.test(name)) return `${shown} is the id of an object: give the name of a branch`;
  return refFormatProblem(name, shown);
}

/** The rules of git-check-ref-format(1). */
function refFormatProblem(name: string, shown: string): string | null {
  // eslint-disable-next-line no-control-regex
  const forbidden = /[\u0000-\u0020\u007f~^:?*[\\]/.exec(name)?.[0];
  if (forbidden !== undefined) return `${shown} holds ${showCharacter(forbidden)}, which no branch may hold`;
  if (name.includes("..") || name.includes("@{")) return `${shown} is an expression, not the name of a branch`;
  if (name.endsWith(".")) return `${shown} ends with a dot`;
  for (const part of name.split("/")) {
    if (part === "") return `${shown} has an empty part between its slashes`;
    if (part.startsWith(".")) return `${shown} has a part that starts with a dot`;
    if (part.endsWith(".lock")) return `${shown} has a part that ends with '.lock'`;
    // A loose ref is a file, and its lock has five letters more.
    if (Buffer.byteLength(part) > 250) return "a part of the branch's name is longer than 250 bytes";
  }
  return Buffer.byteLength(name) > 1000 ? "the branch's name is longer than 1000 bytes" : null;
}

/** A name as it may be shown: control characters spelled out, not too long. */
function showName(name: string): string {
  // eslint-disable-next-line no-control-regex
  const visible = name.toWellFormed().replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, codePoint);
  return visible.length > 120 ? `${visible.slice(0, 117)}…` : visible;
}

function showCharacter(character: string): string {
  return character === " " ? "a space" : /[!-~]/.test(character) ? `'${character}'` : codePoint(character);
}

function codePoint(character: string): string {
  return `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}`;
}

/** A character that a person does not see, or takes for another one. */
export interface SuspiciousCharacter {
  /** "U+0456" */
  readonly character: string;
  readonly kind: "invisible" | "look_alike";
  /** What it looks like: "i"; for an invisible one "". */
  readonly looks_like: string;
}

/**
 * Finds the characters of a name that mislead a reader: invisible ones, and those that make a part of the name look as
 * if it were plain ASCII (Unicode Technical Standard 39 calls that a confusable). A word wholly in another script,
 * such as `agent/исправление`, is no deception and is not listed.
 */
export function suspiciousCharacters(name: string): SuspiciousCharacter[] {
  const found = new Map<string, SuspiciousCharacter>();
  for (const part of name.split("/")) {
    const spoofs = /^[ -~]*$/.test(skeleton(part));
    for (const character of part) {
      if (isAscii(character)) continue;
      const looksLike = skeleton(character);
      if (looksLike === "") add(character, "invisible", "");
      else if (spoofs && isAscii(looksLike)) add(character, "look_alike", looksLike);
    }
  }
  return [...found.values()];

  function add(character: string, kind: SuspiciousCharacter["kind"], looksLike: string): void {
    found.set(character, { character: codePoint(character), kind, looks_like: looksLike });
  }
}

/**
 * What a name reads as: compatibility forms and look-alikes replaced, invisible characters dropped, small letters.
 *
 * Two names that read the same may be one file where the remote keeps its refs on a file system that folds case or
 * ignores invisible characters (CVE-2014-9390 was that), and are one name to the person who reads the receipt.
 */
export function readsAs(name: string): string {
  return skeleton(name).toLowerCase();
}

function skeleton(text: string): string {
  const visible = text.normalize("NFKC").replace(INVISIBLE, "");
  return Array.from(visible, (character) => CONFUSABLE.get(character) ?? character).join("");
}

const INVISIBLE = /[\p{Default_Ignorable_Code_Point}\p{Cf}\p{Cc}\p{Zs}\p{Zl}\p{Zp}]/gu;

/** Letters that look like a Latin one, from the confusables of UTS 39: those a name of a branch is likely to be spoofed with. */
const CONFUSABLE: ReadonlyMap<string, string> = new Map([
  ...pairs("аеорсухіјѕԁһԛԝӏмтпгкв", "aeopcyxijsdhqwlmtnrkb"),
  ...pairs("АВЕЅІЈКМНОРСТУХԌԜ", "ABESIJKMHOPCTYXGW"),
  ...pairs("αορνικτηεϲγυ", "aopvikthecyu"),
  ...pairs("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "ABEZHIKMNOPTYX"),
  ...pairs("ıɩɑɡᴀᴄᴇɪᴍɴᴏᴘʀꜱᴛᴜᴠᴡᴢİ", "iiagaceimnoprstuvwzI"),
  ...pairs("ոռսօհցԱՏՕ", "nnuohgUSO"),
  ...pairs("ᎪᎬᎥᎷᎢᏚᎡᏒ", "AEiMTSRR"),
]);

function pairs(from: string, to: string): [string, string][] {
  const targets = Array.from(to);
  return Array.from(from, (character, index) => [character, targets[index] ?? character]);
}

function isAscii(text: string): boolean {
  return /^[ -~]+$/.test(text);
}

/** The names that are everybody's, whatever the remote says. */
export const ALWAYS_PROTECTED: readonly string[] = ["main", "master"];

/**
 * The protected branches as a list that a policy can ask with `includes`: the default branches given, main and master,
 * and the branch of this call itself in its own spelling when it reads like one of them ("Main", "MASTER", "maın").
 */
export function protectedBranches(branch: string, defaults: readonly string[]): string[] {
  const names = new Set([...defaults, ...ALWAYS_PROTECTED]);
  const read = new Set([...names].map(readsAs));
  if (read.has(readsAs(branch))) names.add(branch);
  return [...names];
}

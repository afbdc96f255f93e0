import { chmodSync, existsSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import fc from "fast-check";
import { describe, expect, onTestFinished, test } from "vitest";

import { openKeys } from "../../src/receipts/keys.js";
import { openSealing, plainSize, type Sealing } from "../../src/receipts/sealed.js";

const CHUNK = 65_536;
const HEADER = 48;

function world(): { readonly home: string; readonly project: string; readonly open: () => Sealing } {
  const base = mkdtempSync(join(tmpdir(), "enact-sealed-"));
  onTestFinished(() => rmSync(base, { recursive: true, force: true }));
  const place = { enactHome: join(base, "home"), project: join(base, "project") };
  return { home: place.enactHome, project: place.project, open: () => openSealing(openKeys({ ...place, signing: "ed25519" })) };
}

async function* inPieces(bytes: Uint8Array, size: number): AsyncIterable<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function collected(pieces: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const piece of pieces) all.push(piece);
  return Buffer.concat(all);
}

const tampered = expect.objectContaining({ code: "TAMPERED" }) as Error;

describe("what is sealed opens again", () => {
  test.each([0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 200_000])("%i bytes, whole and streamed, in pieces of any size", async (size) => {
    const sealing = world().open();
    const plain = Buffer.alloc(size, 7);
    const sealed = sealing.seal(plain, "here");
    const streamed = await collected(sealing.sealStream(inPieces(plain, 10_007), "here"));
    expect(sealing.open(sealed, "here").equals(plain)).toBe(true);
    expect(sealing.open(streamed, "here").equals(plain)).toBe(true);
    for (const piece of [999, 65_552, 1_000_000]) expect((await collected(sealing.openStream(inPieces(sealed, piece), "here"))).equals(plain)).toBe(true);
    expect([plainSize(sealed.length), plainSize(streamed.length)]).toEqual([size, size]);
  });

  test("by another process of the same user", () => {
    const { open } = world();
    expect(open().open(open().seal(Buffer.from("hello"), "a"), "a").toString()).toBe("hello");
  });

  test("and shows neither its content nor that two are the same", () => {
    const sealing = world().open();
    const plain = Buffer.from("the same secret text");
    const [one, two] = [sealing.seal(plain, "a"), sealing.seal(plain, "a")];
    expect(one.includes("secret")).toBe(false);
    expect(one.subarray(HEADER).equals(two.subarray(HEADER))).toBe(false);
  });
});

describe("what is not what was sealed does not open", () => {
  test("any single changed byte", () => {
    const sealing = world().open();
    const sealed = sealing.seal(Buffer.alloc(300, 1), "a");
    for (let at = 0; at < sealed.length; at += 1) {
      const changed = Buffer.from(sealed);
      changed[at] = (changed[at] ?? 0) ^ 1;
      expect(() => sealing.open(changed, "a"), `byte ${at}`).toThrow(tampered);
    }
  });

  test("cut anywhere, also between two chunks, or made longer", () => {
    const sealing = world().open();
    const sealed = sealing.seal(Buffer.alloc(3 * CHUNK, 1), "a");
    const whole = HEADER + CHUNK + 16;
    for (const end of [0, 7, HEADER, HEADER + 1, whole, whole + CHUNK + 16, sealed.length - 16, sealed.length - 1]) {
      expect(() => sealing.open(sealed.subarray(0, end), "a"), `cut at ${end}`).toThrow(tampered);
    }
    expect(() => sealing.open(Buffer.concat([sealed, sealed.subarray(HEADER)]), "a")).toThrow(tampered);
    expect(() => sealing.open(Buffer.concat([sealed, Buffer.alloc(1)]), "a")).toThrow(tampered);
  });

  test("chunks in another order, left out, twice, or from another sealed thing", () => {
    const sealing = world().open();
    const plain = Buffer.concat([Buffer.alloc(CHUNK, 1), Buffer.alloc(CHUNK, 2), Buffer.alloc(9, 3)]);
    const parts = (sealed: Buffer) => {
      const size = CHUNK + 16;
      return [sealed.subarray(0, HEADER), sealed.subarray(HEADER, HEADER + size), sealed.subarray(HEADER + size, HEADER + 2 * size), sealed.subarray(HEADER + 2 * size)] as const;
    };
    const [head, one, two, last] = parts(sealing.seal(plain, "a"));
    const [otherHead, otherOne] = parts(sealing.seal(plain, "a"));
    for (const spliced of [[head, two, one, last], [head, one, last], [head, one, one, two, last], [head, otherOne, two, last], [otherHead, one, two, last]]) {
      expect(() => sealing.open(Buffer.concat(spliced), "a")).toThrow(tampered);
    }
  });

  test("under another context", () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.uint8Array(), (a, b, plain) => {
        fc.pre(a !== b);
        expect(() => sealing.open(sealing.seal(plain, a), b)).toThrow(tampered);
      }),
      { seed: 7, numRuns: 50 },
    );
  });
  const sealing = openSealing(memoryKeys());

  test("with another key, or without one", () => {
    const sealed = world().open().seal(Buffer.from("hello"), "a");
    const other = world();
    expect(() => other.open().open(sealed, "a")).toThrow(expect.objectContaining({ code: "KEY_UNUSABLE" }) as Error);
    expect(existsSync(join(other.home, "keys/private.key"))).toBe(false);
    other.open().seal(Buffer.from("x"), "a");
    expect(() => other.open().open(sealed, "a")).toThrow(tampered);
  });
});

describe("the key", () => {
  test("is made on first use, for its owner only", () => {
    const { home, open } = world();
    const sealing = open();
    expect(existsSync(home)).toBe(false);
    sealing.seal(Buffer.from("x"), "a");
    expect(statSync(join(home, "keys/private.key")).mode & 0o777).toBe(0o600);
  });

  test("is refused when it is open to others, a link, or no key", () => {
    const { home, open } = world();
    open().seal(Buffer.from("x"), "a");
    const path = join(home, "keys/private.key");
    const unusable = expect.objectContaining({ code: "KEY_UNUSABLE" }) as Error;
    const attempt = () => open().seal(Buffer.from("x"), "a");
    chmodSync(path, 0o644);
    expect(attempt).toThrow(unusable);
    chmodSync(path, 0o600);
    writeFileSync(path, "too short\n");
    expect(attempt).toThrow(unusable);
    rmSync(path);
    writeFileSync(join(home, "elsewhere"), `${"A".repeat(43)}\n`, { mode: 0o600 });
    symlinkSync(join(home, "elsewhere"), path);
    expect(attempt).toThrow(unusable);
  });

  test("is never made inside the project", () => {
    const { project } = world();
    const inside = openSealing(openKeys({ enactHome: join(project, "home"), project, signing: "ed25519" }));
    expect(() => inside.seal(Buffer.from("x"), "a")).toThrow(expect.objectContaining({ code: "KEY_UNUSABLE" }) as Error);
    expect(existsSync(project)).toBe(false);
  });
});

/** A folder for the whole file, because properties run many times. */
function memoryKeys() {
  const base = mkdtempSync(join(tmpdir(), "enact-sealed-"));
  process.on("exit", () => rmSync(base, { recursive: true, force: true }));
  return openKeys({ enactHome: join(base, "home"), project: join(base, "project"), signing: "ed25519" });
}

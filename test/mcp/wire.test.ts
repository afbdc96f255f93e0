import * as fc from "fast-check";
import { PassThrough } from "node:stream";
import { describe, expect, test } from "vitest";

import { idAtTheEdges, LineReader } from "../../src/mcp/lines.js";
import { StdioWire } from "../../src/mcp/stdio-wire.js";
import { RawClient } from "../support/mcp-client.js";

const settle = () => new Promise((resolve) => setImmediate(resolve));

/** Only the events that a wire reports by setting handlers, as the SDK's interface wants it. */
function handle(wire: StdioWire, handlers: Pick<StdioWire, "onmessage" | "onclose">): void {
  Object.assign(wire, handlers);
}

async function wired(maxBytes?: number) {
  const input = new PassThrough();
  const output = new PassThrough();
  const wire = new StdioWire(input, output, maxBytes);
  const received: unknown[] = [];
  let closed = 0;
  handle(wire, { onmessage: (message) => void received.push(message), onclose: () => void (closed += 1) });
  await wire.start();
  return { client: new RawClient(input, output), wire, input, output, received, closes: () => closed };
}

const ping = (id: number) => ({ jsonrpc: "2.0", id, method: "ping" });

describe("a stream of lines", () => {
  test("is cut into the same lines however it arrives", () => {
    const lines = fc.array(fc.string({ unit: "binary" }).filter((line) => !line.includes("\n")), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(lines, fc.array(fc.nat(40), { maxLength: 30 }), (texts, cuts) => {
        const bytes = Buffer.from(texts.map((text) => `${text}\n`).join(""));
        const found: string[] = [];
        const line = (read: Uint8Array) => void found.push(Buffer.from(read).toString());
        const reader = new LineReader(10_000, { line, tooLong: (start) => void found.push(`too long: ${start}`) });
        let at = 0;
        for (const cut of cuts) {
          reader.push(bytes.subarray(at, at + cut));
          at = Math.min(at + cut, bytes.length);
        }
        reader.push(bytes.subarray(at));
        expect(found).toEqual(texts.map((text) => Buffer.from(text).toString()));
      }),
      { seed: 20_261_122, numRuns: 300 },
    );
  });

  test("of which one is too long keeps nothing but its ends, and goes on with the next", () => {
    fc.assert(
      fc.property(fc.integer({ min: 101, max: 40_000 }), fc.integer({ min: 1, max: 9000 }), (length, cut) => {
        const bytes = Buffer.from(`${"a".repeat(length - 3)}xyz\nok\n`);
        const found: unknown[] = [];
        const reader = new LineReader(100, {
          line: (line) => void found.push(Buffer.from(line).toString()),
          tooLong: (start, end, size) => void found.push([start.length <= 4096, end.endsWith("xyz"), end.length <= 4096, size]),
        });
        for (let at = 0; at < bytes.length; at += cut) reader.push(bytes.subarray(at, at + cut));
        expect(found).toEqual([[true, true, true, length], "ok"]);
      }),
      { seed: 20_261_122, numRuns: 200 },
    );
  });
});

describe("the id of a message that was not read", () => {
  test.each([
    ['{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{', "x", 7],
    ['{"id":"abc","method":"x",', "x", "abc"],
    ["{", '"},"jsonrpc":"2.0","id":42}', 42],
    ["{", '"},"id":42,"jsonrpc":"2.0"}', 42],
    ["{", '"arguments":{"id":42}}}', null],
    ["{", String.raw`"text":"\",\"id\":42}"}`, null],
    ['{"method":"tools/call","params":{"id":3,"x":', "1}}", null],
    ["", "", null],
  ])("%s … %s", (start, end, id) => {
    expect(idAtTheEdges(start, end)).toBe(id);
  });

  test("is never taken from the arguments, wherever they hold one", () => {
    const value = fc.oneof(fc.string(), fc.jsonValue().map((json) => JSON.stringify(json)), fc.constant('","id":1}'), fc.constant('{"id":2,'));
    fc.assert(
      fc.property(value, fc.boolean(), fc.constantFrom("id", "text"), (text, idIsLast, key) => {
        const params = { arguments: { [key]: text, nested: { id: 666, deep: [{ id: 667 }] }, id: 668 } };
        const message = idIsLast ? { method: "m", params, jsonrpc: "2.0", id: 5 } : { jsonrpc: "2.0", id: 5, method: "m", params };
        const json = JSON.stringify(message);
        expect(idAtTheEdges(json, json)).toBe(5);
      }),
      { seed: 20_261_122, numRuns: 500 },
    );
  });
});

describe("the wire", () => {
  test("delivers messages in order and answers nothing by itself", async () => {
    const { client, received } = await wired();
    client.send(`${JSON.stringify(ping(1))}\r\n\n  \n${JSON.stringify(ping(2))}\n`);
    await settle();
    expect(received).toMatchObject([{ id: 1 }, { id: 2 }]);
    expect(client.lines).toEqual([]);
  });

  test.each([
    ["no JSON", "hello\n", null, -32_700],
    ["JSON that is no message", '{"jsonrpc":"2.0","id":9}\n', 9, -32_600],
    ["a batch", `[${JSON.stringify(ping(1))}]\n`, null, -32_600],
    ["an id that is no id", '{"jsonrpc":"2.0","id":{"a":1},"method":"ping"}\n', null, -32_600],
    ["parameters that are no object", '{"jsonrpc":"2.0","id":9,"method":"tools/call","params":"x"}\n', 9, -32_600],
    ["another protocol", '{"jsonrpc":"1.0","id":9,"method":"ping"}\n', 9, -32_600],
    ["only a number", "5\n", null, -32_600],
    ["null", "null\n", null, -32_600],
    ["nesting without end", `${"[".repeat(200_000)}\n`, null, -32_700],
  ])("%s gets an answer, and the next message is served", async (_name, text, id, code) => {
    const { client, received, closes } = await wired();
    client.send(text);
    expect(await client.answer(id)).toMatchObject({ error: { code } });
    client.send(`${JSON.stringify(ping(1))}\n`);
    await expect.poll(() => received).toMatchObject([{ id: 1 }]);
    expect(closes()).toBe(0);
  });

  test("bytes that are no UTF-8 are refused, not changed into something else", async () => {
    const { client, received } = await wired();
    const text = '{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"x","arguments":{"sql":"';
    client.send(Buffer.concat([Buffer.from(text), Buffer.from([0xc0, 0xaf]), Buffer.from('"}}}\n')]));
    expect(await client.answer(3)).toMatchObject({ error: { code: -32_700, message: expect.stringContaining("UTF-8") as unknown } });
    expect(received).toEqual([]);
  });

  test("a member named __proto__ is refused, however deep: it would be lost on the way", async () => {
    const { client, received } = await wired();
    const call = (id: number, args: string) => `{"jsonrpc":"2.0","id":${id},"method":"tools/call","params":{"name":"git_push","arguments":${args}}}\n`;
    client.send(call(1, '{"branch":"agent/x","__proto__":{"force":true}}'));
    client.send(call(2, `{"a":${'['.repeat(5000)}{"\\u005f_proto__":1}${']'.repeat(5000)}}`));
    for (const id of [1, 2]) expect((await client.answer(id)).error).toMatchObject({ code: -32600, message: expect.stringContaining("__proto__") as string });
    client.send(call(3, '{"branch":"__proto__","text":"\\"__proto__\\": 1"}'));
    await settle();
    expect(received).toHaveLength(1);
  });

  test("a message over the limit is refused under its own id, with what was sent and what is allowed", async () => {
    const { client, received } = await wired(1000);
    const message = { method: "tools/call", params: { name: "x", arguments: { sql: "a".repeat(5000) } }, jsonrpc: "2.0", id: 77 };
    const json = JSON.stringify(message);
    client.send(`${json}\n${JSON.stringify(ping(1))}\n`);
    const { error } = await client.answer(77);
    expect(error?.message).toContain(`${json.length} bytes, the limit is 1000`);
    await expect.poll(() => received).toMatchObject([{ id: 1 }]);
  });

  test("the end of the input closes once, and later messages are refused to the sender", async () => {
    const { wire, input, closes } = await wired();
    input.end();
    await expect.poll(closes).toBe(1);
    await wire.close();
    expect(closes()).toBe(1);
    await expect(wire.send({ jsonrpc: "2.0", id: 1, result: {} })).rejects.toThrow("gone");
  });

  test("a broken pipe closes instead of throwing", async () => {
    const { wire, output, closes } = await wired();
    output.destroy(new Error("EPIPE"));
    await expect.poll(closes).toBe(1);
    await expect(wire.send({ jsonrpc: "2.0", id: 1, result: {} })).rejects.toThrow("gone");
  });

  test("an input that has already ended closes at once", async () => {
    const input = new PassThrough();
    input.end();
    input.resume();
    await expect.poll(() => input.readableEnded).toBe(true);
    const wire = new StdioWire(input, new PassThrough());
    let closed = false;
    handle(wire, { onclose: () => void (closed = true) });
    await wire.start();
    await expect.poll(() => closed).toBe(true);
  });
});

import { startHttpStub, type Answer, type HttpStub, type Received } from "./http-stub.js";

/** One object that the stub shows, by key, with its ETag. */
export type S3Objects = Readonly<Record<string, string>>;

export interface S3Stub extends HttpStub {
  /** The bodies of all DeleteObjects requests. */
  readonly batches: () => readonly string[];
}

/**
 * For what a healthy server never does: silence, broken connections, partial and wrong answers. Speaks just the requests
 * of the deletion, in the shapes of Amazon's API reference; real behaviour is tested against RADOSGW.
 */
export async function startS3Stub(objects: S3Objects, answer: (request: Received) => Answer | undefined): Promise<S3Stub> {
  const stub = await startHttpStub((request) => answer(request) ?? healthy(objects, request));
  return { ...stub, batches: () => stub.received.filter(isBatch).map(({ body }) => body) };
}

export function isBatch({ method, path }: Received): boolean {
  return method === "POST" && /[?&]delete/.test(path);
}

export function xml(body: string, status = 200): Answer {
  return { status, headers: { "content-type": "application/xml" }, body: `<?xml version="1.0" encoding="UTF-8"?>${body}` };
}

export function errorXml(status: number, code: string, message = "as it says"): Answer {
  return xml(`<Error><Code>${code}</Code><Message>${message}</Message></Error>`, status);
}

/** The answer to a batch: these deleted, these refused with a code. */
export function deleted(keys: readonly string[], refused: Readonly<Record<string, string>> = {}): Answer {
  const done = keys.map((key) => `<Deleted><Key>${key}</Key></Deleted>`);
  const errors = Object.entries(refused).map(([key, code]) => `<Error><Key>${key}</Key><Code>${code}</Code><Message>no</Message></Error>`);
  return xml(`<DeleteResult>${done.join("")}${errors.join("")}</DeleteResult>`);
}

/** The keys that a batch names, in order. */
export function keysOf(batch: string): string[] {
  return Array.from(batch.matchAll(/<Key>([^<]*)<\/Key>/g), ([, key]) => String(key));
}

function healthy(objects: S3Objects, request: Received): Answer {
  const [path = "", query = ""] = request.path.split("?");
  if (isBatch(request)) return deleted(keysOf(request.body));
  if (query.startsWith("versioning")) return xml("<VersioningConfiguration/>");
  if (query.startsWith("object-lock")) return errorXml(404, "ObjectLockConfigurationNotFoundError");
  if (request.method === "GET") return list(objects, new URLSearchParams(query).get("prefix") ?? "");
  const etag = objects[decodeURIComponent(path.split("/").slice(2).join("/"))];
  if (etag === undefined) return { status: 404, body: "" };
  const headers = { etag, "content-length": "5", "last-modified": "Sun, 22 Nov 2026 12:00:00 GMT" };
  return { status: 200, headers, body: "" };
}

function list(objects: S3Objects, prefix: string): Answer {
  const found = Object.entries(objects).filter(([key]) => key.startsWith(prefix));
  const entries = found.map(([key, etag]) =>
    `<Contents><Key>${encodeURIComponent(key)}</Key><Size>5</Size><ETag>${etag}</ETag><LastModified>2026-11-22T12:00:00.000Z</LastModified></Contents>`);
  return xml(`<ListBucketResult><IsTruncated>false</IsTruncated><EncodingType>url</EncodingType>${entries.join("")}</ListBucketResult>`);
}

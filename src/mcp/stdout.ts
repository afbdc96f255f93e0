import { Writable } from "node:stream";

/**
 * Takes standard output for the protocol and sends whatever else is written to it (console.log, a warning of a library)
 * to standard error: one stray line would end the connection.
 *
 * A broken pipe on either stream is not allowed to end the process: the reader is gone, and running calls still have
 * to record their outcome.
 */
export function claimStdout(stdout: NodeJS.WriteStream, stderr: NodeJS.WriteStream): Writable {
  const write = stdout.write.bind(stdout);
  const wire = new Writable({
    decodeStrings: false,
    write(chunk: string | Uint8Array, _encoding, done) {
      write(chunk, (error) => done(error));
    },
  });
  stdout.on("error", (error) => wire.destroy(error));
  stderr.on("error", () => undefined);
  stdout.write = stderr.write.bind(stderr);
  return wire;
}

import { createInterface } from "node:readline";
import { Writable } from "node:stream";

import { EnactError } from "../errors.js";

/** A person at a keyboard. main.ts makes the real one; tests give their own, or a real pseudo-terminal. */
export interface Terminal {
  /** Both ends are a terminal: nobody but a person (or a program that plays one) can type, and see what is asked. */
  readonly isInteractive: boolean;
  write(text: string): void;
  /** @throws EnactError CANCELLED when the person ends the input (Ctrl-C, Ctrl-D) */
  ask(question: string): Promise<string>;
  /** The same without showing what is typed, nor how long it is. */
  askHidden(question: string): Promise<string>;
}

export function openTerminal(input: NodeJS.ReadStream, output: NodeJS.WriteStream): Terminal {
  return {
    isInteractive: input.isTTY && output.isTTY,
    write: (text) => void output.write(text),
    ask: (question) => askLine(input, output, question, false),
    askHidden: (question) => askLine(input, output, question, true),
  };
}

function askLine(input: NodeJS.ReadStream, output: NodeJS.WriteStream, question: string, hidden: boolean): Promise<string> {
  // What the line editor draws while one types goes through here, and for what is hidden no further.
  const drawn = new Writable({
    write(chunk: Buffer, _encoding, done) {
      if (!hidden) output.write(chunk);
      done();
    },
  });
  // In the line editor's own mode the terminal itself shows nothing, from before the question is asked.
  const editor = createInterface({ input, output: drawn, terminal: true, historySize: 0, prompt: hidden ? "" : question });
  return new Promise((resolve, reject) => {
    let answer: string | undefined;
    editor.once("line", (line) => {
      answer = line;
      editor.close();
    });
    editor.once("SIGINT", () => editor.close());
    editor.once("close", () => {
      if (hidden || answer === undefined) output.write("\n");
      if (answer === undefined) reject(new EnactError("CANCELLED", "Nothing was decided"));
      else resolve(answer);
    });
    if (hidden) output.write(question);
    editor.prompt();
  });
}

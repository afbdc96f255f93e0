import { code, NOTE, withFinalNewline } from "./text.mjs";

/** What each command says of itself. */
export async function cliPage({ runProgram }) {
  const main = await helpOf(runProgram, ["--help"]);
  const commands = commandNames(main);
  const sections = [];
  for (const name of commands) sections.push(`## ${name}`, fence(await helpOf(runProgram, [name, "--help"])));
  return withFinalNewline([
    "# Commands",
    NOTE,
    `Everything is one binary, ${code("enact-guard")}. Exit codes: 0 done or PASS, 1 blocked or verification failed, 2 usage or configuration error, 3 internal error.`,
    fence(main),
    ...sections,
  ]);
}

function fence(text) {
  return `\`\`\`\n${text.trimEnd()}\n\`\`\``;
}

async function helpOf(runProgram, argv) {
  let text = "";
  const out = { write: (part) => (text += part), isTTY: false, columns: 100 };
  const never = () => Promise.reject(new Error("help runs no command"));
  const commands = new Proxy({}, { get: () => never });
  const io = { cwd: "/", env: {}, stdout: out, stderr: out };
  const exitCode = await runProgram({ argv, io, commands, version: "0.0.0", stdinIsTerminal: true });
  if (exitCode !== 0) throw new Error(`enact-guard ${argv.join(" ")} ended with ${exitCode}: ${text}`);
  return text;
}

/** The first word of each line below "Commands:". */
function commandNames(help) {
  const [, list = ""] = help.split(/^Commands:\n/mu);
  const names = list.split("\n").flatMap((line) => /^ {2}([a-z][\w-]*)/u.exec(line)?.slice(1) ?? []);
  return names.filter((name) => name !== "help");
}

/** Where an agent client wants to be told of a server, and the text for it. */
export interface ClientLines {
  readonly client: string;
  /** The file, as its user would name it. */
  readonly file: string;
  readonly text: string;
}

export interface Launch {
  readonly command: string;
  /** Up to and without `serve`. */
  readonly args: readonly string[];
  /** Absolute path of the project. */
  readonly project: string;
  /** Names of variables that the configuration refers to; each client passes them on in its own way. */
  readonly variables: readonly string[];
}

/** The lines for each client. No value of a variable is in them. */
export function clientLines(launch: Launch): readonly ClientLines[] {
  const server = (extra: readonly string[], reference?: (name: string) => string) => ({
    command: launch.command,
    args: [...launch.args, "serve", ...extra],
    ...environment(launch.variables, reference),
  });
  const inProject = ["--project", launch.project];
  return [
    { client: "Claude Code", file: ".mcp.json in the project", text: json({ mcpServers: { "enact-guard": server([], (name) => `\${${name}}`) } }) },
    {
      client: "Claude Desktop",
      file: "claude_desktop_config.json (Settings → Developer → Edit Config)",
      text: json({ mcpServers: { "enact-guard": server(inProject, (name) => `<value of ${name}>`) } }),
    },
    {
      client: "Cursor",
      file: ".cursor/mcp.json in the project",
      text: json({ mcpServers: { "enact-guard": server(["--project", "${workspaceFolder}"], (name) => `\${env:${name}}`) } }),
    },
    {
      client: "VS Code",
      file: ".vscode/mcp.json in the project",
      text: json({ servers: { "enact-guard": { type: "stdio", ...server(["--project", "${workspaceFolder}"], (name) => `\${env:${name}}`) } } }),
    },
    { client: "Codex", file: "~/.codex/config.toml", text: toml(server(inProject), launch.variables) },
  ];
}

function environment(names: readonly string[], reference: ((name: string) => string) | undefined): { env?: Record<string, string> } {
  if (names.length === 0 || reference === undefined) return {};
  return { env: Object.fromEntries(names.map((name) => [name, reference(name)])) };
}

function json(value: unknown): string {
  return JSON.stringify(value, null, 2);
}

/** JSON's strings are TOML's basic strings. */
function toml(server: { readonly command: string; readonly args: readonly string[] }, variables: readonly string[]): string {
  return [
    "[mcp_servers.enact-guard]",
    `command = ${JSON.stringify(server.command)}`,
    `args = [${server.args.map((argument) => JSON.stringify(argument)).join(", ")}]`,
    ...(variables.length === 0 ? [] : [`env_vars = [${variables.map((name) => JSON.stringify(name)).join(", ")}]`]),
  ].join("\n");
}

/** Sends an answer to the server that the page came from. @throws Error with the server's own words */
export async function post<Reply>(path: string, body: unknown): Promise<Reply> {
  const response = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  }).catch(() => {
    throw new Error("The page's server does not answer. Is enact-guard still running?");
  });
  const reply = (await response.json().catch(() => ({}))) as { readonly error?: { readonly message?: string; readonly hint?: string } };
  if (response.ok) return reply as Reply;
  const { message = "The server refused it.", hint } = reply.error ?? {};
  throw new Error([sentence(message), hint].filter((part) => part !== undefined).join(" "));
}

function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}

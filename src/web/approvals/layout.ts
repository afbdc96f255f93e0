import { plainText } from "../../guard/text.js";
import type { Child } from "./html.js";
import { Html, html } from "./html.js";

export interface PageOptions {
  /** For the tab. */
  readonly title: string;
  /** From the page to the folder of style and script: "" at the root of the server, "../" where the address is one level deeper. */
  readonly assets: string;
  /** Where the name at the top leads; null where there is nothing else to see. */
  readonly home: string | null;
  readonly main: Child;
  /** Pages that decide nothing by script work without one. */
  readonly hasScript: boolean;
}

/** A whole document. There is no script and no style in it: the Content-Security-Policy allows none. */
export function page({ title, assets, home, main, hasScript }: PageOptions): string {
  const name = html`${SHIELD}<span>Enact Guard</span>`;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>${plainText(title, 120)} · Enact Guard</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="${assets}approvals.css">
${hasScript && html`<script type="module" src="${assets}approvals.js"></script>`}
</head>
<body>
<a class="skip" href="#main">Skip to the content</a>
<header class="top"><div class="wide">${home === null ? html`<span class="brand">${name}</span>` : html`<a class="brand" href="${home}">${name}</a>`}<span class="place">Approvals</span></div></header>
<main id="main" class="wide" tabindex="-1">
${main}
</main>
<footer class="bottom"><div class="wide">Only people decide here. An answer counts for exactly one request, and no agent can give it.</div></footer>
</body>
</html>
`.toString();
}

const SHIELD = new Html(
  '<svg class="shield" viewBox="0 0 24 24" width="22" height="22" aria-hidden="true"><path d="M12 2 4 5v6c0 5 3.4 9.4 8 11 4.6-1.6 8-6 8-11V5z"/><path class="tick" d="m8.2 12 2.6 2.6 5-5.4"/></svg>',
);

/** A page that says one thing. */
export function plainPage(options: Omit<PageOptions, "main" | "hasScript"> & { readonly heading: string; readonly text: Child }): string {
  const { heading, text, ...rest } = options;
  return page({ ...rest, hasScript: false, main: html`<section class="card narrow"><h1>${heading}</h1>${text}</section>` });
}

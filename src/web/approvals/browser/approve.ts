import type { PublicKeyCredentialRequestOptionsJSON } from "@simplewebauthn/browser";
import { startAuthentication } from "@simplewebauthn/browser";

import { inWords } from "./problems.js";
import { post } from "./post.js";

/** The button that asks for a passkey. What is signed is made by the server, from the request; the server checks it again. */
export function offerApproval(): void {
  const box = document.querySelector<HTMLElement>("#approve");
  const button = box?.querySelector<HTMLButtonElement>("button.yes");
  const outcome = box?.querySelector<HTMLElement>(".outcome");
  if (box === null || button === null || button === undefined || outcome === null || outcome === undefined) return;
  button.addEventListener("click", () => {
    void approve(box, button, outcome);
  });
}

async function approve(box: HTMLElement, button: HTMLButtonElement, outcome: HTMLElement): Promise<void> {
  const { options = "", post: path = "", token } = box.dataset;
  button.setAttribute("aria-busy", "true");
  button.disabled = true;
  outcome.textContent = "";
  try {
    const optionsJSON = JSON.parse(options) as PublicKeyCredentialRequestOptionsJSON;
    const assertion = await startAuthentication({ optionsJSON });
    await post(path, { token, assertion });
    location.reload();
  } catch (error) {
    outcome.textContent = inWords(error);
    button.disabled = false;
    button.removeAttribute("aria-busy");
    button.focus();
  }
}

import type { PublicKeyCredentialCreationOptionsJSON, PublicKeyCredentialRequestOptionsJSON } from "@simplewebauthn/browser";
import { startAuthentication, startRegistration } from "@simplewebauthn/browser";

import { post } from "./post.js";
import { inWords } from "./problems.js";

interface Begun {
  readonly email: string;
  readonly options: PublicKeyCredentialCreationOptionsJSON;
}

interface Made {
  readonly state: "added" | "confirm";
  /** What an approver who was there before must sign; null when none has a passkey here. */
  readonly confirm?: PublicKeyCredentialRequestOptionsJSON | null;
}

const LOOK_MS = 1500;

/** Makes a passkey for the person whom the terminal has named. The code of the terminal's link opens the door once. */
export function offerRegistration(): void {
  const box = document.querySelector<HTMLElement>("#register");
  if (box === null) return;
  const code = new URLSearchParams(location.hash.slice(1)).get("code") ?? "";
  // Out of the address bar and of the history: it is for this page only.
  history.replaceState(null, "", location.pathname);
  // The link of another terminal, opened in this tab.
  addEventListener("hashchange", () => location.reload());
  void new Registration(box, code).begin();
}

class Registration {
  readonly #box: HTMLElement;
  readonly #code: string;

  constructor(box: HTMLElement, code: string) {
    this.#box = box;
    this.#code = code;
  }

  async begin(): Promise<void> {
    const begun = await this.#try(() => post<Begun>("/approvals/register/begin", { code: this.#code }));
    if (begun === undefined) return;
    for (const place of this.#box.querySelectorAll(".email")) place.textContent = begun.email;
    this.#show("make");
    this.#on("make", async () => {
      const attestation = await startRegistration({ optionsJSON: begun.options });
      const made = await post<Made>("/approvals/register/finish", { code: this.#code, attestation });
      if (made.state === "added") this.#show("done");
      else this.#askForConfirmation(made.confirm ?? null);
    });
  }

  #askForConfirmation(confirm: PublicKeyCredentialRequestOptionsJSON | null): void {
    this.#show(confirm === null ? "confirm-elsewhere" : "confirm");
    if (confirm !== null) {
      this.#on("confirm", async () => {
        const assertion = await startAuthentication({ optionsJSON: confirm });
        await post("/approvals/register/confirm", { code: this.#code, assertion });
        this.#show("done");
      });
    }
    const timer = setInterval(() => void this.#look(timer), LOOK_MS);
  }

  /** Somebody may confirm it in the terminal meanwhile. */
  async #look(timer: ReturnType<typeof setInterval>): Promise<void> {
    const { state } = await post<{ readonly state: string }>("/approvals/register/state", { code: this.#code }).catch(() => ({ state: "gone" }));
    if (state === "waiting") return;
    clearInterval(timer);
    if (state === "added") this.#show("done");
  }

  #on(step: string, work: () => Promise<void>): void {
    const button = this.#box.querySelector<HTMLButtonElement>(`[data-step="${step}"] button`);
    button?.focus();
    button?.addEventListener("click", () => {
      button.disabled = true;
      void this.#try(work).finally(() => {
        button.disabled = false;
      });
    });
  }

  async #try<Value>(work: () => Promise<Value>): Promise<Value | undefined> {
    const outcome = this.#box.querySelector<HTMLElement>(".outcome");
    if (outcome !== null) outcome.textContent = "";
    try {
      return await work();
    } catch (error) {
      if (outcome !== null) outcome.textContent = inWords(error);
      return undefined;
    }
  }

  #show(step: string): void {
    for (const part of this.#box.querySelectorAll<HTMLElement>("[data-step]")) part.hidden = part.dataset["step"] !== step;
  }
}

import { EnactError } from "../../errors.js";
import type { HubspotLoader } from "./client.js";
import { hubspotFailure, type HubspotFailure } from "./failure.js";
import type { HubspotContact, HubspotReader, PersonSearch, RecordKind, StoredProperties } from "./reader.js";
import { storedProperties } from "./reader.js";

export interface NewTask {
  readonly contactId: string;
  readonly subject: string;
  readonly body: string | null;
  /** RFC 3339. */
  readonly due: string;
}

export type CreateOutcome =
  | { readonly state: "created"; readonly id: string; /** As HubSpot keeps them. */ readonly stored: StoredProperties }
  | { readonly state: "failed" | "unknown"; readonly failure: HubspotFailure };

export type ArchiveOutcome = { readonly state: "archived" } | { readonly state: "failed" | "unknown"; readonly failure: HubspotFailure };

/** HubSpot's number for "task to contact". Source: HubSpot API, "Association type ID values". */
const TASK_TO_CONTACT = 204;

/** Creates contacts and tasks. */
export class HubspotWriter {
  readonly #loader: HubspotLoader;
  readonly #reader: HubspotReader;

  constructor(loader: HubspotLoader, reader: HubspotReader) {
    this.#loader = loader;
    this.#reader = reader;
  }

  /** A fresh look, for comparing with what was judged. @throws EnactError SYSTEM_UNAVAILABLE */
  async contactsOf(person: PersonSearch): Promise<readonly HubspotContact[]> {
    return this.#reader.contactsOf(person);
  }

  /** @throws EnactError STALE_PLAN when the contact is gone or merged into another, SYSTEM_UNAVAILABLE */
  async checkContact(id: string): Promise<void> {
    try {
      if ((await this.#reader.contact(id)).id === id) return;
    } catch (error) {
      if (!(error instanceof EnactError) || error.code !== "NOT_FOUND") throw error;
    }
    throw new EnactError("STALE_PLAN", `The contact ${id} is gone or was merged into another since it was judged`);
  }

  /** Tried once. HubSpot itself refuses a second contact with the same address. */
  async createContact(properties: Readonly<Record<string, string>>): Promise<CreateOutcome> {
    return this.#create(async () =>
      this.#loader.request((client, how) => client.crm.contacts.basicApi.create({ properties: { ...properties } }, how)),
    );
  }

  /** Tried once. */
  async createTask({ contactId, subject, body, due }: NewTask): Promise<CreateOutcome> {
    const properties: Record<string, string> = { hs_task_subject: subject, hs_timestamp: due, hs_task_status: "NOT_STARTED" };
    if (body !== null) properties["hs_task_body"] = body;
    const types = [{ associationCategory: "HUBSPOT_DEFINED", associationTypeId: TASK_TO_CONTACT }];
    const request = { properties, associations: [{ to: { id: contactId }, types }] };
    return this.#create(async () => this.#loader.request((client, how) => client.crm.objects.tasks.basicApi.create(request as never, how)));
  }

  /** What a record of ours holds now; see HubspotReader.record. */
  record(kind: RecordKind, id: string, names: readonly string[]): Promise<StoredProperties | "gone"> {
    return this.#reader.record(kind, id, names);
  }

  /** Puts one record into HubSpot's recycle bin, where it can be restored for 90 days. Tried once. */
  async archive(kind: RecordKind, id: string): Promise<ArchiveOutcome> {
    try {
      await this.#loader.request((client, how) => {
        const api = kind === "contact" ? client.crm.contacts.basicApi : client.crm.objects.tasks.basicApi;
        return api.archive(id, how);
      });
      return { state: "archived" };
    } catch (error) {
      const failure = hubspotFailure(error);
      return { state: failure.mayHaveHappened ? "unknown" : "failed", failure };
    }
  }

  async #create(send: () => Promise<{ id?: unknown; properties?: unknown }>): Promise<CreateOutcome> {
    try {
      const { id, properties } = await send();
      if (typeof id === "string" && id !== "") return { state: "created", id, stored: storedProperties(properties) };
      return { state: "unknown", failure: NO_ID };
    } catch (error) {
      const failure = hubspotFailure(error);
      return { state: failure.mayHaveHappened ? "unknown" : "failed", failure };
    }
  }
}

const NO_ID: HubspotFailure = {
  code: "NO_ID",
  message: "HubSpot's answer does not say what was created",
  mayHaveHappened: true,
  kind: "SYSTEM_UNAVAILABLE",
  status: undefined,
};

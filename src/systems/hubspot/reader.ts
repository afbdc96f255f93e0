import type { Client } from "@hubspot/api-client";
import type { SimplePublicObject } from "@hubspot/api-client/lib/codegen/crm/contacts/index.js";

import { EnactError } from "../../errors.js";
import { abortable } from "../shared/abort.js";
import type { How, HubspotLoader } from "./client.js";
import { hubspotFailure, lookFailed } from "./failure.js";

export interface HubspotContact {
  readonly id: string;
  /** The primary address; empty when it has none. */
  readonly email: string;
}

export interface HubspotTask {
  readonly id: string;
  /** RFC 3339. */
  readonly created_at: string;
}

/** How to recognise a person among the CRM's contacts. */
export interface PersonSearch {
  /** Addresses under which the person may be stored as they are. */
  readonly addresses: readonly string[];
  /** Addresses with a star for any plus-tag: `bob+*@example.com`. */
  readonly patterns: readonly string[];
  /** Whether an address that was found is the person's. */
  readonly isSame: (email: string) => boolean;
}

/** What a tool creates. */
export type RecordKind = "contact" | "task";

export type StoredProperties = Readonly<Record<string, string | null>>;

/** The properties of a record, as an answer has them. */
export function storedProperties(raw: unknown): StoredProperties {
  if (typeof raw !== "object" || raw === null) return {};
  return Object.fromEntries(Object.entries(raw).map(([name, value]) => [name, typeof value === "string" ? value : null]));
}

/** The newest so many tasks of a contact are listed. */
const MAX_LISTED_TASKS = 200;
/** More tasks than this are not counted: the list would take minutes. */
const MAX_TASKS = 2_000;
/** HubSpot's limits for one page and one batch. */
const PAGE = 100;
/** HubSpot searches no further than 10,000 results. */
const MAX_SEARCH_PAGES = 20;

const EMAIL = ["email", "hs_additional_emails"];

/** Looks at contacts and tasks. */
export class HubspotReader {
  readonly #loader: HubspotLoader;

  constructor(loader: HubspotLoader) {
    this.#loader = loader;
  }

  /**
   * All contacts of a person: read by the address itself, which is exact and at once true, and searched for other
   * spellings and secondary addresses. HubSpot's search lags behind by seconds.
   *
   * @throws EnactError SYSTEM_UNAVAILABLE when HubSpot cannot say, CANCELLED
   */
  async contactsOf(person: PersonSearch, signal?: AbortSignal): Promise<readonly HubspotContact[]> {
    return abortable(this.#contactsOf(person), signal);
  }

  /** One contact, by its id or address. @throws EnactError NOT_FOUND, SYSTEM_UNAVAILABLE, CANCELLED */
  async contact(idOrEmail: string, signal?: AbortSignal): Promise<HubspotContact> {
    const found = await abortable(this.#contact(idOrEmail), signal);
    if (found === undefined) throw new EnactError("NOT_FOUND", `HubSpot has no contact '${idOrEmail}'`);
    return asContact(found);
  }

  /**
   * The tasks of a contact, newest first, and whether these are all.
   * @throws EnactError SYSTEM_UNAVAILABLE when HubSpot cannot say or there are too many to count, CANCELLED
   */
  async tasksOf(contactId: string, signal?: AbortSignal): Promise<{ tasks: readonly HubspotTask[]; isComplete: boolean }> {
    return abortable(this.#tasksOf(contactId), signal);
  }

  /** What a record holds under these names; "gone" when it was archived or deleted. @throws EnactError SYSTEM_UNAVAILABLE */
  async record(kind: RecordKind, id: string, names: readonly string[]): Promise<StoredProperties | "gone"> {
    try {
      const found = checked(
        await this.#loader.request((client, how) => {
          const api = kind === "contact" ? client.crm.contacts.basicApi : client.crm.objects.tasks.basicApi;
          return api.getById(id, [...names], undefined, undefined, false, undefined, how);
        }),
      );
      // A contact that was merged into another answers with the other's id.
      return found.id === id ? storedProperties(found.properties) : "gone";
    } catch (error) {
      if (hubspotFailure(error).status === 404) return "gone";
      throw lookFailed(error);
    }
  }

  async #contactsOf(person: PersonSearch): Promise<readonly HubspotContact[]> {
    const found = new Map<string, HubspotContact>();
    for (const address of person.addresses) {
      const contact = await this.#contact(address);
      // Whatever HubSpot answers for this very address is this person, by a secondary address perhaps.
      if (contact !== undefined) found.set(contact.id, asContact(contact));
    }
    for (const contact of await this.#search(person)) {
      if (addressesOf(contact).some(person.isSame)) found.set(contact.id, asContact(contact));
    }
    return [...found.values()].toSorted((a, b) => a.id.localeCompare(b.id));
  }

  async #contact(idOrEmail: string): Promise<SimplePublicObject | undefined> {
    const idProperty = idOrEmail.includes("@") ? "email" : undefined;
    try {
      return checked(
        await this.#loader.request((client, how) =>
          client.crm.contacts.basicApi.getById(idOrEmail, EMAIL, undefined, undefined, false, idProperty, how),
        ),
      );
    } catch (error) {
      if (hubspotFailure(error).status === 404) return undefined;
      throw lookFailed(error);
    }
  }

  async #search({ addresses, patterns }: PersonSearch): Promise<readonly SimplePublicObject[]> {
    const filters = [
      ...addresses.map((value) => ({ propertyName: "email", operator: "EQ", value })),
      ...patterns.map((value) => ({ propertyName: "email", operator: "CONTAINS_TOKEN", value })),
      ...addresses.map((value) => ({ propertyName: "hs_additional_emails", operator: "CONTAINS_TOKEN", value })),
    ];
    const found: SimplePublicObject[] = [];
    // HubSpot takes at most five groups in one search.
    for (let start = 0; start < filters.length; start += 5) {
      found.push(...(await this.#searchAll(filters.slice(start, start + 5))));
    }
    return found;
  }

  async #searchAll(filters: readonly { propertyName: string; operator: string; value: string }[]): Promise<readonly SimplePublicObject[]> {
    const found: SimplePublicObject[] = [];
    let after: string | undefined;
    for (let page = 0; page < MAX_SEARCH_PAGES; page += 1) {
      const filterGroups = filters.map((filter) => ({ filters: [filter] }));
      const request = { filterGroups, properties: EMAIL, limit: PAGE, ...(after === undefined ? {} : { after }) };
      const answer = await this.#look((client, how) => client.crm.contacts.searchApi.doSearch(request as never, how));
      if (!Array.isArray(answer.results)) throw strange();
      found.push(...answer.results.map(checked));
      after = answer.paging?.next?.after;
      if (after === undefined) return found;
    }
    throw new EnactError("SYSTEM_UNAVAILABLE", "HubSpot finds too many contacts with a similar address to look at all of them");
  }

  async #tasksOf(contactId: string): Promise<{ tasks: readonly HubspotTask[]; isComplete: boolean }> {
    const ids = await this.#taskIds(contactId);
    const tasks: HubspotTask[] = [];
    for (let start = 0; start < ids.length; start += PAGE) tasks.push(...(await this.#readTasks(ids.slice(start, start + PAGE))));
    const newest = tasks.toSorted((a, b) => b.created_at.localeCompare(a.created_at) || b.id.localeCompare(a.id));
    return { tasks: newest.slice(0, MAX_LISTED_TASKS), isComplete: newest.length <= MAX_LISTED_TASKS };
  }

  async #taskIds(contactId: string): Promise<readonly string[]> {
    const ids = new Set<string>();
    let after: string | undefined;
    do {
      const from = after;
      const answer = await this.#look((client, how) =>
        client.crm.associations.v4.basicApi.getPage("contacts", contactId, "tasks", from, 500, how),
      );
      if (!Array.isArray(answer.results)) throw strange();
      // Numbers, whatever the client's types say.
      const results: readonly { toObjectId: unknown }[] = answer.results;
      for (const { toObjectId } of results) ids.add(String(toObjectId));
      after = answer.paging?.next?.after;
      if (ids.size > MAX_TASKS || after === from) break;
    } while (after !== undefined);
    if (after !== undefined) throw new EnactError("SYSTEM_UNAVAILABLE", `The contact has more than ${MAX_TASKS} tasks: too many to count`);
    return [...ids];
  }

  async #readTasks(ids: readonly string[]): Promise<readonly HubspotTask[]> {
    const inputs = ids.map((id) => ({ id }));
    const request = { inputs, properties: ["hs_createdate"], propertiesWithHistory: [] };
    const answer = await this.#look((client, how) => client.crm.objects.tasks.batchApi.read(request, false, how));
    if (!Array.isArray(answer.results)) throw strange();
    const { errors = [] } = answer as { errors?: readonly { category?: string }[] };
    // A task that was deleted a moment ago is still in the list of associations. Any other gap would be a task not counted.
    const isComplete = errors.every(({ category }) => category === "OBJECT_NOT_FOUND");
    if (!isComplete) throw new EnactError("SYSTEM_UNAVAILABLE", "HubSpot does not show all tasks of the contact");
    return answer.results.map(({ id, properties, createdAt }) => {
      const date = new Date(properties["hs_createdate"] ?? createdAt);
      if (Number.isNaN(date.getTime())) throw strange();
      return { id, created_at: date.toISOString() };
    });
  }

  async #look<Answer>(send: (client: Client, how: How) => Promise<Answer>): Promise<Answer> {
    try {
      return await this.#loader.request(send);
    } catch (error) {
      throw lookFailed(error);
    }
  }
}

/** @throws EnactError SYSTEM_UNAVAILABLE for what is no record: an answer of somebody else */
function checked<Raw extends { id?: unknown; properties?: unknown }>(raw: Raw): Raw {
  const isRecord = typeof raw?.id === "string" && raw.id !== "" && typeof raw.properties === "object" && raw.properties !== null;
  if (!isRecord) throw strange();
  return raw;
}

function strange(): EnactError {
  return new EnactError("SYSTEM_UNAVAILABLE", "The answer is not HubSpot's: a proxy, or a wrong base_url");
}

function asContact({ id, properties }: SimplePublicObject): HubspotContact {
  return { id, email: properties["email"] ?? "" };
}

function addressesOf({ properties }: SimplePublicObject): readonly string[] {
  const additional = (properties["hs_additional_emails"] ?? "").split(";");
  return [properties["email"] ?? "", ...additional].filter((address) => address !== "");
}

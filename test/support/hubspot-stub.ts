import { startHttpStub, type Answer, type HttpStub, type Received } from "./http-stub.js";

/**
 * A small HubSpot that holds to the public description of its API (developers.hubspot.com, CRM API v3 and associations
 * v4) for what the tools use:
 *
 *   GET  /crm/v3/objects/contacts/{id or address with idProperty=email}
 *   GET  /crm/v3/objects/contacts            a page, with the properties that were asked for
 *   POST /crm/v3/objects/contacts            409 for an address that exists
 *   POST /crm/v3/objects/contacts/search     EQ and CONTAINS_TOKEN, at most five groups, pages by `after`
 *   GET  /crm/v4/objects/contacts/{id}/associations/tasks
 *   POST /crm/v3/objects/tasks/batch/read    at most 100
 *   POST /crm/v3/objects/tasks               hs_timestamp is required
 *   GET, DELETE /crm/v3/objects/{contacts or tasks}/{id}   DELETE archives: 204, and 404 from then on
 *
 * Where the real one may differ: how CONTAINS_TOKEN cuts addresses into tokens, how long the search lags behind, which
 * properties exist, and the wording of errors.
 */
export interface HubspotStub extends HttpStub {
  readonly contacts: StubRecord[];
  readonly tasks: StubRecord[];
  /** Contact ids by task id. */
  readonly taskContacts: Map<string, string>;
  addContact(email: string, more?: Readonly<Record<string, string>>): StubRecord;
  addTask(contactId: string, createdAt: string): StubRecord;
  /** Requests of this method and path, without the query. */
  requests(method: string, path: string): readonly Received[];
}

export interface StubRecord {
  id: string;
  properties: Record<string, string>;
  createdAt: string;
  updatedAt: string;
  archived: boolean;
}

export interface HubspotStubOptions {
  /** Ids that the search does not show yet. */
  readonly notSearchable?: readonly string[];
  /** Entries of one page of associations. */
  readonly associationPage?: number;
  /** Answers in place of the healthy one. */
  readonly answer?: (request: Received) => Answer | undefined;
}

export const TOKEN = ["pat", "eu1", "do-not-show"].join("-");

export async function startHubspotStub(options: HubspotStubOptions = {}): Promise<HubspotStub> {
  const world = new World(options);
  const stub = await startHttpStub((request) => options.answer?.(request) ?? world.answer(request));
  return {
    ...stub,
    contacts: world.contacts,
    tasks: world.tasks,
    taskContacts: world.taskContacts,
    addContact: (email, more) => world.addContact({ email, ...more }),
    addTask: (contactId, createdAt) => world.addTask(contactId, {}, createdAt),
    requests: (method, path) => stub.received.filter((request) => request.method === method && request.path.split("?")[0] === path),
  };
}

export function hubspotError(status: number, category: string, message = "no"): Answer {
  return { status, body: { status: "error", category, message, correlationId: "c0ffee" } };
}

type Body = Readonly<Record<string, unknown>>;

class World {
  readonly contacts: StubRecord[] = [];
  readonly tasks: StubRecord[] = [];
  readonly taskContacts = new Map<string, string>();
  readonly #options: HubspotStubOptions;
  #nextId = 101;

  constructor(options: HubspotStubOptions) {
    this.#options = options;
  }

  addContact(properties: Record<string, string>): StubRecord {
    return this.#add(this.contacts, properties, new Date().toISOString());
  }

  addTask(contactId: string, properties: Record<string, string>, createdAt: string): StubRecord {
    const task = this.#add(this.tasks, { ...properties, hs_createdate: createdAt }, createdAt);
    this.taskContacts.set(task.id, contactId);
    return task;
  }

  answer({ method, path, headers, body }: Received): Answer {
    if (headers["authorization"] !== `Bearer ${TOKEN}`) return hubspotError(401, "INVALID_AUTHENTICATION");
    const url = new URL(path, "http://stub");
    const json = (body === "" ? {} : JSON.parse(body)) as Body;
    const [, contactId] = /^\/crm\/v3\/objects\/contacts\/([^/]+)$/.exec(url.pathname) ?? [];
    const [, taskOwner] = /^\/crm\/v4\/objects\/contacts\/([^/]+)\/associations\/tasks$/.exec(url.pathname) ?? [];
    if (method === "GET" && taskOwner !== undefined) return this.#associations(taskOwner, url.searchParams);
    const [, list, recordId] = /^\/crm\/v3\/objects\/(contacts|tasks)\/(\d+)$/.exec(url.pathname) ?? [];
    if (method === "DELETE" && recordId !== undefined) return this.#archive(list === "tasks" ? this.tasks : this.contacts, recordId);
    if (method === "GET" && list === "tasks") return this.#live(this.tasks, recordId ?? "");
    if (method === "GET" && contactId !== undefined) return this.#read(decodeURIComponent(contactId), url.searchParams);
    if (method === "GET" && url.pathname === "/crm/v3/objects/contacts") return this.#page(url.searchParams);
    if (method !== "POST") return hubspotError(405, "METHOD_NOT_ALLOWED");
    switch (url.pathname) {
      case "/crm/v3/objects/contacts":
        return this.#createContact(json);
      case "/crm/v3/objects/contacts/search":
        return this.#search(json);
      case "/crm/v3/objects/tasks":
        return this.#createTask(json);
      case "/crm/v3/objects/tasks/batch/read":
        return this.#readTasks(json);
      default:
        return hubspotError(404, "OBJECT_NOT_FOUND");
    }
  }

  #add(list: StubRecord[], properties: Record<string, string>, createdAt: string): StubRecord {
    const record = { id: String((this.#nextId += 1)), properties, createdAt, updatedAt: createdAt, archived: false };
    list.push(record);
    return record;
  }

  #read(wanted: string, query: URLSearchParams): Answer {
    const byEmail = query.get("idProperty") === "email";
    const found = this.contacts.find(({ id, properties }) =>
      byEmail ? addressesOf(properties).includes(wanted.toLowerCase()) : id === wanted);
    return found === undefined ? hubspotError(404, "OBJECT_NOT_FOUND") : { body: found };
  }

  #page(query: URLSearchParams): Answer {
    const wanted = (query.get("properties") ?? "").split(",");
    const results = this.contacts.slice(0, Number(query.get("limit") ?? 10)).map((record) => {
      const properties = Object.fromEntries(Object.entries({ ...record.properties, hs_object_id: record.id }).filter(([name]) => wanted.includes(name)));
      return { ...record, properties };
    });
    return { body: { results } };
  }

  #live(records: readonly StubRecord[], id: string): Answer {
    const found = records.find((record) => record.id === id);
    return found === undefined ? hubspotError(404, "OBJECT_NOT_FOUND") : { body: found };
  }

  /** Archiving what is archived, or never was, is answered with 204 as well. */
  #archive(records: StubRecord[], id: string): Answer {
    const at = records.findIndex((record) => record.id === id);
    if (at !== -1) records.splice(at, 1);
    return { status: 204, body: "" };
  }

  #createContact({ properties }: Body): Answer {
    const given = properties as Record<string, string>;
    const email = String(given["email"]).trim().toLowerCase();
    const existing = this.contacts.find((contact) => addressesOf(contact.properties).includes(email));
    if (existing !== undefined) return hubspotError(409, "CONFLICT", `Contact already exists. Existing ID: ${existing.id}`);
    const unknown = Object.keys(given).filter((name) => name.startsWith("nonexistent"));
    if (unknown.length > 0) {
      const details = unknown.map((name) => ({ isValid: false, message: `Property "${name}" does not exist: ${given[name]}`, name }));
      return hubspotError(400, "VALIDATION_ERROR", `Property values were not valid: ${JSON.stringify(details)}`);
    }
    return { status: 201, body: this.addContact({ ...given, email }) };
  }

  #search({ filterGroups, limit, after, properties }: Body): Answer {
    const groups = filterGroups as { filters: { propertyName: string; operator: string; value: string }[] }[];
    const isWell = Array.isArray(groups) && groups.length > 0 && groups.length <= 5 && Number(limit) <= 200 && Array.isArray(properties);
    if (!isWell) return hubspotError(400, "VALIDATION_ERROR");
    const found = this.contacts.filter((contact) => {
      if (this.#options.notSearchable?.includes(contact.id) === true) return false;
      return groups.some(({ filters }) => filters.every((filter) => fits(contact.properties[filter.propertyName], filter)));
    });
    return page(found, Number(after ?? 0), Number(limit), { total: found.length });
  }

  #associations(contactId: string, query: URLSearchParams): Answer {
    if (!this.contacts.some(({ id }) => id === contactId)) return hubspotError(404, "OBJECT_NOT_FOUND");
    const ids = [...this.taskContacts].filter(([, contact]) => contact === contactId).map(([task]) => task);
    const results = ids.map((id) => ({ toObjectId: Number(id), associationTypes: [{ category: "HUBSPOT_DEFINED", typeId: 203, label: null }] }));
    const limit = Math.min(Number(query.get("limit") ?? 500), this.#options.associationPage ?? 500);
    return page(results, Number(query.get("after") ?? 0), limit);
  }

  #readTasks({ inputs }: Body): Answer {
    const ids = (inputs as { id: string }[]).map(({ id }) => id);
    if (ids.length > 100) return hubspotError(400, "VALIDATION_ERROR");
    const results = this.tasks.filter(({ id }) => ids.includes(id));
    const missing = ids.length - results.length;
    const errors = missing === 0 ? {} : { numErrors: missing, errors: [{ status: "error", category: "OBJECT_NOT_FOUND", message: "gone" }] };
    return { status: missing === 0 ? 200 : 207, body: { status: "COMPLETE", results, startedAt: NOW, completedAt: NOW, ...errors } };
  }

  #createTask({ properties, associations }: Body): Answer {
    const given = properties as Record<string, string>;
    const [association] = (associations ?? []) as { to: { id: string }; types: { associationCategory: string; associationTypeId: number }[] }[];
    const [type] = association?.types ?? [];
    if (given["hs_timestamp"] === undefined || association === undefined) return hubspotError(400, "VALIDATION_ERROR", "required");
    if (type?.associationTypeId !== 204 || type.associationCategory !== "HUBSPOT_DEFINED") return hubspotError(400, "VALIDATION_ERROR");
    if (!this.contacts.some(({ id }) => id === association.to.id)) return hubspotError(404, "OBJECT_NOT_FOUND");
    return { status: 201, body: this.addTask(association.to.id, given, new Date().toISOString()) };
  }
}

const NOW = "2026-11-22T12:00:00.000Z";

function addressesOf(properties: Readonly<Record<string, string>>): string[] {
  const additional = (properties["hs_additional_emails"] ?? "").split(";");
  return [properties["email"] ?? "", ...additional].filter((text) => text !== "").map((text) => text.toLowerCase());
}

function fits(value: string | undefined, { operator, value: wanted }: { operator: string; value: string }): boolean {
  if (value === undefined) return false;
  if (operator === "EQ") return value.toLowerCase() === wanted.toLowerCase();
  const pattern = wanted.toLowerCase().split("*").map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&")).join(".*");
  return value.toLowerCase().split(";").some((token) => new RegExp(`^${pattern}$`).test(token));
}

function page(all: readonly unknown[], start: number, limit: number, more: object = {}): Answer {
  const next = start + limit < all.length ? { paging: { next: { after: String(start + limit), link: "https://api.hubapi.com/next" } } } : {};
  return { body: { results: all.slice(start, start + limit), ...more, ...next } };
}

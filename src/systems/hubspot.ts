import { checkedEndpoint, checkedSecret } from "./shared/endpoint.js";
import { HubspotLoader } from "./hubspot/client.js";
import { reachHubspot } from "./hubspot/reach.js";
import { HubspotReader } from "./hubspot/reader.js";
import { HubspotWriter } from "./hubspot/writer.js";

export type { HubspotContact, HubspotReader, HubspotTask, PersonSearch, RecordKind, StoredProperties } from "./hubspot/reader.js";
export type { ArchiveOutcome, CreateOutcome, HubspotWriter, NewTask } from "./hubspot/writer.js";

export interface HubspotOptions {
  /**
   * The token of a private app. Least privilege: `crm.objects.contacts.read` and `crm.objects.contacts.write`, which
   * HubSpot also asks for tasks.
   */
  readonly token: string;
  /** Another server that speaks HubSpot's API. Default: HubSpot's own. */
  readonly baseUrl?: string | undefined;
  /** Allows plain http to another machine for `baseUrl`. */
  readonly insecure?: boolean | undefined;
  /** For one request. Default 15 seconds. */
  readonly timeoutMs?: number | undefined;
}

/** HubSpot as the guarded tools see it. */
export interface HubspotSystem {
  readonly reader: HubspotReader;
  readonly writer: HubspotWriter;
  /** For enact-guard doctor: what a look that changes nothing finds, one clause. @throws EnactError SYSTEM_UNAVAILABLE */
  reach(): Promise<string>;
  close(): Promise<void>;
}

/**
 * Opens HubSpot. Connects to nothing and loads nothing: the client is imported by the first request.
 * @throws EnactError CONFIG_INVALID
 */
export function openHubspot(options: HubspotOptions): HubspotSystem {
  const rules = { key: "systems.hubspot.base_url", insecure: options.insecure };
  const loader = new HubspotLoader({
    token: checkedSecret(options.token, "systems.hubspot.token"),
    baseUrl: checkedEndpoint(options.baseUrl ?? "https://api.hubapi.com", rules),
    timeoutMs: options.timeoutMs ?? 15_000,
  });
  const reader = new HubspotReader(loader);
  return { reader, writer: new HubspotWriter(loader, reader), reach: () => reachHubspot(loader), close: async () => loader.close() };
}

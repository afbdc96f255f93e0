import type { HubspotLoader } from "./client.js";
import { lookFailed } from "./failure.js";

/**
 * Whether HubSpot accepts the token and lets it read contacts, which planning needs; reads the id of one and nothing else.
 * (The client has no call for the account itself, and the token need not have a scope for it.)
 *
 * @returns what was found, one clause
 * @throws EnactError SYSTEM_UNAVAILABLE
 */
export async function reachHubspot(loader: HubspotLoader): Promise<string> {
  try {
    await loader.request((client, how) => client.crm.contacts.basicApi.getPage(1, undefined, ["hs_object_id"], undefined, undefined, false, how));
    return "HubSpot answers, and the token may read contacts";
  } catch (error) {
    throw lookFailed(error);
  }
}

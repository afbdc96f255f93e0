import type { GdriveLoader } from "./client.js";
import { lookFailed } from "./failure.js";

/**
 * Whether Drive accepts the credentials; changes nothing.
 * @returns what was found, one clause
 * @throws EnactError SYSTEM_UNAVAILABLE, CONFIG_INVALID
 */
export async function reachDrive(loader: GdriveLoader): Promise<string> {
  try {
    const { user } = await loader.request((drive, how) => drive.about.get({ fields: "user(emailAddress)" }, how));
    const who = user?.emailAddress;
    return typeof who === "string" ? `Drive answers: the account is ${who.slice(0, 200)}` : "Drive answers";
  } catch (error) {
    throw lookFailed(error);
  }
}

import { EnactError } from "../../errors.js";
import { mailFailure } from "./failure.js";
import { secretsOf } from "./send.js";
import type { SendSettings } from "./session.js";
import { openSession } from "./session.js";

/**
 * Connects, encrypts and logs in as for a mail, and sends none.
 * @returns what was found, one clause
 * @throws EnactError SYSTEM_UNAVAILABLE
 */
export async function reachMail(settings: SendSettings): Promise<string> {
  const { server } = settings;
  const session = await openSession(settings);
  try {
    await session.connect();
  } catch (error) {
    throw new EnactError("SYSTEM_UNAVAILABLE", mailFailure(error, secretsOf(server)).message);
  } finally {
    session.close();
  }
  const login = server.login === null ? "no login is configured" : "it accepts the login";
  return `${server.host}:${String(server.port)} answers, ${login}; TLS is ${server.tls === "required" ? "required" : "used if offered"}`;
}

import type { IncomingMessage } from "node:http";

/** What belongs to the connection, not to who is calling. */
const OF_THE_CONNECTION =
  /^(?:connection|upgrade|keep-alive|transfer-encoding|te|trailer|sec-websocket-.*)$/i;
const CREDENTIALS = /^(?:cookie|authorization)$/i;

/**
 * The upgrade as a Web request, for `authorize`. `null`: it is none that such a request could be made of.
 *
 * @param token - from a first frame: it stands as `authorization`, and what came with the upgrade does not count beside it
 */
export function requestOf(upgrade: IncomingMessage, token?: string): Request | null {
  const isEncrypted = "encrypted" in upgrade.socket && upgrade.socket.encrypted === true;
  try {
    const headers = new Headers();
    const { rawHeaders } = upgrade;
    for (let index = 0; index < rawHeaders.length; index += 2) {
      const name = rawHeaders[index] ?? "";
      if (OF_THE_CONNECTION.test(name) || (token !== undefined && CREDENTIALS.test(name))) continue;
      headers.append(name, rawHeaders[index + 1] ?? "");
    }
    if (token !== undefined) headers.set("authorization", `Bearer ${token}`);
    const base = `${isEncrypted ? "https" : "http"}://${upgrade.headers.host ?? "localhost"}`;
    return new Request(new URL(upgrade.url ?? "/", base), { headers });
  } catch {
    return null;
  }
}

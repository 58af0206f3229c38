import { createHash } from "node:crypto";
import type { ServerEvent } from "../../core/job/event.js";
import type { WebhookEndpoint } from "./endpoint.js";
import type { WebhookNotifierOptions } from "./options.js";

type EndpointOption = WebhookNotifierOptions["endpoint"];

/**
 * The lane of an event: its endpoint's URL, by origin and hash, since lanes are shown and a path may be a secret. A function
 * that answers with a promise cannot be waited for here: then the owner is the lane, whose endpoint it most likely is.
 */
export function laneOf(endpoint: EndpointOption): (event: ServerEvent) => string {
  if (typeof endpoint !== "function") {
    const lane = laneOfUrl(endpoint);
    return () => lane;
  }
  let isAsync = false;
  return (event) => {
    if (isAsync) return laneOfOwner(event);
    try {
      const found = endpoint(event);
      if (found === null || !("then" in found)) return laneOfUrl(found);
      isAsync = true;
      // Asked for once in vain; publishing asks again, and hears its failure.
      found.then(undefined, () => undefined);
    } catch {
      // So is this.
    }
    return laneOfOwner(event);
  };
}

function laneOfUrl(endpoint: WebhookEndpoint | null): string {
  if (endpoint === null) return "nobody";
  const { url } = endpoint;
  const origin = URL.canParse(url) ? new URL(url).origin : "no-url";
  return `${origin}#${createHash("sha256").update(url).digest("hex").slice(0, 16)}`;
}

function laneOfOwner({ owner }: ServerEvent): string {
  return owner === null ? "no-owner" : `owner:${owner}`;
}

import { validateHeaderName, validateHeaderValue } from "node:http";
import { SECRET_RULE, webhookKey } from "../../core/wire/standard-webhooks.js";
import { isLoopbackAddress } from "./address.js";
import type { Network } from "./network.js";

/** Where webhooks go, and the secrets that sign them: one value, so that no owner's secret signs for another. */
export interface WebhookEndpoint {
  /** https, port 443 or 8443, without user or password. It may be a secret of its own, and is shown nowhere. */
  readonly url: string;
  /** `whsec_` and 24 to 64 random bytes in base64. All sign, so that a receiver can change from one to the next. */
  readonly secrets: readonly [string, ...string[]];
  /** Sent along, such as `authorization`. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** An endpoint that was looked at. */
export interface Target {
  readonly url: URL;
  readonly keys: readonly Uint8Array[];
  readonly headers: Readonly<Record<string, string>>;
  /** On this machine, which was allowed: only loopback addresses will do. */
  readonly isLocal: boolean;
}

export type TargetOrProblem =
  | { readonly target: Target }
  /** A sentence without the address, a secret or a header's value. */
  | { readonly problem: string };

/** The rules for an endpoint. */
export interface EndpointRules {
  readonly allowLocalReceivers: boolean;
  readonly network: Pick<Network, "ports" | "isPublic">;
}

/**
 * Judges an endpoint by all that is known before a connection. The address of a name is judged when it is connected to: it
 * may be another one by then.
 */
export function targetOf(endpoint: WebhookEndpoint, rules: EndpointRules): TargetOrProblem {
  const given: unknown = endpoint;
  if (typeof given !== "object" || given === null) return { problem: "endpoint must be { url, secrets }." };
  const { url: text, secrets, headers = {} } = given as Readonly<Record<keyof WebhookEndpoint, unknown>>;
  const url = typeof text === "string" && URL.canParse(text) ? new URL(text) : null;
  if (url === null) return { problem: "endpoint.url must be a URL." };
  const host = bareHost(url);
  const isLocal = rules.allowLocalReceivers && isThisMachine(host);
  const problem = urlProblem(url, host, isLocal, rules) ?? secretsProblem(secrets) ?? headersProblem(headers);
  if (problem !== null) return { problem };
  const keys = (secrets as readonly unknown[]).flatMap((secret) => webhookKey(secret) ?? []);
  return { target: { url, keys, headers: headers as Target["headers"], isLocal } };
}

/** A host as addresses are written elsewhere: IPv6 without brackets, a name without the dot at its end. */
function bareHost({ hostname }: URL): string {
  return hostname.replace(/^\[|\]$/g, "").replace(/\.$/, "");
}

function isThisMachine(host: string): boolean {
  return host === "localhost" || host.endsWith(".localhost") || isLoopbackAddress(host);
}

function urlProblem(url: URL, host: string, isLocal: boolean, { network }: EndpointRules): string | null {
  if (url.username !== "" || url.password !== "") {
    return "endpoint.url must not hold a user or password: send credentials in endpoint.headers.";
  }
  if (isLocal && url.protocol === "http:") return null;
  if (url.protocol !== "https:") {
    return "endpoint.url must be https (allowLocalReceivers lets http to this machine through).";
  }
  if (isLocal) return null;
  if (!network.ports.includes(Number(url.port === "" ? "443" : url.port))) {
    return `endpoint.url must use port ${network.ports.join(" or ")}.`;
  }
  // Node connects to an address that stands in the URL without a lookup. A name never has a colon or ends in a number.
  const isAddress = host.includes(":") || /(^|\.)\d+$/.test(host);
  if (isThisMachine(host) || (isAddress && !network.isPublic(host))) {
    return "endpoint.url must lead to a public address (allowLocalReceivers lets this machine through).";
  }
  return null;
}

function secretsProblem(secrets: unknown): string | null {
  if (!Array.isArray(secrets) || secrets.length === 0)
    return "secrets must be a list of at least one secret.";
  const bad = secrets.findIndex((secret) => webhookKey(secret) === null);
  return bad === -1 ? null : `secrets[${bad}] ${SECRET_RULE}.`;
}

/** What the message itself, its signature and the connection say. */
const OURS =
  /^(host|content-.*|transfer-encoding|connection|keep-alive|te|trailer|upgrade|expect|webhook-.*)$/i;

function headersProblem(headers: unknown): string | null {
  if (typeof headers !== "object" || headers === null) return "endpoint.headers must be an object of texts.";
  for (const [name, value] of Object.entries(headers)) {
    if (OURS.test(name))
      return `endpoint.headers must not hold ${JSON.stringify(name)}: the webhook sets it.`;
    try {
      validateHeaderName(name);
      validateHeaderValue(name, value as string);
    } catch {
      return `endpoint.headers holds what is no header of HTTP: ${JSON.stringify(name.slice(0, 60))}.`;
    }
    if (typeof value !== "string") return `endpoint.headers[${JSON.stringify(name)}] must be a text.`;
  }
  return null;
}

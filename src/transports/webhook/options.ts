import type { ServerEvent } from "../../core/job/event.js";
import { WaybillError } from "../../core/errors/errors.js";
import type { Json } from "../../core/json/json.js";
import { checkOptions } from "../../core/options/options.js";
import { checkNotifierOptions } from "../../core/ports/notifier-options.js";
import type { NotifierOptions } from "../../core/ports/notifier.js";
import type { PublicView } from "../../core/view/public-view.js";
import { sourceProblem } from "../../core/wire/cloud-event.js";
import type { WebhookFormat } from "../../core/wire/webhook-body.js";
import type { WebhookEndpoint } from "./endpoint.js";

/** What a webhook's `data` is. */
export type WebhookBodyOption =
  "thin" | "view" | ((event: ServerEvent, view: PublicView | null) => Json | Promise<Json>);

/** Where webhooks go and what is in them. */
export interface WebhookNotifierOptions<K extends string = string> extends NotifierOptions<K> {
  /**
   * Where to, always or for an event; `null`: nobody is to be told of it, and it counts as delivered. What a function throws
   * or rejects with is tried again.
   */
  readonly endpoint:
    WebhookEndpoint | ((event: ServerEvent) => WebhookEndpoint | null | Promise<WebhookEndpoint | null>);
  /** The envelope: Standard Webhooks, or a CloudEvent 1.0 as one JSON document. @default "standard" */
  readonly format?: WebhookFormat | undefined;
  /**
   * What `data` is: the event (`thin`), the event with the job's public view as it is then (`view`), or what a function makes of
   * both. Metadata and actor are in neither, unless the kind's `project` names them. @default "thin"
   */
  readonly body?: WebhookBodyOption | undefined;
  /** Told of an endpoint that answered 410: it wants no webhook any more, and this event is listed as undelivered. */
  readonly onGone?: ((endpoint: WebhookEndpoint, event: ServerEvent) => void | Promise<void>) | undefined;
  /** Lets `http` and every port through to `localhost` and loopback addresses, for development. @default false */
  readonly allowLocalReceivers?: boolean | undefined;
}

const KNOWN: readonly (keyof WebhookNotifierOptions)[] = [
  "endpoint",
  "format",
  "body",
  "onGone",
  "allowLocalReceivers",
];

/**
 * Refuses what cannot work. A fixed endpoint is looked at apart.
 *
 * @throws {WaybillError} `config.invalid`
 */
export function checkWebhookOptions(options: WebhookNotifierOptions): void {
  checkNotifierOptions("webhookNotifier", options, KNOWN);
  const { endpoint, format = "standard", body = "thin", onGone } = options;
  if (typeof endpoint !== "function") checkOptions("endpoint", endpoint, ["url", "secrets", "headers"]);
  const form = format as WebhookFormat | null;
  if (form !== "standard") {
    if (typeof form !== "object" || form === null)
      refuse('format must be "standard" or { cloudEvents: { source } }.');
    checkOptions("format", form, ["cloudEvents"]);
    checkOptions("format.cloudEvents", form.cloudEvents, ["source"]);
    const problem = sourceProblem((form.cloudEvents as { readonly source?: unknown } | undefined)?.source);
    if (problem !== null) refuse(`format.cloudEvents.source ${problem}.`);
  }
  if (body !== "thin" && body !== "view" && typeof body !== "function") {
    refuse('body must be "thin", "view" or a function.');
  }
  if (onGone !== undefined && typeof onGone !== "function") refuse("onGone must be a function.");
}

function refuse(sentence: string): never {
  throw new WaybillError("config.invalid", sentence);
}

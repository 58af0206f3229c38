import type { ServerEvent } from "../job/event.js";
import type { Json } from "../json/json.js";
import type { PublicView } from "../view/public-view.js";
import { cloudEvent, CLOUD_EVENT_TYPE } from "./cloud-event.js";
import type { EventJson } from "./event.js";

/** What a webhook says unless the sender's `body` makes something else of it. */
export interface WebhookData extends EventJson {
  /**
   * With `body: "view"`: the job as it was when the webhook was sent, maybe newer than the event; `null`: it is gone, or of a
   * kind that the sender does not know.
   */
  readonly job?: PublicView | null;
}

/** The envelope: that of Standard Webhooks, or a CloudEvent. Both are signed alike. */
export type WebhookFormat = "standard" | { readonly cloudEvents: { readonly source: string } };

export interface WebhookBody {
  readonly contentType: string;
  readonly text: string;
}

/** The body of a webhook. */
export function webhookBody(
  event: ServerEvent,
  data: WebhookData | Json,
  format: WebhookFormat,
): WebhookBody {
  if (format !== "standard") {
    const text = JSON.stringify(cloudEvent(event, format.cloudEvents.source, data));
    return { contentType: CLOUD_EVENT_TYPE, text };
  }
  const text = JSON.stringify({ type: event.type, timestamp: event.at.toISOString(), data });
  return { contentType: "application/json; charset=utf-8", text };
}

/** What is in the body of a webhook, of either format. */
export interface WebhookContent {
  readonly type: string;
  /** When it happened. */
  readonly timestamp: Date;
  readonly data: unknown;
}

/** Reads a body; `null`: it is not one that `webhookBody` wrote. Fields that are not known are passed over. */
export function readWebhookBody(text: string): WebhookContent | null {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof body !== "object" || body === null) return null;
  const { type, timestamp, time, data, specversion } = body as Readonly<Record<string, unknown>>;
  const at = specversion === undefined ? timestamp : time;
  if (typeof type !== "string" || typeof at !== "string" || data === undefined) return null;
  const instant = new Date(at);
  return Number.isNaN(instant.getTime()) ? null : { type, timestamp: instant, data };
}

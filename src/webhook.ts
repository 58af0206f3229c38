/**
 * Signed webhooks: Standard Webhooks, or CloudEvents in the same signature. Needs the peer `request-filtering-agent`. The
 * receiving half is `waybill/webhook/verify`.
 *
 * @packageDocumentation
 */
export { webhookNotifier } from "./transports/webhook/webhook-notifier.js";
export type { WebhookBodyOption, WebhookNotifierOptions } from "./transports/webhook/options.js";
export type { WebhookEndpoint } from "./transports/webhook/endpoint.js";
export type { EventJson } from "./core/wire/event.js";
export type { WebhookData, WebhookFormat } from "./core/wire/webhook-body.js";

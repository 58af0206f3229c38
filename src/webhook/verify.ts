/**
 * The receiving half of webhooks. Runs on Node, on edge runtimes and in browsers, and needs nothing else.
 *
 * @packageDocumentation
 */
export {
  verifyWebhook,
  WebhookVerificationError,
  type RawWebhook,
  type VerifyWebhookOptions,
  type WebhookEvent,
  type WebhookVerificationCode,
} from "../transports/webhook/verify.js";
export type { EventJson } from "../core/wire/event.js";
export type { WebhookData } from "../core/wire/webhook-body.js";

/* eslint-disable @typescript-eslint/no-floating-promises -- a type test calls nothing */
import { expectTypeOf } from "vitest";
import type { ServerEvent } from "../../src/core/job/event.js";
import type { Notifier } from "../../src/core/ports/notifier.js";
import type { PublicView } from "../../src/core/view/public-view.js";
import { webhookNotifier, type WebhookEndpoint } from "../../src/webhook.js";
import {
  verifyWebhook,
  type WebhookData,
  type WebhookEvent,
  type WebhookVerificationCode,
} from "../../src/webhook/verify.js";

declare const endpoint: WebhookEndpoint;
declare const parsed: { readonly hello: string };
declare const headers: Headers;
declare const maybe: WebhookEndpoint | null;
const secrets = ["whsec_"] as const;

// ---- the sender ------------------------------------------------------------------------------------------------------------

expectTypeOf(webhookNotifier({ endpoint })).toEqualTypeOf<Notifier>();
expectTypeOf(webhookNotifier({ endpoint, kinds: ["mail.send"] })).toEqualTypeOf<Notifier<"mail.send">>();
webhookNotifier({
  endpoint: async (event) => {
    expectTypeOf(event).toEqualTypeOf<ServerEvent>();
    return maybe;
  },
  format: { cloudEvents: { source: "urn:app" } },
  body: (event, view) => {
    expectTypeOf(view).toEqualTypeOf<PublicView | null>();
    return { version: event.version, percent: view?.percent };
  },
  onGone: async ({ url }, { owner }) => {
    expectTypeOf(url).toEqualTypeOf<string>();
    expectTypeOf(owner).toEqualTypeOf<string | null>();
  },
  on: ["job.completed", "job.failed"],
  kinds: undefined,
  allowLocalReceivers: undefined,
});

// @ts-expect-error -- N15: there is no such event
webhookNotifier({ endpoint, on: ["job.complete"] });
// @ts-expect-error -- N16: an endpoint without secrets
webhookNotifier({ endpoint: { url: "https://hooks.example/" } });
// @ts-expect-error -- N16: with an empty list of them
webhookNotifier({ endpoint: { url: "https://hooks.example/", secrets: [] } });
// @ts-expect-error -- N16: one that a function finds, likewise
webhookNotifier({ endpoint: ({ owner }) => ({ url: `https://hooks.example/${String(owner)}` }) });
// @ts-expect-error -- the budget is a time
webhookNotifier({ endpoint, retry: { maxAttempts: 3 } });
// @ts-expect-error -- a body is JSON
webhookNotifier({ endpoint, body: () => new Date() });
// @ts-expect-error -- a CloudEvent has a source
webhookNotifier({ endpoint, format: { cloudEvents: {} } });

// ---- the receiver ----------------------------------------------------------------------------------------------------------

expectTypeOf(verifyWebhook(new Request("https://app.example"), { secrets })).toEqualTypeOf<
  Promise<WebhookEvent>
>();
verifyWebhook({ body: "", headers }, { secrets, toleranceMs: undefined });
verifyWebhook(
  { body: new Uint8Array(), headers: { a: "b", c: ["d"], e: undefined } },
  { secrets: ["a", "b"] },
);
expectTypeOf<WebhookEvent["data"]>().toEqualTypeOf<WebhookData>();
expectTypeOf<WebhookData["job"]>().toEqualTypeOf<PublicView | null | undefined>();
expectTypeOf<WebhookVerificationCode>().toEqualTypeOf<
  "missing_header" | "timestamp_too_old" | "timestamp_too_new" | "no_match" | "body_was_parsed"
>();

// @ts-expect-error -- N31: a body that was parsed
verifyWebhook({ body: parsed, headers }, { secrets });
// @ts-expect-error -- nothing to verify by
verifyWebhook({ body: "", headers }, { secrets: [] });
// @ts-expect-error -- nor here
verifyWebhook({ body: "", headers }, {});

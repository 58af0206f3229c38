import type { Clock } from "../../core/environment/clock.js";
import type { ServerEvent } from "../../core/job/event.js";
import type { Json } from "../../core/json/json.js";
import type { PublishContext, PublishResult } from "../../core/ports/notifier.js";
import type { PublicView } from "../../core/view/public-view.js";
import { eventToJson } from "../../core/wire/event.js";
import { webhookBody, type WebhookBody } from "../../core/wire/webhook-body.js";
import { webhookHeaders } from "../../core/wire/webhook-signature.js";
import { targetOf, type EndpointRules, type Target, type WebhookEndpoint } from "./endpoint.js";
import { judgeAnswer, judgeFailure } from "./judge.js";
import type { Network } from "./network.js";
import type { WebhookNotifierOptions } from "./options.js";
import { post, type WebhookAnswer } from "./post.js";

const USER_AGENT = "Waybill-Webhook";
const TOO_LATE = "no answer in time";

/** `body` is not always of typed code. */
function hasText(data: Json): boolean {
  return (JSON.stringify(data) as string | undefined) !== undefined;
}

/** What came of a step: its value, or what the event is answered with. */
type Step<T> = { readonly value: T } | { readonly result: PublishResult };

/** A failure that may pass. */
function failed(reason: string): PublishResult {
  return { status: "retry", reason };
}

/** Delivers one event after the other. Never throws, whatever functions of the application do. */
export class Delivery {
  readonly rules: EndpointRules;
  readonly #options: WebhookNotifierOptions;
  readonly #network: Network;
  readonly #clock: Clock;

  constructor(options: WebhookNotifierOptions, network: Network, clock: Clock) {
    this.#options = options;
    this.#network = network;
    this.#clock = clock;
    this.rules = { allowLocalReceivers: options.allowLocalReceivers ?? false, network };
  }

  async deliver(event: ServerEvent, context: PublishContext): Promise<PublishResult> {
    const { signal } = context;
    const found = await step(signal, "endpoint", () => this.#endpoint(event));
    if ("result" in found) return found.result;
    const endpoint = found.value;
    if (endpoint === null) return { status: "delivered" };
    const checked = targetOf(endpoint, this.rules);
    // An address or a secret that is wrong is mended one day, and the event is still wanted then.
    if ("problem" in checked) return failed(checked.problem);
    const body = await step(signal, "body", () => this.#body(event, context));
    if ("result" in body) return body.result;
    const answer = await this.#post(event, checked.target, body.value, signal);
    if ("result" in answer) return answer.result;
    if (answer.value.status === 410) await this.#tellGone(endpoint, event, signal);
    return judgeAnswer(answer.value, this.#clock.now());
  }

  async #endpoint(event: ServerEvent): Promise<WebhookEndpoint | null> {
    const { endpoint } = this.#options;
    return typeof endpoint === "function" ? endpoint(event) : endpoint;
  }

  async #body(event: ServerEvent, context: PublishContext): Promise<WebhookBody> {
    const { body = "thin", format = "standard" } = this.#options;
    const job: PublicView | null = body === "thin" ? null : await context.view(event.jobId);
    if (typeof body === "function") {
      const data = await body(event, job);
      // JSON has no such value (undefined, a function): the webhook would come without data.
      if (!hasText(data)) throw new TypeError("The body is no JSON.");
      return webhookBody(event, data, format);
    }
    const data = eventToJson(event);
    return webhookBody(event, body === "view" ? { ...data, job } : data, format);
  }

  async #post(
    event: ServerEvent,
    target: Target,
    { contentType, text }: WebhookBody,
    signal: AbortSignal,
  ): Promise<Step<WebhookAnswer>> {
    const body = new TextEncoder().encode(text);
    const headers = {
      "user-agent": USER_AGENT,
      ...target.headers,
      "content-type": contentType,
      ...webhookHeaders({ id: event.id, atMs: this.#clock.now(), body, keys: target.keys }),
    };
    try {
      return { value: await post(this.#network, { target, headers, body, signal }) };
    } catch (error) {
      return { result: signal.aborted ? failed(TOO_LATE) : judgeFailure(error) };
    }
  }

  /** Best effort: the event is answered the same whatever comes of it. */
  async #tellGone(endpoint: WebhookEndpoint, event: ServerEvent, signal: AbortSignal): Promise<void> {
    const { onGone } = this.#options;
    if (onGone !== undefined) await step(signal, "onGone", async () => onGone(endpoint, event));
  }
}

/**
 * What a function of the application says, if it does in time. What it throws may quote the event or hold a credential, and is
 * not told.
 */
function step<T>(signal: AbortSignal, what: string, work: () => Promise<T>): Promise<Step<T>> {
  if (signal.aborted) return Promise.resolve({ result: failed(TOO_LATE) });
  return new Promise((resolve) => {
    const late = (): void => {
      resolve({ result: failed(`${what} gave nothing in time`) });
    };
    signal.addEventListener("abort", late, { once: true });
    work()
      .then(
        (value) => {
          resolve({ value });
        },
        () => {
          resolve({ result: failed(`${what} failed`) });
        },
      )
      .finally(() => {
        signal.removeEventListener("abort", late);
      });
  });
}

import { systemClock, type Clock } from "../../core/environment/clock.js";
import { WaybillError } from "../../core/errors/errors.js";
import type { ServerEvent } from "../../core/job/event.js";
import type { Notifier, PublishContext, PublishResult } from "../../core/ports/notifier.js";
import { deadlineWithin } from "./deadline.js";
import { Delivery } from "./deliver.js";
import { targetOf } from "./endpoint.js";
import { laneOf } from "./lane.js";
import { openNetwork, type Network } from "./network.js";
import { checkWebhookOptions, type WebhookNotifierOptions } from "./options.js";

const TIMEOUT_MS = 15_000;
/** Beyond the notifier's own deadline, by which each event is answered for itself: whoever waits longer learns nothing more. */
const GRACE_MS = 1_000;
/** Events of one call, and jobs that are posted at once. Small: all of a call share one deadline. */
const MAX_BATCH = 8;
const MOST_AT_ONCE = 4;

/**
 * A notifier that posts signed webhooks (Standard Webhooks 1.0.0): at least once, with the same `webhook-id` at each
 * repetition, those of one job in order.
 *
 * 2xx is delivered. 429 and 503 hold back, for as long as `Retry-After` says. 410 rejects the event and is told to `onGone`.
 * Everything else, redirects, DNS and certificates included, is tried again. A call takes `timeoutMs` at most. Only public
 * addresses are connected to.
 *
 * @throws {WaybillError} `config.invalid`
 */
export function webhookNotifier<const K extends string = string>(
  options: WebhookNotifierOptions<K>,
): Notifier<K> {
  checkWebhookOptions(options);
  return notifierOn(options, openNetwork(), systemClock);
}

/** The same on a given network and clock, with options that were looked at. */
export function notifierOn<K extends string>(
  options: WebhookNotifierOptions<K>,
  network: Network,
  clock: Clock,
): Notifier<K> {
  const { endpoint, timeoutMs = TIMEOUT_MS } = options;
  const delivery = new Delivery(options, network, clock);
  if (typeof endpoint !== "function") {
    const checked = targetOf(endpoint, delivery.rules);
    if ("problem" in checked) throw new WaybillError("config.invalid", checked.problem);
  }
  return {
    kinds: options.kinds,
    on: options.on,
    giveUpAfterMs: options.giveUpAfterMs,
    timeoutMs: timeoutMs + GRACE_MS,
    maxBatch: MAX_BATCH,
    lane: laneOf(endpoint),
    publish: (events, context) => publish(delivery, events, context, timeoutMs),
    close: async () => {
      network.close();
    },
  };
}

/** Jobs side by side, the events of one job one after the other; what is behind one that waits waits with it. */
async function publish(
  delivery: Delivery,
  events: readonly ServerEvent[],
  given: PublishContext,
  timeoutMs: number,
): Promise<readonly PublishResult[]> {
  const { signal, release } = deadlineWithin(given.signal, timeoutMs);
  const context: PublishContext = { signal, view: (jobId) => given.view(jobId) };
  const results: PublishResult[] = [];
  const jobs = byJob(events).values();
  const work = async (): Promise<void> => {
    for (const places of jobs) {
      let before: PublishResult | null = null;
      for (const [place, event] of places) {
        // Nothing overtakes what waits; a rejection is over.
        if (before?.status !== "retry" && before?.status !== "held") {
          before = await delivery.deliver(event, context);
        }
        results[place] = before;
      }
    }
  };
  await Promise.all(Array.from({ length: MOST_AT_ONCE }, work)).finally(release);
  return results;
}

/** The events of each job with their places in the call. */
function byJob(events: readonly ServerEvent[]): Map<string, [number, ServerEvent][]> {
  const jobs = new Map<string, [number, ServerEvent][]>();
  for (const [place, event] of events.entries()) {
    const ofJob = jobs.get(event.jobId);
    if (ofJob === undefined) jobs.set(event.jobId, [[place, event]]);
    else ofJob.push([place, event]);
  }
  return jobs;
}

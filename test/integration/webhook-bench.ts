// A webhook notifier on a network in which names lead where a test says.
import { systemClock, type Clock } from "../../src/core/environment/clock.js";
import type { ServerEvent } from "../../src/core/job/event.js";
import type { Notifier, PublishContext, PublishResult } from "../../src/core/ports/notifier.js";
import { sampleView } from "../../src/testing/notifier-suite/sample-event.js";
import { openNetwork, type NetworkParts, type Resolve } from "../../src/transports/webhook/network.js";
import { checkWebhookOptions, type WebhookNotifierOptions } from "../../src/transports/webhook/options.js";
import { notifierOn } from "../../src/transports/webhook/webhook-notifier.js";
import { CERTIFICATE } from "./webhook-certificate.js";

/** Of 24 bytes: 0, 1, 2 … and 100, 101 … */
export const SECRET = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX";
export const OTHER_SECRET = "whsec_ZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXp7";

/** Answers names from a table, and nothing else is asked. */
export function resolver(names: Readonly<Record<string, readonly string[]>>): Resolve {
  return (hostname, _options, done) => {
    const addresses = names[hostname];
    if (addresses === undefined) {
      done(Object.assign(new Error(`getaddrinfo ENOTFOUND ${hostname}`), { code: "ENOTFOUND" }), []);
      return;
    }
    done(
      null,
      addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4 })),
    );
  };
}

export interface BenchOptions<K extends string> extends Partial<NetworkParts> {
  readonly options: WebhookNotifierOptions<K>;
  readonly clock?: Clock;
}

/** As `webhookNotifier` makes one, but for the network and the clock. */
export function notifierOf<K extends string>({
  options,
  clock = systemClock,
  ...parts
}: BenchOptions<K>): Notifier<K> {
  checkWebhookOptions(options);
  return notifierOn(options, openNetwork({ ca: CERTIFICATE, resolve: resolver({}), ...parts }), clock);
}

export const context: PublishContext = {
  signal: new AbortController().signal,
  view: async (jobId) => sampleView(jobId),
};

/** The one result of one event. */
export async function publishOne(
  notifier: Notifier,
  event: ServerEvent,
  over: Partial<PublishContext> = {},
): Promise<PublishResult> {
  const [result] = await notifier.publish([event], { ...context, ...over });
  return result!;
}

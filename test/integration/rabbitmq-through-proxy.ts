// What the tests of a real broker share: a connection through a proxy, and tries that end in success.
import { connect } from "amqplib";
import { Link, type LinkTimes } from "../../src/adapters/rabbitmq/link.js";
import type { ServerEvent } from "../../src/core/job/event.js";
import type { Notifier, PublishResult } from "../../src/core/ports/notifier.js";
import type { Delivery, OutgoingMessage, Queue } from "../../src/core/ports/queue.js";
import { RabbitmqProxy } from "../support/rabbitmq-proxy.js";
import type { RabbitmqServer } from "../support/rabbitmq-server.js";

export const PATIENCE_MS = 30_000;

export function message(body: string, delayMs = 0): OutgoingMessage {
  return { body, delayMs, dedupId: body, groupId: body };
}

export function receive(queue: Queue, max: number, waitMs = 500): Promise<readonly Delivery[]> {
  return queue.receive({ max, waitMs, signal: new AbortController().signal });
}

/** Tries until it works: what the core does, sooner or later. */
export async function eventually<T>(what: string, attempt: () => Promise<T | null>): Promise<T> {
  const giveUpAt = Date.now() + PATIENCE_MS;
  for (;;) {
    const result = await attempt().catch(() => null);
    if (result !== null) return result;
    if (Date.now() > giveUpAt) throw new Error(`never: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** What is told in vain is given up soon. */
export const HASTY: Partial<LinkTimes> = {
  answerMs: 1_500,
  patienceMs: 4_000,
  firstWaitMs: 20,
  longestWaitMs: 200,
};

/** A connection through a proxy. */
export async function proxied(
  server: RabbitmqServer,
  times: Partial<LinkTimes> = {},
): Promise<{ proxy: RabbitmqProxy; link: Link; end(): Promise<void> }> {
  const proxy = await RabbitmqProxy.to(server.port);
  const link = new Link(() => connect(proxy.url, { noDelay: true }), { times });
  return {
    proxy,
    link,
    async end() {
      await link.close();
      await proxy.close();
    },
  };
}

export function publishing(
  notifier: Notifier,
  events: readonly ServerEvent[],
): Promise<readonly PublishResult[]> {
  return notifier.publish(events, { signal: new AbortController().signal, view: async () => null });
}

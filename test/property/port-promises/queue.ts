import type { Delivery, OutgoingMessage, Queue, ReceiveRequest } from "../../../src/core/ports/queue.js";
import { isDistinct, isText, isWhole, type OnTime } from "./breaches.js";

/** Judges what a queue is asked, and what becomes of its deliveries. */
export function strictQueue(inner: Queue, { clock, found }: OnTime): Queue & { open(): number } {
  const { check } = found;
  const { capabilities } = inner;
  const bodies = new Map<string, string>();
  let [sending, open, askedAt] = [0, 0, -Infinity];
  let isClosed = false;

  const checkMessage = ({ body, delayMs, dedupId, groupId }: OutgoingMessage): void => {
    check(
      isWhole(delayMs) && delayMs >= 0 && delayMs <= capabilities.maxDelayMs,
      `send: delayed ${String(delayMs)} ms`,
    );
    for (const id of [dedupId, groupId])
      check(id.length >= 1 && id.length <= 128 && isText(id), "send: an id out of bounds");
    check((bodies.get(dedupId) ?? body) === body, "send: one dedupId for two messages");
    bodies.set(dedupId, body);
  };
  const delivered = (delivery: Delivery): Delivery => {
    let [settled, hiddenUntil] = [0, clock.now() + (capabilities.visibilityMs ?? Infinity)];
    open += 1;
    const settle = (how: string, run: () => Promise<void>): Promise<void> => {
      settled += 1;
      if (settled === 1) open -= 1;
      check(settled === 1, `${how}: of a delivery that was settled`);
      check(clock.now() <= hiddenUntil, `${how}: after its visibility`);
      return run();
    };
    return {
      ...delivery,
      ack: () => settle("ack", () => delivery.ack()),
      release(afterMs) {
        check(isWhole(afterMs) && afterMs >= 0, `release: after ${String(afterMs)} ms`);
        return settle("release", () => delivery.release(afterMs));
      },
      extend(ms) {
        check(settled === 0, "extend: of a delivery that was settled");
        check(isWhole(ms) && ms > 0, `extend: for ${String(ms)} ms`);
        check(clock.now() <= hiddenUntil, "extend: after its visibility");
        hiddenUntil = clock.now() + ms;
        return delivery.extend(ms);
      },
    };
  };
  const receiver = (from: Pick<Queue, "receive">) => async (request: ReceiveRequest) => {
    const { max, waitMs, signal } = request;
    check(!isClosed, "receive: after close");
    check(isWhole(max) && max >= 1 && max <= capabilities.maxBatch, `receive: ${String(max)} messages`);
    check(isWhole(waitMs) && waitMs >= 0, `receive: waits ${String(waitMs)} ms`);
    check(signal instanceof AbortSignal, "receive: no signal");
    open += 1;
    const received = await from.receive(request).finally(() => {
      open -= 1;
    });
    return received.map(delivered);
  };
  return {
    capabilities,
    async send(messages) {
      check(!isClosed, "send: after close");
      check(
        messages.length >= 1 && messages.length <= capabilities.maxBatch,
        `send: ${String(messages.length)} messages`,
      );
      check(isDistinct(messages.map(({ dedupId }) => dedupId)), "send: a dedupId twice");
      for (const message of messages) checkMessage(message);
      sending += 1;
      check(sending <= (capabilities.sendLanes ?? 2), `send: ${String(sending)} calls at once`);
      let isCounted = true;
      const over = (): void => {
        if (isCounted) sending -= 1;
        isCounted = false;
      };
      clock.timer(10_000, over);
      return inner.send(messages).finally(over);
    },
    receive: receiver(inner),
    ...(inner.deadLetters && { deadLetters: { receive: receiver(inner.deadLetters) } }),
    async backlog() {
      check(!isClosed, "backlog: after close");
      check(clock.now() - askedAt >= 60_000, "backlog: asked twice in a minute");
      askedAt = clock.now();
      return (await inner.backlog?.()) ?? null;
    },
    async close() {
      isClosed = true;
      await inner.close();
    },
    open: () => open,
  };
}

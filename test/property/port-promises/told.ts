import { EVENT_OF } from "../../../src/core/job/event.js";
import type { ServerEvent } from "../../../src/core/job/event.js";
import type { Feed } from "../../../src/core/ports/feed.js";
import type { Notifier } from "../../../src/core/ports/notifier.js";
import { isDistinct, type OnTime } from "./breaches.js";

/** Judges what a notifier is given. */
export function strictNotifier(inner: Notifier, { clock, found }: OnTime): Notifier {
  const { check } = found;
  const maxBatch = inner.maxBatch ?? 20;
  let [open, closed] = [0, false];

  const checkEvent = (event: ServerEvent): void => {
    check(inner.kinds?.includes(event.kind) ?? true, "publish: an event of a kind that is filtered out");
    check(inner.on?.includes(event.type) ?? true, "publish: an event that is filtered out");
    check(Object.values(EVENT_OF).includes(event.type), "publish: no event");
  };
  const checkOrder = (events: readonly ServerEvent[]): void => {
    const last = new Map<string, number>();
    for (const { jobId, version } of events) {
      check(version > (last.get(jobId) ?? 0), "publish: events of a job out of order");
      last.set(jobId, version);
    }
  };
  return {
    ...inner,
    ...(inner.lane && { lane: inner.lane.bind(inner) }),
    async publish(events, context) {
      const { signal } = context;
      check(!closed, "publish: after close");
      check(events.length >= 1 && events.length <= maxBatch, `publish: ${String(events.length)} events`);
      check(isDistinct(events.map(({ id }) => id)), "publish: an event twice");
      check(
        new Set(events.map((event) => inner.lane?.(event))).size === 1,
        "publish: events of several lanes",
      );
      check(!signal.aborted, "publish: a signal that is over");
      checkOrder(events);
      for (const event of events) checkEvent(event);
      const late = clock.timer((inner.timeoutMs ?? 15_000) + 1, () => {
        check(signal.aborted, "publish: no abort although it took too long");
      });
      open += 1;
      check(open <= 20, `publish: ${String(open)} calls at once`);
      return inner.publish(events, context).finally(() => {
        open -= 1;
        late();
      });
    },
    async close() {
      closed = true;
      await inner.close?.();
    },
  };
}

/** Judges what a feed is told, and who listens. */
export function strictFeed(inner: Feed, { found }: OnTime): Feed & { listeners(): number } {
  const { check } = found;
  let [listeners, isClosed] = [0, false];
  return {
    async publish(hints) {
      check(!isClosed, "feed: published after close");
      check(hints.length >= 1, "feed: no hint");
      check(isDistinct(hints.map(({ id }) => id)), "feed: two hints of one job in a call");
      for (const { version, readyAt, wakeAt } of hints)
        check(
          [version, readyAt ?? 0, wakeAt ?? 0].every(Number.isSafeInteger),
          "feed: a number that is not whole",
        );
      await inner.publish(hints);
    },
    async subscribe(listener, options) {
      check(!isClosed, "feed: subscribed after close");
      listeners += 1;
      check(listeners === 1, `feed: ${String(listeners)} listeners of one process`);
      const stop = await inner.subscribe(listener, options);
      let isOver = false;
      return async () => {
        check(!isOver, "feed: unsubscribed twice");
        isOver = true;
        listeners -= 1;
        await stop();
      };
    },
    async close() {
      isClosed = true;
      await inner.close();
    },
    listeners: () => listeners,
  };
}

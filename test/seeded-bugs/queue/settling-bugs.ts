// What a queue does wrong when messages are acknowledged, given back and extended.
import type { Delivery } from "../../../src/core/ports/queue.js";
import { delivering, type QueueBug, receiving } from "./queue-bugs.js";
import { plain, PLAIN_VISIBILITY_MS, type PlainMessage, PlainQueue } from "./plain-queue.js";

const ACK = "`ack` removes the message for good.";
const RELEASE = "`release` gives it back, to be received again after a delay.";
const EXTEND = "`extend` keeps it hidden for this long from now.";

type Settle = (delivery: Delivery) => Promise<void>;

/** Shares what is asked for in one turn of the event loop, and does what `flush` does with it. */
function shared(flush: (asked: readonly (readonly [Delivery, Settle])[]) => Promise<void>) {
  let asked: (readonly [Delivery, Settle])[] = [];
  let flushing: Promise<void> | null = null;
  return (delivery: Delivery, settle: Settle): Promise<void> => {
    asked.push([delivery, settle]);
    flushing ??= Promise.resolve().then(async () => {
      const all = asked;
      asked = [];
      flushing = null;
      await flush(all);
    });
    return flushing;
  };
}

export const SETTLING_BUGS: readonly QueueBug[] = [
  {
    name: "ack is an offset, and acknowledges what was received before",
    breaks: ACK,
    caughtBy: "settling",
    make: ({ inner }) => {
      const received: Delivery[] = [];
      return {
        async receive(request) {
          const all = await inner.receive(request);
          received.push(...all);
          return all.map((delivery) => ({
            ...delivery,
            async ack() {
              for (const each of received.slice(0, received.indexOf(delivery) + 1)) await each.ack();
            },
          }));
        },
      };
    },
  },
  {
    name: "an ack out of the order of receipt does nothing",
    breaks: ACK,
    caughtBy: "settling",
    make: plain(
      class extends PlainQueue {
        protected override acknowledge(message: PlainMessage, from: PlainMessage[]): void {
          const first = from.find(({ receives, visibleAt }) => receives > 0 && visibleAt > this.clock.now());
          if (first === message) super.acknowledge(message, from);
        }
      },
    ),
  },
  {
    name: "ack removes every message of that body",
    breaks: ACK,
    caughtBy: "sending",
    make: plain(
      class extends PlainQueue {
        protected override acknowledge({ body }: PlainMessage, from: PlainMessage[]): void {
          for (const each of from.filter((other) => other.body === body)) this.remove(each, from);
        }
      },
    ),
  },
  {
    name: "ack is kept until ten are there",
    breaks: ACK,
    caughtBy: "settling",
    make: (world) => {
      const kept: Delivery[] = [];
      return delivering((delivery) => ({
        async ack() {
          kept.push(delivery);
          if (kept.length >= 10) for (const each of kept.splice(0)) await each.ack();
        },
      }))(world);
    },
  },
  {
    name: "of the acks of one turn the last one counts",
    breaks: ACK,
    caughtBy: "side by side",
    make: (world) => {
      const put = shared(async (asked) => asked.at(-1)?.[0].ack());
      return delivering((delivery) => ({ ack: () => put(delivery, (one) => one.ack()) }))(world);
    },
  },
  {
    name: "the acks of one turn are cut at ten",
    breaks: ACK,
    caughtBy: "side by side",
    make: (world) => {
      const put = shared(async (asked) => {
        for (const [delivery] of asked.slice(0, 10)) await delivery.ack();
      });
      return delivering((delivery) => ({ ack: () => put(delivery, (one) => one.ack()) }))(world);
    },
  },
  {
    name: "the releases of one turn have the delay of the first",
    breaks: RELEASE,
    caughtBy: "side by side",
    make: (world) => {
      const put = shared(async (asked) => {
        for (const [delivery] of asked) await asked[0]?.[1](delivery);
      });
      return delivering((delivery) => ({ release: (ms) => put(delivery, (one) => one.release(ms)) }))(world);
    },
  },
  {
    name: "a message that is extended after its ack is there again",
    breaks: ACK,
    caughtBy: "settling",
    make: (world) => {
      const again = async (delivery: Delivery, delayMs: number): Promise<void> => {
        const ids = { dedupId: `again ${delivery.body}`, groupId: delivery.groupId ?? "" };
        await world.inner.send([{ body: delivery.body, delayMs, ...ids }]);
      };
      return delivering((delivery) => {
        let isGone = false;
        return {
          async ack() {
            isGone = true;
            await delivery.ack();
          },
          extend: (ms) => (isGone ? again(delivery, ms) : delivery.extend(ms)),
        };
      })(world);
    },
  },
  {
    name: "release is capped at the visibility",
    breaks: RELEASE,
    caughtBy: "settling",
    make: delivering((delivery) => ({
      release: (ms) => delivery.release(Math.min(ms, PLAIN_VISIBILITY_MS)),
    })),
  },
  {
    name: "release does nothing once the first visibility is over, although it was extended",
    breaks: RELEASE,
    caughtBy: "visibility",
    make: delivering((delivery, { clock }) => {
      const until = clock.now() + PLAIN_VISIBILITY_MS;
      return {
        async release(ms) {
          if (clock.now() < until) await delivery.release(ms);
        },
      };
    }),
  },
  {
    name: "release counts as a receive",
    breaks: "How often the message has been received.",
    caughtBy: "settling",
    make: plain(
      class extends PlainQueue {
        protected override giveBack(message: PlainMessage, afterMs: number): void {
          super.giveBack(message, afterMs);
          message.receives += 1;
        }
      },
    ),
  },
  {
    name: "extend counts as a receive",
    breaks: "How often the message has been received.",
    caughtBy: "visibility",
    make: plain(
      class extends PlainQueue {
        protected override deliver(message: PlainMessage, from: PlainMessage[]): Delivery {
          const delivery = super.deliver(message, from);
          return {
            ...delivery,
            async extend(ms) {
              await delivery.extend(ms);
              message.receives += 1;
            },
          };
        }
      },
    ),
  },
  {
    name: "extend cuts to whole seconds",
    breaks: EXTEND,
    caughtBy: "visibility",
    make: delivering((delivery) => ({ extend: (ms) => delivery.extend(Math.floor(ms / 1_000) * 1_000) })),
  },
  {
    name: "extend keeps all that were received with it",
    breaks: EXTEND,
    caughtBy: "visibility",
    make: receiving((receive) => {
      const received: Delivery[] = [];
      return async (request) => {
        const all = await receive(request);
        received.push(...all);
        return all.map((delivery) => ({
          ...delivery,
          async extend(ms: number) {
            for (const each of received) await each.extend(ms);
          },
        }));
      };
    }),
  },
  {
    name: "a message that comes again has lost its group",
    breaks: "The group that it was sent in, where the queue says.",
    caughtBy: "receiving",
    make: delivering(({ receives }) => (receives > 1 ? { groupId: null } : {})),
  },
];

// What an ordered queue does wrong with its groups.
import type { Delivery, OutgoingMessage } from "../../../src/core/ports/queue.js";
import { ORDERED, type QueueBug } from "./queue-bugs.js";
import { plain, PLAIN_VISIBILITY_MS, type PlainMessage, PlainQueue } from "./plain-queue.js";

const ORDER = "Messages of one group keep their order, one of them in flight at a time.";
const NEWER = "After its visibility ended a delivery changes nothing newer.";

/** Frees the group of a message although the message is still held. */
class Freeing extends PlainQueue {
  readonly #free = new Set<string>();

  protected free({ groupId }: PlainMessage): void {
    this.#free.add(groupId);
  }

  protected override hold(message: PlainMessage, now: number): void {
    super.hold(message, now);
    this.#free.delete(message.groupId);
  }

  protected override isFree(message: PlainMessage, from: PlainMessage[]): boolean {
    return super.isFree(message, from) || (message.receives === 0 && this.#free.has(message.groupId));
  }
}

const ordered = (
  name: string,
  breaks: string,
  Made: Parameters<typeof plain>[0],
  caughtBy = "order",
): QueueBug => ({ name, breaks, caughtBy, options: ORDERED, make: plain(Made, true) });

/** Whether somebody holds it now. */
const isHeld = ({ receives, visibleAt }: PlainMessage, now: number): boolean =>
  receives > 0 && visibleAt > now;

/** What is settled late frees the group of a newer receive. */
function freeingLate(settle: (delivery: Delivery, free: () => void) => Partial<Delivery>): typeof Freeing {
  return class extends Freeing {
    protected override deliver(message: PlainMessage, from: PlainMessage[]): Delivery {
      const delivery = super.deliver(message, from);
      const free = (): void => {
        if (message.receives !== delivery.receives) this.free(message);
      };
      return { ...delivery, ...settle(delivery, free) };
    }
  };
}

export const GROUP_BUGS: readonly QueueBug[] = [
  {
    name: "the messages of a batch are sent side by side, and come in another order",
    breaks: ORDER,
    caughtBy: "order",
    options: ORDERED,
    make: ({ inner }) => ({
      async send(messages) {
        const groups = new Set(messages.map(({ groupId }) => groupId));
        if (groups.size !== 1) return inner.send(messages);
        return [...(await inner.send([...messages].reverse()))].reverse();
      },
    }),
  },
  ordered(
    "the order is that of numbers as texts",
    ORDER,
    class extends PlainQueue {
      readonly #keys = new Map<PlainMessage, string>();

      protected override keep(message: OutgoingMessage): PlainMessage {
        const kept = super.keep(message);
        const keyOf = (each: PlainMessage): string => this.#keys.get(each) ?? "";
        this.#keys.set(kept, String(this.#keys.size + 1));
        this.messages.sort((one, other) => (keyOf(one) < keyOf(other) ? -1 : 1));
        return kept;
      }
    },
  ),
  ordered(
    "the lock of a group is not extended with its message",
    ORDER,
    class extends PlainQueue {
      readonly #locks = new Map<string, number>();

      protected override hold(message: PlainMessage, now: number): void {
        super.hold(message, now);
        this.#locks.set(message.groupId, now + PLAIN_VISIBILITY_MS);
      }

      protected override isFree(message: PlainMessage, from: PlainMessage[]): boolean {
        const now = this.clock.now();
        if ((this.#locks.get(message.groupId) ?? 0) > now) return super.isFree(message, from);
        return super.isFree(
          message,
          from.filter((each) => !isHeld(each, now)),
        );
      }
    },
  ),
  ordered(
    "extend frees the group",
    ORDER,
    class extends Freeing {
      protected override deliver(message: PlainMessage, from: PlainMessage[]): Delivery {
        const delivery = super.deliver(message, from);
        return {
          ...delivery,
          extend: (ms) => {
            this.free(message);
            return delivery.extend(ms);
          },
        };
      }
    },
  ),
  ordered(
    "a late ack frees the group of a newer receive",
    NEWER,
    freeingLate((delivery, free) => ({
      ack: () => {
        free();
        return delivery.ack();
      },
    })),
  ),
  ordered(
    "a late release frees the group of a newer receive",
    NEWER,
    freeingLate((delivery, free) => ({
      release: (ms) => {
        free();
        return delivery.release(ms);
      },
    })),
  ),
  ordered(
    "a group is open once its first message came again",
    ORDER,
    class extends PlainQueue {
      protected override isFree(message: PlainMessage, from: PlainMessage[]): boolean {
        const again = from.filter((each) => each.receives > 1 && isHeld(each, this.clock.now()));
        return super.isFree(
          message,
          from.filter((each) => !again.includes(each)),
        );
      }
    },
  ),
  ordered(
    "an ack frees the groups of all others",
    ORDER,
    class extends Freeing {
      protected override acknowledge(message: PlainMessage, from: PlainMessage[]): void {
        super.acknowledge(message, from);
        for (const each of from) if (isHeld(each, this.clock.now())) this.free(each);
      }
    },
  ),
  ordered(
    "only ten messages are looked at, those of groups in flight too",
    "`sent`: the queue confirmed that it holds the message.",
    class extends PlainQueue {
      protected override choose(from: PlainMessage[], now: number, max: number): PlainMessage[] {
        const seen = from.filter(({ visibleAt }) => visibleAt <= now).slice(0, 10);
        return super
          .choose(from, now, Infinity)
          .filter((message) => seen.includes(message))
          .slice(0, max);
      }
    },
  ),
  ordered(
    "groups are told apart by a number of two bits",
    "The messages of one group wait for each other, and for no other.",
    class extends PlainQueue {
      protected override keep(message: OutgoingMessage): PlainMessage {
        let hash = 0;
        for (const character of message.groupId) hash = (hash * 31 + (character.codePointAt(0) ?? 0)) % 4;
        return super.keep({ ...message, groupId: String(hash) });
      }
    },
    "sending",
  ),
  ordered(
    "one message in flight in the whole queue",
    "The messages of one group wait for each other, and for no other.",
    class extends PlainQueue {
      protected override isFree(message: PlainMessage, from: PlainMessage[]): boolean {
        return super.isFree(message, from) && !from.some((each) => isHeld(each, this.clock.now()));
      }
    },
  ),
];

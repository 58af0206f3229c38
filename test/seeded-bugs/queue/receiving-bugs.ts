// What a queue does wrong when messages are received, and when somebody waits for them.
import type { Delivery, ReceiveRequest } from "../../../src/core/ports/queue.js";
import { delivering, ORDERED, type QueueBug, receiving } from "./queue-bugs.js";
import { plain, type PlainMessage, PlainQueue } from "./plain-queue.js";

const WAIT = "`waitMs`: how long to wait for a first message.";
const COUNT = "How often the message has been received, this time included.";

type Why = "send" | "ack" | "release" | "close";

/** Nobody who waits is told of this. */
function deafTo(deaf: Why, ordered = false): QueueBug["make"] {
  return plain(
    class extends PlainQueue {
      protected override wake(why: Why): void {
        if (why !== deaf) super.wake(why);
      }
    },
    ordered,
  );
}

/** Says of each message of one receive what is so of the first. */
function ofTheFirst(field: "groupId" | "receives" | "sentAt"): QueueBug["make"] {
  return receiving((receive) => async (request) => {
    const all = await receive(request);
    return all.map((delivery) => ({ ...delivery, [field]: all[0]?.[field] }));
  });
}

/** Sees in a wait only what can be received from then on. */
class Forgetful extends PlainQueue {
  readonly #old: ReadonlySet<PlainMessage>[] = [];

  protected override async take(request: ReceiveRequest, from: PlainMessage[]): Promise<readonly Delivery[]> {
    if (request.waitMs === 0) return super.take(request, from);
    const old = new Set(from.filter(({ visibleAt }) => visibleAt <= this.clock.now()));
    this.#old.push(old);
    try {
      return await super.take(request, from);
    } finally {
      this.#old.splice(this.#old.indexOf(old), 1);
    }
  }

  protected override choose(from: PlainMessage[], now: number, max: number): PlainMessage[] {
    return super.choose(from, now, max).filter((message) => !this.#old.some((old) => old.has(message)));
  }
}

export const RECEIVING_BUGS: readonly QueueBug[] = [
  {
    name: "receive waits until it has as many as it may bring",
    breaks: WAIT,
    caughtBy: "waiting",
    make: receiving((receive, { clock }) => async (request) => {
      const all = [...(await receive(request))];
      const end = clock.now() + request.waitMs;
      while (all.length > 0 && all.length < request.max && clock.now() < end && !request.signal.aborted) {
        const rest = { max: request.max - all.length, waitMs: end - clock.now() };
        all.push(...(await receive({ ...request, ...rest })));
      }
      return all;
    }),
  },
  {
    name: "a wait sees only what comes from then on",
    breaks: WAIT,
    caughtBy: "waiting",
    make: plain(Forgetful),
  },
  { name: "who waits is not told of a release", breaks: WAIT, caughtBy: "waiting", make: deafTo("release") },
  {
    name: "who waits is not told that a visibility ends",
    breaks: WAIT,
    caughtBy: "waiting",
    make: plain(
      class extends PlainQueue {
        protected override nextAt(from: PlainMessage[], now: number): number {
          return super.nextAt(
            from.filter(({ receives }) => receives === 0),
            now,
          );
        }
      },
    ),
  },
  {
    name: "who waits is not told that a group is free",
    breaks: WAIT,
    caughtBy: "waiting",
    options: ORDERED,
    make: deafTo("ack", true),
  },
  {
    name: "no wait is a wait for ever",
    breaks: WAIT,
    caughtBy: "receiving",
    make: receiving((receive) => (request) => receive({ ...request, waitMs: request.waitMs || 1e9 })),
  },
  {
    name: "one receive at a time",
    breaks: "Hands messages over: a second receive is no misuse.",
    caughtBy: "receiving",
    make: receiving((receive) => {
      let isBusy = false;
      return async (request) => {
        if (isBusy) throw new Error("a receive is under way");
        isBusy = true;
        try {
          return await receive(request);
        } finally {
          isBusy = false;
        }
      };
    }),
  },
  {
    name: "the signal of one receive ends all",
    breaks: "`signal` ends the wait.",
    caughtBy: "aborting",
    make: receiving((receive) => {
      const open = new Set<AbortController>();
      return async (request) => {
        const own = new AbortController();
        const end = (): void => {
          for (const each of open) each.abort();
        };
        open.add(own);
        if (request.signal.aborted) own.abort();
        request.signal.addEventListener("abort", end);
        try {
          return await receive({ ...request, signal: own.signal });
        } finally {
          request.signal.removeEventListener("abort", end);
          open.delete(own);
        }
      };
    }),
  },
  {
    name: "receives ahead, and hands out from its own stock",
    breaks: COUNT,
    caughtBy: "receiving",
    make: receiving((receive) => {
      const stock: Delivery[] = [];
      return async (request) => {
        if (request.max < 1 || request.max > 10) return receive(request);
        if (stock.length === 0) stock.push(...(await receive({ ...request, max: 10 })));
        return stock.splice(0, request.max);
      };
    }),
  },
  {
    name: "only the first twenty messages are looked at, delayed ones too",
    breaks: "`sent`: the queue confirmed that it holds the message.",
    caughtBy: "delay",
    make: plain(
      class extends PlainQueue {
        protected override choose(from: PlainMessage[], now: number, max: number): PlainMessage[] {
          const seen = new Set(from.slice(0, 20));
          return super
            .choose(from, now, Infinity)
            .filter((message) => seen.has(message))
            .slice(0, max);
        }
      },
    ),
  },
  {
    name: "all messages of a receive have the group of the first",
    breaks: "The group that it was sent in, where the queue says.",
    caughtBy: "receiving",
    make: ofTheFirst("groupId"),
  },
  {
    name: "all messages of a receive were received as often as the first",
    breaks: COUNT,
    caughtBy: "receiving",
    make: ofTheFirst("receives"),
  },
  {
    name: "all messages of a receive were sent with the first",
    breaks: "When it was first sent.",
    caughtBy: "receiving",
    make: ofTheFirst("sentAt"),
  },
  {
    name: "every receive leaves a listener on its signal",
    breaks: "`signal` ends the wait of this receive; nothing of it is left there.",
    caughtBy: "aborting",
    make: receiving((receive) => (request) => {
      const own = new AbortController();
      if (request.signal.aborted) own.abort();
      request.signal.addEventListener("abort", () => {
        own.abort();
      });
      return receive({ ...request, signal: own.signal });
    }),
  },
  {
    name: "receives is a flag: the first, or not the first",
    breaks: COUNT,
    caughtBy: "visibility",
    make: delivering(({ receives }) => ({ receives: Math.min(2, receives) })),
  },
];

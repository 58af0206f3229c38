// What a queue does wrong with its dead letters, its backlog, and when it looks at how it is set up.
import type { Delivery, Queue, QueueFinding, ReceiveRequest } from "../../../src/core/ports/queue.js";
import { delivering, ORDERED, type QueueBug } from "./queue-bugs.js";
import { plain, type PlainMessage, PlainQueue } from "./plain-queue.js";

const DEAD = "Receives after which the broker moves a message to its dead letters.";
const LETTERS = "The dead letters are a queue like the other one.";
const BACKLOG = "How many messages it holds: waiting, hidden and delayed.";
const CHECK = "Looks at how the queue is set up; each finding is logged.";
const IS_FROM = "Whether messages from this address are this queue's.";

const AT_ONCE: ReceiveRequest = { max: 1, waitMs: 0, signal: new AbortController().signal };

/** Dead letters that are asked for otherwise. */
function letters(change: (request: ReceiveRequest) => ReceiveRequest): QueueBug["make"] {
  return ({ inner }) => ({
    deadLetters: { receive: async (request) => inner.deadLetters.receive(change(request)) },
  });
}

/** Dead letters that come otherwise. */
function eachLetter(change: (delivery: Delivery) => Partial<Delivery>): QueueBug["make"] {
  return ({ inner }) => ({
    deadLetters: {
      receive: async (request) =>
        (await inner.deadLetters.receive(request)).map((delivery) => ({ ...delivery, ...change(delivery) })),
    },
  });
}

/** A check that finds this. */
function finds(found: unknown): QueueBug["make"] {
  return () => ({ check: async () => found as readonly QueueFinding[] });
}

export const UPKEEP_BUGS: readonly QueueBug[] = [
  {
    name: "a message is a dead letter once it is handed out for the last time",
    breaks: DEAD,
    caughtBy: "dead letters",
    make: plain(
      class extends PlainQueue {
        protected override hold(message: PlainMessage, now: number): void {
          super.hold(message, now);
          if (message.receives === 4) this.dead.push({ ...message, visibleAt: now });
        }

        protected override bury(now: number): void {
          for (const message of [...this.messages])
            if (message.receives >= 4 && message.visibleAt <= now) this.remove(message, this.messages);
        }
      },
    ),
  },
  {
    name: "a message that is acknowledged in its last receive is a dead letter",
    breaks: DEAD,
    caughtBy: "dead letters",
    make: plain(
      class extends PlainQueue {
        protected override acknowledge(message: PlainMessage, from: PlainMessage[]): void {
          super.acknowledge(message, from);
          if (message.receives >= 4 && from !== this.dead) this.dead.push({ ...message, visibleAt: 0 });
        }
      },
    ),
  },
  {
    name: "what is given back for later after its last receive is lost",
    breaks: DEAD,
    caughtBy: "dead letters",
    make: delivering((delivery) => ({
      release: (ms) => (delivery.receives >= 4 && ms > 0 ? delivery.ack() : delivery.release(ms)),
    })),
  },
  {
    name: "a dead letter comes twice",
    breaks: DEAD,
    caughtBy: "dead letters",
    make: plain(
      class extends PlainQueue {
        protected override bury(now: number): void {
          const before = this.dead.length;
          super.bury(now);
          for (const letter of this.dead.slice(before)) this.dead.push({ ...letter });
        }
      },
    ),
  },
  {
    name: "a dead letter that is given back is lost",
    breaks: LETTERS,
    caughtBy: "dead letters",
    make: eachLetter((delivery) => ({ release: () => delivery.ack() })),
  },
  {
    name: "a dead letter that is given back for later is there at once",
    breaks: LETTERS,
    caughtBy: "dead letters",
    make: eachLetter((delivery) => ({ release: () => delivery.release(0) })),
  },
  {
    name: "the receives of a dead letter are a text",
    breaks: "How often the message has been received.",
    caughtBy: "dead letters",
    make: eachLetter((delivery) => ({ receives: String(delivery.receives) as unknown as number })),
  },
  {
    name: "dead letters come one more than asked for",
    breaks: LETTERS,
    caughtBy: "dead letters",
    make: letters((request) => ({ ...request, max: Math.min(10, request.max + 1) })),
  },
  {
    name: "nobody waits for a dead letter",
    breaks: LETTERS,
    caughtBy: "dead letters",
    make: letters((request) => ({ ...request, waitMs: 0 })),
  },
  {
    name: "who waits for a dead letter does not hear the signal",
    breaks: LETTERS,
    caughtBy: "dead letters",
    make: letters((request) => ({ ...request, signal: new AbortController().signal })),
  },
  {
    name: "who waits for a dead letter does not hear of close",
    breaks: LETTERS,
    caughtBy: "dead letters",
    make: ({ inner, clock }) => ({
      deadLetters: {
        async receive(request) {
          for (let waited = 0; ; waited += 1_000) {
            const found = await inner.deadLetters
              .receive({ ...request, waitMs: 0 })
              .catch((): readonly Delivery[] => []);
            if (found.length > 0 || waited >= request.waitMs || request.signal.aborted) return found;
            await new Promise<void>((resolve) => clock.timer(1_000, resolve));
          }
        },
      },
    }),
  },
  {
    name: "a dead letter blocks its group",
    breaks: "Messages of one group keep their order; a dead letter is none of them.",
    caughtBy: "dead letters",
    options: ORDERED,
    make: plain(
      class extends PlainQueue {
        protected override isFree(message: PlainMessage, from: PlainMessage[]): boolean {
          const isBlocked =
            from !== this.dead && this.dead.some(({ groupId }) => groupId === message.groupId);
          return super.isFree(message, from) && !isBlocked;
        }
      },
      true,
    ),
  },
  {
    name: "a dead letter takes its group with it",
    breaks: "`sent`: the queue confirmed that it holds the message.",
    caughtBy: "dead letters",
    options: ORDERED,
    make: plain(
      class extends PlainQueue {
        protected override bury(now: number): void {
          const before = this.dead.length;
          super.bury(now);
          for (const { groupId } of this.dead.slice(before))
            for (const message of this.messages.filter((each) => each.groupId === groupId))
              this.remove(message, this.messages);
        }
      },
      true,
    ),
  },
  {
    name: "backlog is a counter, and every ack counts",
    breaks: BACKLOG,
    caughtBy: "backlog",
    make: (world) => {
      let held = 0;
      return {
        ...delivering((delivery) => ({
          async ack() {
            held -= 1;
            await delivery.ack();
          },
        }))(world),
        async send(messages) {
          const results = await world.inner.send(messages);
          held += results.filter(({ status }) => status === "sent").length;
          return results;
        },
        backlog: async () => held,
      };
    },
  },
  {
    name: "backlog leaves out what was given back for later",
    breaks: BACKLOG,
    caughtBy: "backlog",
    make: plain(
      class extends PlainQueue {
        readonly #back = new Set<PlainMessage>();

        override async backlog(): Promise<number> {
          return this.messages.filter((message) => !this.#back.has(message)).length;
        }

        protected override giveBack(message: PlainMessage, afterMs: number): void {
          super.giveBack(message, afterMs);
          if (afterMs > 0) this.#back.add(message);
        }
      },
    ),
  },
  {
    name: "backlog counts dead letters",
    breaks: BACKLOG,
    caughtBy: "dead letters",
    make: plain(
      class extends PlainQueue {
        override async backlog(): Promise<number> {
          return this.messages.length + this.dead.length;
        }
      },
    ),
  },
  {
    name: "backlog receives a message to look",
    breaks: BACKLOG,
    caughtBy: "backlog",
    make: ({ inner }) => ({
      async backlog() {
        await inner.receive(AT_ONCE);
        return inner.backlog();
      },
    }),
  },
  {
    name: "backlog is what it was a minute ago",
    breaks: BACKLOG,
    caughtBy: "backlog",
    make: ({ inner, clock }) => {
      let known: { readonly until: number; readonly count: number } | null = null;
      return {
        async backlog() {
          if (known === null || known.until <= clock.now())
            known = { until: clock.now() + 60_000, count: await inner.backlog() };
          return known.count;
        },
      };
    },
  },
  {
    name: "check rejects where nothing is amiss",
    breaks: CHECK,
    caughtBy: "checking",
    make: () => ({
      async check() {
        throw new Error("no permission to look");
      },
    }),
  },
  {
    name: "check finds nothing, and not an empty list",
    breaks: CHECK,
    caughtBy: "checking",
    make: finds(undefined),
  },
  {
    name: "check finds sentences",
    breaks: CHECK,
    caughtBy: "checking",
    make: finds(["The visibility is low."]),
  },
  {
    name: "check finds codes in capitals",
    breaks: "`code`: stable, lower case, dotted.",
    caughtBy: "checking",
    make: finds([{ code: "VISIBILITY_LOW", severity: "warning", sentence: "The visibility is low." }]),
  },
  {
    name: "check receives a message to see whether it may",
    breaks: CHECK,
    caughtBy: "checking",
    make: ({ inner }) => ({
      async check() {
        await inner.receive(AT_ONCE);
        return [];
      },
    }),
  },
  {
    name: "check sends a message to see whether it may",
    breaks: CHECK,
    caughtBy: "checking",
    make: ({ inner }) => ({
      async check() {
        await inner.send([{ body: "probe", delayMs: 0, dedupId: "probe", groupId: "probe" }]);
        return [];
      },
    }),
  },
  {
    name: "every address is its own",
    breaks: IS_FROM,
    caughtBy: "checking",
    make: () => ({ isFrom: () => true }),
  },
  {
    name: "the end of its address is its own",
    breaks: IS_FROM,
    caughtBy: "checking",
    make: (): Partial<Queue> => ({ isFrom: (source) => "arn:aws:sqs:eu-west-1:1:jobs".endsWith(source) }),
  },
  {
    name: "isFrom throws at what is no address",
    breaks: IS_FROM,
    caughtBy: "checking",
    make: () => ({
      isFrom(source) {
        if (!source.startsWith("arn:")) throw new Error("no address");
        return false;
      },
    }),
  },
];

// What a queue does wrong, around the memory queue.
import { memoryQueue, type MemoryQueueOptions } from "../../../src/adapters/memory/queue.js";
import { WaybillError } from "../../../src/core/errors/errors.js";
import type {
  Delivery,
  OutgoingMessage,
  Queue,
  ReceiveRequest,
  SendResult,
} from "../../../src/core/ports/queue.js";
import { type FakeClock, fakeClock } from "../../../src/testing/fake-clock.js";
import type { QueueFixture } from "../../../src/testing/queue-suite/queue-suite.js";

export interface QueueWorld {
  readonly inner: ReturnType<typeof memoryQueue>;
  readonly clock: FakeClock;
  /** Whether the next message is not to be confirmed; asked once for each. */
  takeBreak(): boolean;
  /** Whether the service cannot be reached. */
  isOut(): boolean;
}

export interface QueueBug {
  readonly name: string;
  readonly breaks: string;
  readonly caughtBy: string;
  readonly options?: MemoryQueueOptions;
  /** A body that the queue can never hold. */
  readonly unsendable?: string;
  /** It shows where the queue cannot reach its service. */
  readonly breaksInOutage?: true;
  readonly make: (world: QueueWorld) => Partial<Queue>;
}

const VISIBILITY_MS = 30_000;

/** A queue with this bug, or with none. */
export async function queueFixtureOf(
  bug: QueueBug | null,
  options: MemoryQueueOptions = {},
): Promise<QueueFixture> {
  const clock = fakeClock();
  const inner = memoryQueue({
    clock,
    visibilityMs: VISIBILITY_MS,
    maxReceives: 4,
    ...options,
    ...bug?.options,
  });
  let breaks = false;
  let isOut = false;
  const takeBreak = (): boolean => {
    const before = breaks;
    breaks = false;
    return before;
  };
  const plain: Queue = {
    capabilities: inner.capabilities,
    send: async (messages) =>
      isOut ? messages.map(() => ({ status: "unknown", reason: "no answer" })) : inner.send(messages),
    receive: (request) => inner.receive(request),
    deadLetters: inner.deadLetters,
    async backlog() {
      if (isOut) throw new WaybillError("queue.unavailable", "It cannot be counted.");
      return inner.backlog();
    },
    close: () => inner.close(),
  };
  return {
    queue: { ...plain, ...bug?.make({ inner, clock, takeBreak, isOut: () => isOut }) },
    visibilityMs: VISIBILITY_MS,
    advance: (ms) => clock.advance(ms),
    ...((bug === null || bug.breaksInOutage === true) && {
      outage: (on: boolean) => {
        isOut = on;
        inner.faults.receiveOutage(on);
      },
    }),
    ...(bug?.unsendable !== undefined && { unsendable: bug.unsendable }),
    breakNextSend: () => {
      breaks = true;
      inner.faults.breakSends("unknown_lost");
    },
    close: () => inner.close(),
  };
}

type Receive = Queue["receive"];

export function receiving(change: (receive: Receive, world: QueueWorld) => Receive): QueueBug["make"] {
  return (world) => ({ receive: change((request) => world.inner.receive(request), world) });
}

/** Hands deliveries over that act otherwise. */
export function delivering(
  change: (delivery: Delivery, world: QueueWorld) => Partial<Delivery>,
): QueueBug["make"] {
  return receiving(
    (receive, world) => async (request) =>
      (await receive(request)).map((delivery) => ({ ...delivery, ...change(delivery, world) })),
  );
}

export function sending(change: (message: OutgoingMessage) => OutgoingMessage): QueueBug["make"] {
  return ({ inner }) => ({ send: (messages) => inner.send(messages.map(change)) });
}

const NOW: Pick<ReceiveRequest, "waitMs" | "signal"> = { waitMs: 0, signal: new AbortController().signal };
export const ORDERED: MemoryQueueOptions = { ordered: true };
const ANSWERS = "`send` answers per message and never rejects for one of them.";
const ACTS =
  "A delivery acts on the message as it was received: after its visibility ended it changes nothing newer.";
const ORDER =
  "An ordered queue never returns two messages of one group in one receive; messages of one group keep their order.";
const CLOSED = "After `close`, `send` and `receive` reject.";
const ABORT = "Ends the wait; what was already taken is still returned.";
const BATCH = "it rejects only when misused (a batch outside 1–`maxBatch`, after `close`)";

export const QUEUE_BUGS: readonly QueueBug[] = [
  {
    name: "send loses a message that it confirms",
    breaks: "`sent`: the queue confirmed that it holds the message.",
    caughtBy: "sending",
    make: ({ inner }) => ({
      async send(messages) {
        const kept = messages.slice(0, Math.max(1, messages.length - 1));
        const results = await inner.send(kept);
        return messages.map((_, index) => results[index] ?? { status: "sent" });
      },
    }),
  },
  {
    name: "send answers once for a batch",
    breaks: ANSWERS,
    caughtBy: "sending",
    make: ({ inner }) => ({
      async send(messages) {
        return (await inner.send(messages)).slice(0, 1);
      },
    }),
  },
  {
    name: "send rejects for one message that was not confirmed",
    breaks: ANSWERS,
    caughtBy: "sending",
    make: ({ inner }) => ({
      async send(messages) {
        const results = await inner.send(messages);
        if (results.some(({ status }) => status !== "sent")) throw new Error("not confirmed");
        return results;
      },
    }),
  },
  {
    name: "send answers sent for what was not confirmed",
    breaks: "`unknown`: it may or may not",
    caughtBy: "sending",
    make: ({ inner }) => ({
      async send(messages) {
        return (await inner.send(messages)).map((): SendResult => ({ status: "sent" }));
      },
    }),
  },
  {
    name: "send answers rejected for what was not confirmed",
    breaks: "`rejected`: it certainly does not and never will, for the message itself",
    caughtBy: "sending",
    make: ({ inner }) => ({
      async send(messages) {
        return (await inner.send(messages)).map((result): SendResult =>
          result.status === "unknown" ? { status: "rejected", reason: result.reason } : result,
        );
      },
    }),
  },
  {
    name: "send trims bodies",
    breaks: "`body` is text made by the core",
    caughtBy: "sending",
    make: sending((message) => ({ ...message, body: message.body.replace(/\s+/g, " ") })),
  },
  {
    name: "send keeps only the basic plane of bodies",
    breaks: "`body` is text made by the core",
    caughtBy: "sending",
    make: sending((message) => ({ ...message, body: message.body.replace(/[\ud800-\udfff]/g, "?") })),
  },
  {
    name: "send takes an empty batch",
    breaks: BATCH,
    caughtBy: "misuse",
    make: ({ inner }) => ({ send: async (messages) => (messages.length === 0 ? [] : inner.send(messages)) }),
  },
  {
    name: "send takes more than a batch holds",
    breaks: BATCH,
    caughtBy: "misuse",
    make: ({ inner }) => ({
      async send(messages) {
        const results: SendResult[] = [];
        if (messages.length === 0) return inner.send(messages);
        for (const message of messages) results.push(...(await inner.send([message])));
        return results;
      },
    }),
  },
  {
    name: "receive takes any number",
    breaks: BATCH,
    caughtBy: "misuse",
    make: receiving(
      (receive, { inner }) =>
        (request) =>
          receive({ ...request, max: Math.max(1, Math.min(request.max, inner.capabilities.maxBatch)) }),
    ),
  },
  {
    name: "send goes on after close",
    breaks: CLOSED,
    caughtBy: "closing",
    make: ({ inner }) => ({
      send: (messages) =>
        inner
          .send(messages)
          .catch(() => messages.map((): SendResult => ({ status: "unknown", reason: "closed" }))),
    }),
  },
  {
    name: "receive returns nothing after close",
    breaks: CLOSED,
    caughtBy: "closing",
    make: receiving((receive) => (request) => receive(request).catch(() => [])),
  },
  {
    name: "close leaves who waits",
    breaks: "Frees what the queue made itself.",
    caughtBy: "closing",
    make: () => ({ close: async () => undefined }),
  },
  {
    name: "close rejects the second time",
    breaks: "Safe to call twice.",
    caughtBy: "closing",
    make: ({ inner }) => {
      let closed = false;
      return {
        async close() {
          if (closed) throw new Error("closed");
          closed = true;
          await inner.close();
        },
      };
    },
  },
  {
    name: "deliveries cannot be settled after close",
    breaks: "deliveries that are out may still be settled",
    caughtBy: "closing",
    make: ({ inner }) => {
      let closed = false;
      const barred = (call: () => Promise<void>) => async () => {
        if (closed) throw new Error("closed");
        await call();
      };
      return {
        async close() {
          closed = true;
          await inner.close();
        },
        async receive(request) {
          return (await inner.receive(request)).map((delivery) => ({
            ...delivery,
            ack: barred(() => delivery.ack()),
            release: (ms: number) => barred(() => delivery.release(ms))(),
          }));
        },
      };
    },
  },
  {
    name: "receive returns one more than asked for",
    breaks: "Most messages in one `receive`; `max`",
    caughtBy: "receiving",
    make: receiving(
      (receive, { inner }) =>
        (request) =>
          receive({ ...request, max: Math.min(inner.capabilities.maxBatch, request.max + 1) }),
    ),
  },
  {
    name: "receive counts from 0",
    breaks: "How often the message has been received, this time included.",
    caughtBy: "receiving",
    make: delivering(({ receives }) => ({ receives: receives - 1 })),
  },
  {
    name: "receive always counts 1",
    breaks: "How often the message has been received, this time included.",
    caughtBy: "settling",
    make: delivering(() => ({ receives: 1 })),
  },
  {
    name: "receive tells the same group of all",
    breaks: "The group that it was sent in, where the queue says.",
    caughtBy: "receiving",
    make: delivering(() => ({ groupId: "all" })),
  },
  {
    name: "receive tells when it was received as when it was sent",
    breaks: "When it was first sent, Unix milliseconds.",
    caughtBy: "settling",
    make: delivering((_, { clock }) => ({ sentAt: clock.now() })),
  },
  {
    name: "receive tells seconds",
    breaks: "When it was first sent, Unix milliseconds.",
    caughtBy: "settling",
    make: delivering(({ sentAt }) => ({ sentAt: sentAt === null ? null : Math.floor(sentAt / 1_000) })),
  },
  {
    name: "receive does not wait",
    breaks: "How long to wait for a first message, milliseconds.",
    caughtBy: "waiting",
    make: receiving((receive) => (request) => receive({ ...request, waitMs: 0 })),
  },
  {
    name: "receive waits twice as long",
    breaks: "How long to wait for a first message, milliseconds.",
    caughtBy: "waiting",
    make: receiving((receive) => (request) => receive({ ...request, waitMs: request.waitMs * 5 })),
  },
  {
    name: "receive waits in steps of five seconds",
    breaks: "How long to wait for a first message, milliseconds.",
    caughtBy: "waiting",
    make: receiving((receive, { clock }) => async (request) => {
      const first = await receive({ ...request, waitMs: 0 });
      if (first.length > 0 || request.waitMs === 0 || request.signal.aborted) return first;
      await new Promise<void>((resolve) => clock.timer(Math.min(5_000, request.waitMs), resolve));
      return receive({ ...request, waitMs: 0 });
    }),
  },
  {
    name: "receive does not hear its signal",
    breaks: ABORT,
    caughtBy: "aborting",
    make: receiving((receive) => (request) => receive({ ...request, signal: new AbortController().signal })),
  },
  {
    name: "receive takes something although it was aborted before",
    breaks: ABORT,
    caughtBy: "aborting",
    make: receiving((receive) => async (request) => {
      if (request.signal.aborted) {
        await receive({ ...request, ...NOW });
        return [];
      }
      return receive(request);
    }),
  },
  {
    name: "receive loses what it had taken when it is aborted",
    breaks: ABORT,
    caughtBy: "aborting",
    make: receiving((receive) => async (request) => {
      const taken = await receive(request);
      await Promise.resolve();
      await Promise.resolve();
      if (!request.signal.aborted) return taken;
      for (const delivery of taken) await delivery.ack();
      return [];
    }),
  },
  {
    name: "an abandoned wait still takes a message",
    breaks: ABORT,
    caughtBy: "aborting",
    make: receiving((receive) => async (request) => {
      const waiting = receive({ ...request, signal: new AbortController().signal });
      const aborted = new Promise<readonly Delivery[]>((resolve) => {
        request.signal.addEventListener(
          "abort",
          () => {
            resolve([]);
          },
          { once: true },
        );
      });
      return Promise.race([waiting, aborted]);
    }),
  },
  {
    name: "ack does nothing",
    breaks: "Removes the message for good.",
    caughtBy: "settling",
    make: delivering(() => ({ ack: async () => undefined })),
  },
  {
    name: "ack of one acknowledges all that were received with it",
    breaks: "Removes the message for good.",
    caughtBy: "settling",
    make: receiving((receive) => async (request) => {
      const all = await receive(request);
      return all.map((delivery) => ({
        ...delivery,
        async ack() {
          for (const each of all) await each.ack();
        },
      }));
    }),
  },
  {
    name: "ack only hides for an hour",
    breaks: "Removes the message for good.",
    caughtBy: "backlog",
    make: delivering((delivery) => ({ ack: () => delivery.extend(3_600_000) })),
  },
  {
    name: "release acknowledges",
    breaks: "Gives it back, to be received again after a delay.",
    caughtBy: "settling",
    make: delivering((delivery) => ({ release: () => delivery.ack() })),
  },
  {
    name: "release gives back at once",
    breaks: "Gives it back, to be received again after a delay.",
    caughtBy: "settling",
    make: delivering((delivery) => ({ release: () => delivery.release(0) })),
  },
  {
    name: "release rounds delays down to seconds",
    breaks: "Gives it back, to be received again after a delay.",
    caughtBy: "settling",
    make: delivering((delivery) => ({ release: (ms) => delivery.release(Math.floor(ms / 1_000) * 1_000) })),
  },
  {
    name: "release waits for the visibility",
    breaks: "Gives it back, to be received again after a delay.",
    caughtBy: "settling",
    make: delivering(() => ({ release: async () => undefined })),
  },
  {
    name: "release is a new message",
    breaks: "How often the message has been received, this time included.",
    caughtBy: "settling",
    make: delivering((delivery, { inner }) => ({
      async release(afterMs) {
        await delivery.ack();
        await inner.send([
          {
            body: delivery.body,
            delayMs: afterMs,
            dedupId: `${delivery.body} ${String(delivery.receives)} ${String(Math.random())}`,
            groupId: delivery.groupId ?? "",
          },
        ]);
      },
    })),
  },
  {
    name: "extend does nothing",
    breaks: "Keeps it hidden for this long from now.",
    caughtBy: "visibility",
    make: delivering(() => ({ extend: async () => undefined })),
  },
  {
    name: "extend adds to what is left",
    breaks: "Keeps it hidden for this long from now.",
    caughtBy: "visibility",
    make: delivering((delivery, { clock }) => {
      let until = clock.now() + VISIBILITY_MS;
      return {
        async extend(ms) {
          until += ms;
          await delivery.extend(until - clock.now());
        },
      };
    }),
  },
  {
    name: "extend never makes it shorter",
    breaks: "Keeps it hidden for this long from now.",
    caughtBy: "visibility",
    make: delivering((delivery, { clock }) => {
      let until = clock.now() + VISIBILITY_MS;
      return {
        async extend(ms) {
          until = Math.max(until, clock.now() + ms);
          await delivery.extend(until - clock.now());
        },
      };
    }),
  },
  {
    name: "extend works once",
    breaks: "Keeps it hidden for this long from now.",
    caughtBy: "visibility",
    make: delivering((delivery) => {
      let done = false;
      return {
        async extend(ms) {
          if (!done) await delivery.extend(ms);
          done = true;
        },
      };
    }),
  },
  {
    name: "a late ack removes what a newer receive holds",
    breaks: ACTS,
    caughtBy: "visibility",
    make: (world) => {
      const newest = new Map<string, Delivery>();
      return {
        async receive(request) {
          return (await world.inner.receive(request)).map((delivery) => {
            newest.set(delivery.body, delivery);
            return { ...delivery, ack: async () => newest.get(delivery.body)?.ack() };
          });
        },
      };
    },
  },
  {
    name: "a late release gives back what a newer receive holds",
    breaks: ACTS,
    caughtBy: "visibility",
    make: (world) => {
      const newest = new Map<string, Delivery>();
      return {
        async receive(request) {
          return (await world.inner.receive(request)).map((delivery) => {
            newest.set(delivery.body, delivery);
            return { ...delivery, release: async (ms: number) => newest.get(delivery.body)?.release(ms) };
          });
        },
      };
    },
  },
  {
    name: "a late extend keeps what a newer receive holds",
    breaks: ACTS,
    caughtBy: "visibility",
    make: (world) => {
      const newest = new Map<string, Delivery>();
      return {
        async receive(request) {
          return (await world.inner.receive(request)).map((delivery) => {
            newest.set(delivery.body, delivery);
            return { ...delivery, extend: async (ms: number) => newest.get(delivery.body)?.extend(ms) };
          });
        },
      };
    },
  },
  {
    name: "send honours no delay",
    breaks: "The longest delay that `send` honours, milliseconds.",
    caughtBy: "delay",
    make: sending((message) => ({ ...message, delayMs: 0 })),
  },
  {
    name: "send cuts delays below a second",
    breaks: "The longest delay that `send` honours, milliseconds.",
    caughtBy: "delay",
    make: sending((message) => ({ ...message, delayMs: Math.floor(message.delayMs / 1_000) * 1_000 })),
  },
  {
    name: "send delays twice as long",
    breaks: "The longest delay that `send` honours, milliseconds.",
    caughtBy: "delay",
    make: sending((message) => ({ ...message, delayMs: message.delayMs * 2 })),
  },
  {
    name: "send refuses its longest delay",
    breaks: "The longest delay that `send` honours, milliseconds.",
    caughtBy: "delay",
    make: ({ inner }) => ({
      async send(messages) {
        const { maxDelayMs } = inner.capabilities;
        if (messages.some(({ delayMs }) => delayMs >= maxDelayMs))
          return messages.map((): SendResult => ({ status: "rejected", reason: "too long" }));
        return inner.send(messages);
      },
    }),
  },
  {
    name: "dead letters are lost",
    breaks: "Receives after which the broker moves a message to its dead letters.",
    caughtBy: "dead letters",
    make: () => ({ deadLetters: { receive: async () => [] } }),
  },
  {
    name: "a message goes to the dead letters one receive early",
    breaks: "Receives after which the broker moves a message to its dead letters.",
    caughtBy: "dead letters",
    options: { maxReceives: 3 },
    make: ({ inner }) => ({ capabilities: { ...inner.capabilities, maxReceives: 4 } }),
  },
  {
    name: "a message goes to the dead letters one receive late",
    breaks: "Receives after which the broker moves a message to its dead letters.",
    caughtBy: "dead letters",
    options: { maxReceives: 5 },
    make: ({ inner }) => ({ capabilities: { ...inner.capabilities, maxReceives: 4 } }),
  },
  {
    name: "a dead letter is gone once it was received",
    breaks: "Its dead letters, where the adapter can read them.",
    caughtBy: "dead letters",
    make: ({ inner }) => ({
      deadLetters: {
        async receive(request) {
          const all = await inner.deadLetters.receive(request);
          for (const each of all) await each.ack();
          return all;
        },
      },
    }),
  },
  {
    name: "only what is released goes to the dead letters",
    breaks: "Receives after which the broker moves a message to its dead letters.",
    caughtBy: "dead letters",
    make: receiving((receive) => async (request) => {
      const all = await receive(request);
      for (const each of all) if (each.receives >= 4) await each.extend(1e12);
      return all.map((delivery) => ({ ...delivery, release: async (ms: number) => delivery.release(ms) }));
    }),
  },
  {
    name: "groups are not kept apart",
    breaks: ORDER,
    caughtBy: "order",
    options: ORDERED,
    make: sending((message) => ({ ...message, groupId: "all" })),
  },
  {
    name: "every message is a group of its own",
    breaks: ORDER,
    caughtBy: "order",
    options: ORDERED,
    make: sending((message) => ({ ...message, groupId: message.dedupId })),
  },
  {
    name: "groups are told apart by 64 characters",
    breaks: "Most characters of a `dedupId` and of a `groupId`",
    caughtBy: "order",
    options: ORDERED,
    make: sending((message) => ({ ...message, groupId: message.groupId.slice(0, 64) })),
  },
  {
    name: "deduplication ids are told apart by 64 characters",
    breaks: "Most characters of a `dedupId` and of a `groupId`",
    caughtBy: "sending",
    options: ORDERED,
    make: sending((message) => ({ ...message, dedupId: message.dedupId.slice(0, 64) })),
  },
  {
    name: "a repeated deduplication id is delivered",
    breaks: "a repeated `dedupId` is swallowed",
    caughtBy: "order",
    options: ORDERED,
    make: (world) => {
      let made = 0;
      return sending((message) => ({
        ...message,
        dedupId: `${message.dedupId}-${String((made += 1))}`.slice(-120),
      }))(world);
    },
  },
  {
    name: "a repeated deduplication id is refused",
    breaks: "a repeated `dedupId` is swallowed",
    caughtBy: "order",
    options: ORDERED,
    make: ({ inner }) => {
      const seen = new Set<string>();
      return {
        async send(messages) {
          if (messages.some(({ dedupId }) => seen.has(dedupId)))
            return messages.map((): SendResult => ({ status: "rejected", reason: "a duplicate" }));
          for (const { dedupId } of messages) seen.add(dedupId);
          return inner.send(messages);
        },
      };
    },
  },
  {
    name: "a released message goes to the end of its group",
    breaks: ORDER,
    caughtBy: "order",
    options: ORDERED,
    make: delivering((delivery, { inner }) => ({
      async release(afterMs) {
        await delivery.ack();
        await inner.send([
          {
            body: delivery.body,
            delayMs: afterMs,
            dedupId: `${delivery.body}${String(Math.random())}`,
            groupId: delivery.groupId ?? "",
          },
        ]);
      },
    })),
  },
  {
    name: "a group goes on while a released message of it is delayed",
    breaks: ORDER,
    caughtBy: "order",
    options: ORDERED,
    make: ({ inner, clock }) => {
      const later: { readonly message: OutgoingMessage; readonly at: number }[] = [];
      return {
        async receive(request) {
          for (const one of later.splice(0)) {
            if (one.at <= clock.now()) await inner.send([one.message]);
            else later.push(one);
            if (later.length > 0 && later[later.length - 1] === one) break;
          }
          return (await inner.receive(request)).map((delivery) => ({
            ...delivery,
            async release(afterMs: number) {
              if (afterMs === 0) return delivery.release(0);
              await delivery.ack();
              later.push({
                at: clock.now() + afterMs,
                message: {
                  body: delivery.body,
                  delayMs: 0,
                  dedupId: `${delivery.body}${String(Math.random())}`,
                  groupId: delivery.groupId ?? "",
                },
              });
            },
          }));
        },
      };
    },
  },
  {
    name: "a message whose visibility ended comes behind its group",
    breaks: ORDER,
    caughtBy: "order",
    options: ORDERED,
    make: ({ inner, clock }) => {
      const held = new Map<Delivery, number>();
      return {
        async receive(request) {
          for (const [delivery, until] of held) {
            if (until > clock.now()) continue;
            held.delete(delivery);
            await delivery.ack();
            await inner.send([
              {
                body: delivery.body,
                delayMs: 0,
                dedupId: `${delivery.body}${String(Math.random())}`,
                groupId: delivery.groupId ?? "",
              },
            ]);
          }
          return (await inner.receive(request)).map((delivery) => {
            void delivery.extend(1e9);
            held.set(delivery, clock.now() + VISIBILITY_MS);
            return {
              ...delivery,
              async ack() {
                held.delete(delivery);
                await delivery.ack();
              },
              async release(ms: number) {
                held.delete(delivery);
                await delivery.release(ms);
              },
              async extend(ms: number) {
                held.set(delivery, clock.now() + ms);
              },
            };
          });
        },
      };
    },
  },
  {
    name: "backlog counts only what waits",
    breaks: "How many messages it holds: waiting, hidden and delayed.",
    caughtBy: "backlog",
    make: ({ inner }) => ({ backlog: async () => inner.depth() }),
  },
  {
    name: "backlog counts what was acknowledged",
    breaks: "How many messages it holds: waiting, hidden and delayed.",
    caughtBy: "backlog",
    make: ({ inner }) => {
      let sent = 0;
      return {
        async send(messages) {
          sent += messages.length;
          return inner.send(messages);
        },
        backlog: async () => sent,
      };
    },
  },
  {
    name: "a batch with an unsendable first message is rejected whole",
    breaks: ANSWERS,
    caughtBy: "sending",
    make: ({ inner }) => ({
      async send(messages) {
        const results = await inner.send(messages);
        return results[0]?.status === "unknown"
          ? results.map((): SendResult => ({ status: "unknown", reason: "a fault was injected" }))
          : results;
      },
    }),
  },
  {
    name: "a reason quotes the body",
    breaks: "`reason` holds no payload, no credential and no address with credentials.",
    caughtBy: "sending",
    make: ({ inner }) => ({
      async send(messages) {
        return (await inner.send(messages)).map((result, index): SendResult =>
          result.status === "sent"
            ? result
            : { ...result, reason: `not sent: ${messages[index]?.body ?? ""}` },
        );
      },
    }),
  },
];

// What a notifier does wrong, around the memory notifier.
import {
  memoryNotifier,
  type MemoryNotifier,
  type MemoryNotifierOptions,
} from "../../../src/adapters/memory/notifier.js";
import type { ServerEvent } from "../../../src/core/job/event.js";
import type { Notifier, PublishContext, PublishResult } from "../../../src/core/ports/notifier.js";
import type { NotifierFixture } from "../../../src/testing/notifier-suite/notifier-suite.js";

type Publish = Notifier["publish"];

export interface NotifierBug {
  readonly name: string;
  readonly breaks: string;
  readonly caughtBy: string;
  readonly options?: MemoryNotifierOptions;
  readonly make: (inner: MemoryNotifier) => Partial<Notifier>;
}

const RETRY_MS = 7_000;

/** A notifier with this bug, or with none. */
export async function notifierFixtureOf(bug: NotifierBug | null): Promise<NotifierFixture> {
  const inner = memoryNotifier({ lane: ({ owner }) => owner ?? "", maxBatch: 6, ...bug?.options });
  const notifier: Notifier = {
    publish: (events, context) => inner.publish(events, context),
    lane: (event) => inner.lane?.(event) ?? "",
    maxBatch: 6,
    close: () => inner.close(),
    ...bug?.make(inner),
  };
  return {
    notifier,
    delivered: () => inner.events.map(({ id }) => id),
    received: () => inner.events,
    retryAfterMs: RETRY_MS,
    answers: ["accept", "retry", "held", "rejected", "hang"],
    answer: (eventId, how) => {
      if (how === "accept") inner.heal();
      else
        inner.failNext(how, {
          count: Infinity,
          where: ({ id }) => id === eventId,
          ...(how === "retry" ? { afterMs: RETRY_MS } : {}),
        });
    },
    inLane: (event, lane) => ({ ...event, owner: lane }),
    close: () => inner.close(),
  };
}

/** Delivers something else than it was given. */
export const sends =
  (change: (event: ServerEvent) => ServerEvent): NotifierBug["make"] =>
  (inner) => ({
    publish: (events, context) => inner.publish(events.map(change), context),
  });

/** Publishes in another way. */
export const publishing =
  (
    publish: (inner: MemoryNotifier, ...given: Parameters<Publish>) => ReturnType<Publish>,
  ): NotifierBug["make"] =>
  (inner) => ({ publish: (events, context) => publish(inner, events, context) });

/** Says something else than it did. */
export const says =
  (
    change: (results: readonly PublishResult[], events: readonly ServerEvent[]) => readonly PublishResult[],
  ): NotifierBug["make"] =>
  (inner) => ({
    publish: async (events, context) => change(await inner.publish(events, context), events),
  });

async function oneByOne(
  inner: MemoryNotifier,
  events: readonly ServerEvent[],
  context: PublishContext,
  goesOn: (results: readonly PublishResult[], event: ServerEvent) => boolean,
): Promise<readonly PublishResult[]> {
  const results: PublishResult[] = [];
  for (const event of events) {
    if (goesOn(results, event)) results.push(...(await inner.publish([event], context)));
    else results.push({ status: "retry", reason: "behind another" });
  }
  return results;
}

const ANSWERS = "`publish` answers per event, in order.";
const ORDER =
  "once one is answered `retry` or `held`, no later one of the same job may be delivered by that call";
const REASON =
  "`reason`, at most 200 characters, holds no payload, no credential, and no address with credentials.";
const LEAST = "Durable push: every event is offered until it is delivered, at least once.";

export const NOTIFIER_BUGS: readonly NotifierBug[] = [
  {
    name: "publish says delivered of what failed",
    breaks: "`delivered`: the receiver has it.",
    caughtBy: "failing",
    make: says((results) => results.map(() => ({ status: "delivered" }))),
  },
  {
    name: "publish delivers nothing",
    breaks: "`delivered`: the receiver has it.",
    caughtBy: "delivering",
    make: () => ({ publish: async (events) => events.map(() => ({ status: "delivered" })) }),
  },
  {
    name: "publish answers once for all",
    breaks: ANSWERS,
    caughtBy: "delivering",
    make: says((results) => results.slice(0, 1)),
  },
  {
    name: "publish answers in the order of the ids",
    breaks: ANSWERS,
    caughtBy: "failing",
    make: says((results) => [...results].sort((a, b) => (a.status < b.status ? -1 : 1))),
  },
  {
    name: "publish stops at the first that fails",
    breaks: "others do not wait for it",
    caughtBy: "failing",
    make: (inner) => ({
      publish: (events, context) =>
        oneByOne(inner, events, context, (results) => results.every(({ status }) => status === "delivered")),
    }),
  },
  {
    name: "publish lets a later event of a job overtake",
    breaks: ORDER,
    caughtBy: "failing",
    make: (inner) => ({ publish: (events, context) => oneByOne(inner, events, context, () => true) }),
  },
  {
    name: "publish remembers only the last job that failed",
    breaks: ORDER,
    caughtBy: "failing",
    make: (inner) => ({
      publish: async (events, context) => {
        let failed = "";
        const results: PublishResult[] = [];
        for (const event of events) {
          if (event.jobId === failed) {
            results.push({ status: "retry", reason: "behind another" });
            continue;
          }
          const [result] = await inner.publish([event], context);
          if (result === undefined) continue;
          if (result.status === "retry" || result.status === "held") failed = event.jobId;
          results.push(result);
        }
        return results;
      },
    }),
  },
  {
    name: "publish holds a job up for ever for what was rejected",
    breaks: "`rejected`: it never will be delivered; what is rejected is over.",
    caughtBy: "failing",
    make: (inner) => {
      const over = new Set<string>();
      return {
        publish: (events, context) =>
          oneByOne(inner, events, context, (results, event) => {
            const last = results[results.length - 1];
            if (last?.status === "rejected") over.add(events[results.length - 1]?.jobId ?? "");
            return !over.has(event.jobId);
          }),
      };
    },
  },
  {
    name: "publish delivers the highest version first",
    breaks: "Events of one job come in order, lowest first.",
    caughtBy: "delivering",
    make: (inner) => ({ publish: (events, context) => inner.publish([...events].reverse(), context) }),
  },
  {
    name: "publish delivers an event once only",
    breaks: LEAST,
    caughtBy: "delivering",
    make: (inner) => {
      const known = new Set<string>();
      return {
        publish: async (events, context) => {
          const results: PublishResult[] = [];
          for (const event of events) {
            if (known.has(event.id)) results.push({ status: "rejected", reason: "known" });
            else results.push(...(await inner.publish([event], context)));
            known.add(event.id);
          }
          return results;
        },
      };
    },
  },
  {
    name: "publish loses the message of an event",
    breaks: "every event is offered until it is delivered",
    caughtBy: "delivering",
    make: sends((event) => ({ ...event, message: "" })),
  },
  {
    name: "publish loses characters beyond the basic plane",
    breaks: "every event is offered until it is delivered",
    caughtBy: "delivering",
    make: sends((event) => ({ ...event, message: event.message.replace(/[\ud800-\udfff]/g, "?") })),
  },
  {
    name: "publish sends the status of the first event with all",
    breaks: "every event is offered until it is delivered",
    caughtBy: "delivering",
    make: (inner) => ({
      publish: (events, context) =>
        inner.publish(
          events.map((event) => ({
            ...event,
            status: events[0]?.status ?? event.status,
            type: events[0]?.type ?? event.type,
          })),
          context,
        ),
    }),
  },
  {
    name: "publish sends the version of another event",
    breaks: "per job in order of version",
    caughtBy: "delivering",
    make: sends((event) => ({ ...event, version: 1 })),
  },
  {
    name: "publish dates an event when it is sent",
    breaks: "every event is offered until it is delivered",
    caughtBy: "delivering",
    make: sends((event) => ({ ...event, at: new Date(0) })),
  },
  {
    name: "publish rejects at an event without an owner",
    breaks: LEAST,
    caughtBy: "delivering",
    make: (inner) => ({
      publish: async (events, context) => {
        if (events.some(({ owner }) => owner === null)) throw new TypeError("owner");
        return inner.publish(events, context);
      },
    }),
  },
  {
    name: "publish rejects at none",
    breaks: ANSWERS,
    caughtBy: "delivering",
    make: (inner) => ({
      publish: async (events, context) => {
        if (events.length === 0) throw new Error("nothing to publish");
        return inner.publish(events, context);
      },
    }),
  },
  {
    name: "a reason quotes the event",
    breaks: REASON,
    caughtBy: "failing",
    make: says((results, events) =>
      results.map((result, index) =>
        "reason" in result ? { ...result, reason: JSON.stringify(events[index]?.metadata) } : result,
      ),
    ),
  },
  {
    name: "a reason is as long as a page",
    breaks: REASON,
    caughtBy: "failing",
    make: says((results) =>
      results.map((result) => ("reason" in result ? { ...result, reason: "x".repeat(5_000) } : result)),
    ),
  },
  {
    name: "a reason is empty",
    breaks: REASON,
    caughtBy: "failing",
    make: says((results) =>
      results.map((result) => ("reason" in result ? { ...result, reason: "" } : result)),
    ),
  },
  {
    name: "held is said as retry",
    breaks: "`held`: it is not tried now, and waits `afterMs` without using anything up.",
    caughtBy: "failing",
    make: says((results) =>
      results.map((result) =>
        result.status === "held" ? { status: "retry", reason: result.reason } : result,
      ),
    ),
  },
  {
    name: "rejected is said as retry",
    breaks: "`rejected`: it never will be delivered, for the event itself.",
    caughtBy: "failing",
    make: says((results) =>
      results.map((result) =>
        result.status === "rejected" ? { status: "retry", reason: result.reason } : result,
      ),
    ),
  },
  {
    name: "retry is said as rejected",
    breaks: "`retry`: this try failed; another follows.",
    caughtBy: "failing",
    make: says((results) =>
      results.map((result) =>
        result.status === "retry" ? { status: "rejected", reason: result.reason } : result,
      ),
    ),
  },
  {
    name: "held waits for a week",
    breaks: "waits `afterMs` (at most 24 h)",
    caughtBy: "failing",
    make: says((results) =>
      results.map((result) => (result.status === "held" ? { ...result, afterMs: 7 * 86_400_000 } : result)),
    ),
  },
  {
    name: "held waits for no time",
    breaks: "waits `afterMs` (at most 24 h)",
    caughtBy: "failing",
    make: says((results) =>
      results.map((result) => (result.status === "held" ? { ...result, afterMs: 0 } : result)),
    ),
  },
  {
    name: "retry forgets when the receiver wants to be asked again",
    breaks: "`afterMs` at the earliest where the receiver asked for it",
    caughtBy: "failing",
    make: says((results) =>
      results.map((result) =>
        result.status === "retry" ? { status: "retry", reason: result.reason } : result,
      ),
    ),
  },
  {
    name: "retry takes seconds for milliseconds",
    breaks: "`afterMs` at the earliest where the receiver asked for it",
    caughtBy: "failing",
    make: says((results) =>
      results.map((result) =>
        result.status === "retry" && result.afterMs !== undefined
          ? { ...result, afterMs: result.afterMs / 1_000 }
          : result,
      ),
    ),
  },
  {
    name: "the signal is not heard",
    breaks: "Aborts when the publish has taken too long, or Waybill is closed.",
    caughtBy: "aborting",
    make: (inner) => ({
      publish: (events, context) =>
        inner.publish(events, { ...context, signal: new AbortController().signal }),
    }),
  },
  {
    name: "what hung is said to be delivered",
    breaks: "`delivered`: the receiver has it.",
    caughtBy: "aborting",
    make: (inner) => ({
      publish: (events, context) =>
        inner.publish(events, context).catch(() => events.map(() => ({ status: "delivered" as const }))),
    }),
  },
  {
    name: "one call at a time",
    breaks: "events of one lane wait for each other when it fails, others do not wait for it",
    caughtBy: "lanes",
    make: (inner) => {
      let last: Promise<unknown> = Promise.resolve();
      return {
        publish: (events, context) => {
          const next = last.then(() => inner.publish(events, context));
          last = next.catch(() => undefined);
          return next;
        },
      };
    },
  },
  {
    name: "a lane is named anew each time",
    breaks: "Pure and quick.",
    caughtBy: "lanes",
    make: () => {
      let asked = 0;
      return { lane: () => String((asked += 1)) };
    },
  },
  {
    name: "a lane names what an event carries",
    breaks: "With whom an event shares its fate (such as an owner's endpoint).",
    caughtBy: "lanes",
    make: () => ({ lane: ({ metadata, owner }) => `${owner ?? ""} ${JSON.stringify(metadata)}` }),
  },
  {
    name: "all owners share a lane",
    breaks: "events of one lane wait for each other when it fails, others do not wait for it",
    caughtBy: "lanes",
    make: () => ({ lane: () => "" }),
  },
  {
    name: "an event is rejected since its job cannot be read",
    breaks: "`rejected`: it never will be delivered, for the event itself",
    caughtBy: "viewing",
    make: (inner) => ({
      publish: async (events, context) => {
        try {
          await context.view(events[0]?.jobId ?? "");
        } catch {
          return events.map(() => ({ status: "rejected", reason: "no view" }));
        }
        return inner.publish(events, context);
      },
    }),
  },
  {
    name: "an event of a job that is gone is passed over",
    breaks: "`null`: the job is gone, or its kind is not known here",
    caughtBy: "viewing",
    make: (inner) => ({
      publish: async (events, context) =>
        (await context.view(events[0]?.jobId ?? "").catch(() => undefined)) === null
          ? events.map(() => ({ status: "delivered" }))
          : inner.publish(events, context),
    }),
  },
  {
    name: "close rejects the second time",
    breaks: "Safe to call twice.",
    caughtBy: "declaring",
    make: () => {
      let closed = false;
      return {
        close: async () => {
          if (closed) throw new Error("closed");
          closed = true;
        },
      };
    },
  },
  {
    name: "a batch of half an event",
    breaks: "Most events in one `publish`.",
    caughtBy: "declaring",
    make: () => ({ maxBatch: 0.5 }),
  },
  {
    name: "publish of a full batch loses its last event",
    breaks: "Most events in one `publish`.",
    caughtBy: "delivering",
    make: (inner) => ({
      publish: async (events: Parameters<Publish>[0], context: Parameters<Publish>[1]) => {
        const results = await inner.publish(events.slice(0, 5), context);
        return events.map((_, index) => results[index] ?? { status: "delivered" as const });
      },
    }),
  },
];

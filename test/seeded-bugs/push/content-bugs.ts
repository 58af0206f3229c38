// What a notifier does wrong with what it sends, with views, and with several calls.
import type { MemoryNotifier } from "../../../src/adapters/memory/notifier.js";
import type { ServerEvent } from "../../../src/core/job/event.js";
import type { PublishContext, PublishResult } from "../../../src/core/ports/notifier.js";
import { type NotifierBug, publishing, sends } from "./notifier-bugs.js";

const LEAST = "Every event is offered until it is delivered, at least once.";
const READS = "`publish` takes events that it may only read: other notifiers are given them too.";
const PER_EVENT = "`publish` answers per event, in order.";
const VIEW = "`view(jobId)`: the public view of a job as it is stored now.";
const APART = "Several calls run side by side: hold nothing that a second call would overwrite.";
const DELIVERED = "`delivered`: the receiver has it.";

/** One event at a time, none behind one of its job that failed. */
async function each(
  inner: MemoryNotifier,
  events: readonly ServerEvent[],
  context: PublishContext,
  own: (event: ServerEvent) => PublishResult | null,
  results: PublishResult[] = [],
): Promise<readonly PublishResult[]> {
  const waiting = new Map<string, PublishResult>();
  for (const event of events) {
    const known = waiting.get(event.jobId) ?? own(event);
    const [result] = known === null ? await inner.publish([event], context) : [known];
    if (result === undefined) continue;
    if (result.status === "retry" || result.status === "held") waiting.set(event.jobId, result);
    results.push(result);
  }
  return results;
}

const nothing = (): null => null;
const over: PublishResult = { status: "delivered" };

/** Whether `fetch` takes it as a header. */
const isLatin = (text: string): boolean => !/[^\t -\u00ff]/.test(text);

export const CONTENT_BUGS: readonly NotifierBug[] = [
  {
    name: "publish strikes fields out of the events that it is given",
    breaks: READS,
    caughtBy: "delivering",
    make: publishing(async (inner, events, context) => {
      for (const event of events as readonly { actor: string | null }[]) event.actor = null;
      return inner.publish(events, context);
    }),
  },
  {
    name: "publish empties the list that it is given",
    breaks: READS,
    caughtBy: "delivering",
    make: publishing(async (inner, events, context) => {
      const results = await inner.publish([...events], context);
      (events as ServerEvent[]).splice(0);
      return results;
    }),
  },
  {
    name: "publish tells the newest event of a job only",
    breaks: LEAST,
    caughtBy: "delivering",
    make: publishing(async (inner, events, context) => {
      const newest = new Map(events.map((event) => [event.jobId, event]));
      return each(inner, events, context, (event) => (newest.get(event.jobId) === event ? null : over));
    }),
  },
  {
    name: "publish tells two events apart by their version",
    breaks: LEAST,
    caughtBy: "failing",
    make: publishing(async (inner, events, context) => {
      const known = new Set<number>();
      const own = ({ version }: ServerEvent): PublishResult | null => {
        if (known.has(version)) return over;
        known.add(version);
        return null;
      };
      return each(inner, events, context, own);
    }),
  },
  {
    name: "publish takes an event that was tried for one that was delivered",
    breaks: LEAST,
    caughtBy: "failing",
    make: (inner) => {
      const tried = new Set<string>();
      const own = ({ id }: ServerEvent): PublishResult | null => {
        if (tried.has(id)) return over;
        tried.add(id);
        return null;
      };
      return { publish: (events, context) => each(inner, events, context, own) };
    },
  },
  {
    name: "publish passes over a type that it does not know",
    breaks: LEAST,
    caughtBy: "delivering",
    make: publishing((inner, events, context) =>
      each(inner, events, context, ({ type }) => (type === "job.waiting" ? over : null)),
    ),
  },
  {
    name: "publish rejects a type that it does not know",
    breaks: LEAST,
    caughtBy: "delivering",
    make: publishing(async (inner, events, context) => {
      if (events.some(({ type }) => type === "job.recalled")) throw new TypeError("a type that is not known");
      return inner.publish(events, context);
    }),
  },
  {
    name: "publish loses why a job failed",
    breaks: LEAST,
    caughtBy: "delivering",
    make: sends((event) => ({ ...event, failureReason: null, reason: null })),
  },
  {
    name: "publish says of every event that it is of the first attempt",
    breaks: LEAST,
    caughtBy: "delivering",
    make: sends((event) => ({ ...event, attempt: 1 })),
  },
  {
    name: "publish tells where a job is as where it came from",
    breaks: LEAST,
    caughtBy: "delivering",
    make: sends((event) => ({ ...event, from: event.status })),
  },
  {
    name: "publish cuts messages at 255 characters",
    breaks: LEAST,
    caughtBy: "delivering",
    make: sends((event) => ({ ...event, message: event.message.slice(0, 255) })),
  },
  {
    name: "publish throws at an owner that fits in no header",
    breaks: LEAST,
    caughtBy: "delivering",
    make: publishing(async (inner, events, context) => {
      if (!events.every(({ owner }) => isLatin(owner ?? ""))) throw new TypeError("not a ByteString");
      return inner.publish(events, context);
    }),
  },
  {
    name: "publish puts an owner into an address as it is",
    breaks: LEAST,
    caughtBy: "delivering",
    make: sends((event) => ({ ...event, owner: event.owner?.split(/[/?#]/)[0] ?? null })),
  },
  {
    name: "publish sends the pieces of a large batch side by side",
    breaks: "per job in order of version",
    caughtBy: "delivering",
    make: (inner) => ({
      maxBatch: 25,
      async publish(events, context) {
        if (events.length <= 10) return inner.publish(events, context);
        const later = await inner.publish(events.slice(10), context);
        return [...(await inner.publish(events.slice(0, 10), context)), ...later];
      },
    }),
  },
  {
    name: "a view is asked for by the id of the event",
    breaks: VIEW,
    caughtBy: "viewing",
    make: publishing(async (inner, events, context) => {
      for (const { id } of events) await context.view(id).catch(nothing);
      return inner.publish(events, context);
    }),
  },
  {
    name: "the view of the first job goes with every event",
    breaks: VIEW,
    caughtBy: "viewing",
    make: publishing(async (inner, events, context) => {
      const [first] = events;
      if (first !== undefined) await context.view(first.jobId).catch(nothing);
      return inner.publish(events, context);
    }),
  },
  {
    name: "a view is kept from call to call",
    breaks: VIEW,
    caughtBy: "viewing",
    make: (inner) => {
      const known = new Map<string, unknown>();
      return {
        async publish(events, context) {
          for (const { jobId } of events)
            if (!known.has(jobId)) known.set(jobId, await context.view(jobId).catch(nothing));
          return inner.publish(events, context);
        },
      };
    },
  },
  {
    name: "what was not begun when the signal aborted is said to be delivered",
    breaks: DELIVERED,
    caughtBy: "aborting",
    make: publishing(async (inner, events, context) => {
      const results: PublishResult[] = [];
      try {
        return await each(inner, events, context, nothing, results);
      } catch {
        const late: PublishResult = { status: "retry", reason: "no answer in time" };
        return events.map((_, index) => results[index] ?? (index === results.length ? late : over));
      }
    }),
  },
  {
    name: "a call goes on behind its answer when the signal aborted",
    breaks: "once one is answered `retry`, no later one of the same job may be delivered by that call",
    caughtBy: "aborting",
    make: publishing(async (inner, events, context) => {
      const results: PublishResult[] = [];
      try {
        return await each(inner, events, context, nothing, results);
      } catch {
        const rest = events.slice(results.length + 1);
        await inner.publish(rest, { ...context, signal: new AbortController().signal });
        const late: PublishResult = { status: "retry", reason: "no answer in time" };
        return events.map((_, index) => results[index] ?? late);
      }
    }),
  },
  {
    name: "what was not begun when the signal aborted is not answered",
    breaks: PER_EVENT,
    caughtBy: "aborting",
    make: publishing(async (inner, events, context) => {
      const results: PublishResult[] = [];
      return each(inner, events, context, nothing, results).catch(() => results);
    }),
  },
  {
    name: "the call under way is kept in one field",
    breaks: APART,
    caughtBy: "lanes",
    make: (inner) => {
      let under: readonly ServerEvent[] = [];
      return {
        async publish(events, context) {
          under = events;
          await Promise.resolve();
          return inner.publish(under, context);
        },
      };
    },
  },
  {
    name: "the answers of all calls are one list",
    breaks: APART,
    caughtBy: "lanes",
    make: (inner) => {
      let answers: PublishResult[] = [];
      return {
        async publish(events, context) {
          answers = [];
          await each(inner, events, context, nothing, answers);
          return answers;
        },
      };
    },
  },
  {
    name: "the jobs that wait are remembered from call to call",
    breaks: LEAST,
    caughtBy: "failing",
    make: (inner) => {
      const waiting = new Map<string, PublishResult>();
      return {
        async publish(events, context) {
          const results = await each(inner, events, context, ({ jobId }) => waiting.get(jobId) ?? null);
          for (const [index, result] of results.entries())
            if (result.status === "retry" || result.status === "held")
              waiting.set(events[index]?.jobId ?? "", result);
          return results;
        },
      };
    },
  },
];

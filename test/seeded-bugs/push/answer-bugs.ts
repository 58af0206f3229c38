// What a notifier says wrongly: answers, reasons, times, lanes, options.
import type { ServerEvent } from "../../../src/core/job/event.js";
import type { PublishResult } from "../../../src/core/ports/notifier.js";
import { type NotifierBug, publishing, says } from "./notifier-bugs.js";

const BEHIND =
  "once one is answered `retry` or `held`, no later one of the same job may be delivered by that call, and all are offered again";
const REASON =
  "`reason`, at most 200 characters, holds no payload, no credential, and no address with credentials.";
const ASKED = "`afterMs` at the earliest where the receiver asked for it";
const HELD = "`held` waits `afterMs` (1 s to 24 h)";
const LANE = "With whom an event shares its fate: others do not wait for it. Its name is shown.";
const DECLARED = "`kinds`: only jobs of these kinds; `on`: only these events.";

/** Says something else of one event. */
const saysOf = (change: (result: PublishResult, event: ServerEvent) => PublishResult): NotifierBug["make"] =>
  says((results, events) =>
    results.map((result, index) => {
      const event = events[index];
      return event === undefined ? result : change(result, event);
    }),
  );

const waits = ({ status }: PublishResult): boolean => status === "retry" || status === "held";

/** Says this of what waits behind another event of its job. */
const behind = (answer: PublishResult): NotifierBug["make"] =>
  says((results, events) => {
    const failed = new Set<string>();
    return results.map((result, index) => {
      const { jobId = "" } = events[index] ?? {};
      if (failed.has(jobId)) return answer;
      if (waits(result)) failed.add(jobId);
      return result;
    });
  });

const reason = (of: (event: ServerEvent) => string): NotifierBug["make"] =>
  saysOf((result, event) => ("reason" in result ? { ...result, reason: of(event) } : result));

const retryAfter = (change: (ms: number) => number): NotifierBug["make"] =>
  saysOf((result) =>
    result.status === "retry" && result.afterMs !== undefined
      ? { ...result, afterMs: change(result.afterMs) }
      : result,
  );

const heldFor = (afterMs: unknown): NotifierBug["make"] =>
  saysOf((result) => (result.status === "held" ? { ...result, afterMs: afterMs as number } : result));

export const ANSWER_BUGS: readonly NotifierBug[] = [
  {
    name: "what waits behind another is said to be rejected",
    breaks: BEHIND,
    caughtBy: "failing",
    make: behind({ status: "rejected", reason: "behind another" }),
  },
  {
    name: "what waits behind another is held for no time",
    breaks: HELD,
    caughtBy: "failing",
    make: behind({ status: "held", reason: "behind another", afterMs: 0 }),
  },
  {
    name: "what waits behind another has no reason",
    breaks: REASON,
    caughtBy: "failing",
    make: behind({ status: "retry" } as PublishResult),
  },
  {
    name: "held waits for milliseconds that were seconds",
    breaks: HELD,
    caughtBy: "failing",
    make: heldFor(7),
  },
  { name: "held waits for a text", breaks: HELD, caughtBy: "failing", make: heldFor("7000") },
  {
    name: "retry takes milliseconds for seconds",
    breaks: ASKED,
    caughtBy: "failing",
    make: retryAfter((ms) => ms * 1_000),
  },
  { name: "retry waits for ever", breaks: ASKED, caughtBy: "failing", make: retryAfter(() => Infinity) },
  {
    name: "retry says an instant for a time",
    breaks: ASKED,
    caughtBy: "failing",
    make: retryAfter((ms) => Date.now() + ms),
  },
  {
    name: "a reason quotes the message of the event",
    breaks: REASON,
    caughtBy: "failing",
    make: reason(({ message }) => `refused: ${message.slice(0, 80)}`),
  },
  {
    name: "a reason names who did it",
    breaks: REASON,
    caughtBy: "failing",
    make: reason(({ actor }) => `refused for ${actor ?? "nobody"}`),
  },
  {
    name: "a reason quotes what is shown",
    breaks: REASON,
    caughtBy: "failing",
    make: reason(({ shown }) => `refused: ${JSON.stringify(shown)}`.slice(0, 200)),
  },
  {
    name: "a status of its own",
    breaks: "There are four answers.",
    caughtBy: "delivering",
    make: saysOf((result) =>
      result.status === "delivered" ? ({ status: "ok" } as unknown as PublishResult) : result,
    ),
  },
  {
    name: "an answer is looked up by the job",
    breaks: "`publish` answers per event, in order.",
    caughtBy: "failing",
    make: says((results, events) => {
      const byJob = new Map(events.map(({ jobId }, index) => [jobId, results[index]]));
      return events
        .map(({ jobId }, index) => byJob.get(jobId) ?? results[index])
        .filter((it) => it !== undefined);
    }),
  },
  {
    name: "what the signal ended is said to be rejected",
    breaks: "`rejected`: it never will be delivered, for the event itself.",
    caughtBy: "aborting",
    make: publishing(async (inner, events, context) =>
      inner
        .publish(events, context)
        .catch(() => events.map(() => ({ status: "rejected", reason: "no answer in time" }) as const)),
    ),
  },
  {
    name: "a lane is told without its case",
    breaks: LANE,
    caughtBy: "lanes",
    make: () => ({ lane: ({ owner }) => (owner ?? "").toLowerCase() }),
  },
  {
    name: "a lane is told by its first characters",
    breaks: LANE,
    caughtBy: "lanes",
    make: () => ({ lane: ({ owner }) => (owner ?? "").slice(0, 16) }),
  },
  {
    name: "a lane names who did it",
    breaks: LANE,
    caughtBy: "lanes",
    make: () => ({ lane: ({ owner, actor }) => `${owner ?? ""} ${actor ?? ""}` }),
  },
  {
    name: "a lane throws where there is no owner",
    breaks: "Pure and quick.",
    caughtBy: "lanes",
    make: () => ({ lane: ({ owner }) => (owner as string).trim() }),
  },
  {
    name: "on names what is no event",
    breaks: DECLARED,
    caughtBy: "declaring",
    make: () => ({ on: ["job.done" as "job.completed"] }),
  },
  {
    name: "kinds is one kind",
    breaks: DECLARED,
    caughtBy: "declaring",
    make: () => ({ kinds: "mail.send" as unknown as readonly string[] }),
  },
];

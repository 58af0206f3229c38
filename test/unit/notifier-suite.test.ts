import { describe, expect, it } from "vitest";
import { memoryNotifier, type MemoryNotifier } from "../../src/adapters/memory/notifier.js";
import type { Notifier, PublishContext, PublishResult } from "../../src/core/ports/notifier.js";
import { notifierSuite } from "../../src/testing/notifier-suite/notifier-suite.js";

type Break = (inner: MemoryNotifier) => Partial<Notifier>;

/** Runs the suite on a memory notifier with a part exchanged, and says which tests failed. */
async function failuresOf(broken: Break): Promise<string[]> {
  const tests: { title: string; run: () => Promise<void> | void }[] = [];
  const runner = {
    describe: (_name: string, fn: () => void) => {
      fn();
    },
    it: (title: string, run: () => Promise<void> | void) => {
      tests.push({ title, run });
    },
  };
  notifierSuite(runner, {
    async create() {
      const inner = memoryNotifier({ lane: ({ owner }) => owner ?? "" });
      const notifier: Notifier = {
        lane: (event) => event.owner ?? "",
        publish: (events, context) => inner.publish(events, context),
        ...broken(inner),
      };
      return {
        notifier,
        delivered: () => inner.events.map(({ id }) => id),
        answers: ["accept", "retry", "held", "rejected", "hang"],
        answer: (eventId, how) => {
          if (how === "accept") inner.heal();
          else inner.failNext(how, { count: Infinity, where: ({ id }) => id === eventId });
        },
        inLane: (event, lane) => ({ ...event, owner: lane }),
        // Without a wait: what hangs in these tests hangs for good.
        advance: async () => {
          await new Promise(setImmediate);
        },
        close: () => inner.close(),
      };
    },
  });
  const failed: string[] = [];
  for (const { title, run } of tests) {
    const ended = await Promise.race([
      (async () => run())().then(
        () => "passed",
        () => "failed",
      ),
      new Promise((resolve) => setTimeout(resolve, 500, "hangs")),
    ]);
    if (ended !== "passed") failed.push(title);
  }
  return failed;
}

/** A publish that changes what the inner one answered. */
function answering(change: (result: PublishResult) => PublishResult): Break {
  return (inner) => ({
    publish: async (events, context) => (await inner.publish(events, context)).map(change),
  });
}

describe("the notifier suite finds a notifier that", () => {
  it("is sound: nothing", async () => {
    expect(await failuresOf(() => ({}))).toEqual([]);
  });

  it("lies about a delivery", async () => {
    expect(await failuresOf(answering(() => ({ status: "delivered" })))).toContain(
      "says of each event of a batch what became of it",
    );
  });

  it("quotes the event, or writes a novel", async () => {
    const quoting = answering((result) =>
      result.status === "retry" ? { ...result, reason: "s3cret-of-the-owner" } : result,
    );
    const long = answering((result) =>
      result.status === "rejected" ? { ...result, reason: "x".repeat(201) } : result,
    );
    expect(await failuresOf(quoting)).toEqual([
      "answers retry, with a reason that tells nothing of the event",
    ]);
    expect(await failuresOf(long)).toEqual([
      "answers rejected, with a reason that tells nothing of the event",
    ]);
  });

  it("holds back for more than a day", async () => {
    const held = answering((result) =>
      result.status === "held" ? { ...result, afterMs: 86_400_001 } : result,
    );
    expect(await failuresOf(held)).toEqual(["says how long it holds back, within a day"]);
  });

  it("lets a later event of a job overtake", async () => {
    const alone: Break = (inner) => ({
      publish: async (events, context) => {
        const results: PublishResult[] = [];
        for (const event of events) results.push(...(await inner.publish([event], context)));
        return results;
      },
    });
    expect(await failuresOf(alone)).toEqual([
      "lets no later event of a job overtake one that was answered retry",
      "lets no later event of a job overtake one that was answered held",
      "lets no later event of a job overtake, whatever comes between",
    ]);
  });

  it("ignores its signal", async () => {
    const deaf: Break = (inner) => ({
      publish: (events, context) =>
        inner.publish(events, { ...context, signal: new AbortController().signal }),
    });
    expect(await failuresOf(deaf)).toEqual(
      expect.arrayContaining(["ends when the signal aborts while the receiver gives no answer"]),
    );
  });

  it("does one call after the other", async () => {
    const queued: Break = (inner) => {
      let last: Promise<unknown> = Promise.resolve();
      return {
        publish: (events, context) => {
          const call = last.then(() => inner.publish(events, context));
          last = call.catch(() => undefined);
          return call;
        },
      };
    };
    expect(await failuresOf(queued)).toEqual(["holds up no other call by one that hangs"]);
  });

  it("names lanes by what events carry, by chance, or all alike", async () => {
    const lane = (of: NonNullable<Notifier["lane"]>): Break => {
      return () => ({ lane: of });
    };
    let count = 0;
    expect(await failuresOf(lane(({ metadata }) => JSON.stringify(metadata)))).toContain(
      "names lanes without what an event carries",
    );
    expect(await failuresOf(lane(() => String(count++)))).toContain(
      "names one lane for an event, however often it is asked",
    );
    expect(await failuresOf(lane(() => "one"))).toEqual([
      "puts events into one lane that share their fate, and others apart",
    ]);
  });

  it("needs a view, and gives an event up without one", async () => {
    const viewing =
      (without: PublishResult): Break =>
      (inner) => ({
        publish: async (events, context: PublishContext) => {
          for (const { jobId } of events) {
            const view = await context.view(jobId).catch(() => null);
            if (view === null) return events.map(() => without);
          }
          return inner.publish(events, context);
        },
      });
    expect(await failuresOf(viewing({ status: "rejected", reason: "no view" }))).toEqual([
      "delivers the events of a job that is gone",
      "gives up nothing because a job cannot be read now",
    ]);
  });

  it("declares what cannot be", async () => {
    expect(await failuresOf(() => ({ maxBatch: 0 }))).toContain("declares options that can be");
    expect(await failuresOf(() => ({ giveUpAfterMs: -1 }))).toContain("declares options that can be");
  });
});

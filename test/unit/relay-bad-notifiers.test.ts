import { describe, expect, it } from "vitest";
import { z } from "zod";
import { memoryNotifier } from "../../src/adapters/memory/notifier.js";
import type { ServerEvent } from "../../src/core/job/event.js";
import type { Notifier } from "../../src/core/ports/notifier.js";
import { createWaybill, defineJob, memoryStore } from "../../src/index.js";
import { fakeClock } from "../../src/testing/fake-clock.js";
import { interceptStore, type StoreMethod } from "../../src/testing/faults/intercept-store.js";

const work = defineJob({ kind: "work", input: z.object({}), phases: ["here"] });
const JOBS = 5;

/** What the ports of TypeScript forbid, and not all applications are typed. */
type Publish = (events: readonly ServerEvent[]) => unknown;

const delivered = (events: readonly ServerEvent[]) => events.map(() => ({ status: "delivered" }));
const BAD: Readonly<Record<string, Publish>> = {
  "throws at once": () => {
    throw new Error("broken");
  },
  "throws what is no error": async () => {
    // eslint-disable-next-line @typescript-eslint/only-throw-error -- what notifiers of others do
    throw "broken";
  },
  "rejects later": async () => {
    await Promise.resolve();
    throw new Error("broken");
  },
  hangs: () => new Promise(() => undefined),
  "answers nothing": async () => undefined,
  "answers no list": async () => ({ status: "delivered" }),
  "answers too little": async (events) => delivered(events).slice(1),
  "answers too much": async (events) => [...delivered(events), ...delivered(events)],
  "answers a status that is none": async (events) => events.map(() => ({ status: "done" })),
  "answers times that are none": async (events) =>
    events.map(() => ({ status: "retry", reason: {}, afterMs: Number.NaN })),
  "answers what throws when it is read": async (events) =>
    events.map(() => ({
      get status(): string {
        throw new Error("broken");
      },
    })),
  "delivers behind what it holds": async (events) =>
    events.map((_, place) =>
      place === 0 ? { status: "held", reason: "later", afterMs: -5 } : { status: "delivered" },
    ),
  "rejects all": async (events) => events.map(() => ({ status: "rejected", reason: "no" })),
  "changes what it is given": async (events) => {
    const tamper = (change: () => unknown): void => {
      try {
        change();
      } catch {
        // What is frozen is safe.
      }
    };
    for (const event of events) {
      tamper(() => Object.assign(event, { status: "FAILED", version: 99 }));
      tamper(() => Object.assign(event.metadata as object, { note: "changed" }));
      tamper(() => event.at.setTime(0));
    }
    tamper(() => (events as ServerEvent[]).splice(0));
    return [];
  },
};

/** What became of some jobs, and what they cost, with a notifier beside a good one. */
async function lives(bad: Publish | null) {
  const clock = fakeClock();
  const calls: Partial<Record<StoreMethod, number>> = {};
  const store = interceptStore(memoryStore(), (method, _, call) => {
    calls[method] = (calls[method] ?? 0) + 1;
    return call();
  });
  let made = 0;
  const good = memoryNotifier();
  const quiet = (): void => undefined;
  const waybill = createWaybill({
    jobs: [work],
    store,
    clock,
    newId: () => `job-${String((made += 1))}`,
    logger: { debug: quiet, info: quiet, warn: quiet, error: quiet },
    notifiers: { bad: { publish: bad ?? delivered } as Notifier, good },
  });
  const handler = work.handle(async ({ phase }) => {
    phase("here");
    return null;
  });
  const options = { metadata: { note: "mine" } };
  const submitted = await clock.runUntil(
    Promise.all(Array.from({ length: JOBS }, () => waybill.submit(work, {}, options).unwrap())),
  );
  void waybill.worker([handler], { name: "one", reconcile: false, pollIntervalMs: 60_000 }).run();
  await clock.advance(5_000);
  const { create, claim, write, beat } = calls;
  const histories = [];
  for (const { id } of submitted) {
    const job = await clock.runUntil(waybill.get(work, id));
    const history = await clock.runUntil(waybill.history(id));
    histories.push({ status: job?.status, metadata: job?.metadata, events: history?.events });
  }
  await clock.runUntil(waybill.close());
  return { histories, heard: good.events, trips: { create, claim, write, beat } };
}

describe("a notifier that", () => {
  it.each(Object.entries(BAD))(
    "%s changes no job, nothing that another is told, and no round trip",
    async (_, publish) => {
      const [well, ill] = [await lives(null), await lives(publish)];
      expect(well.histories.map(({ status }) => status)).toEqual(Array(JOBS).fill("COMPLETED"));
      expect(well.heard).toHaveLength(JOBS * 5);
      expect(ill).toEqual(well);
    },
  );
});

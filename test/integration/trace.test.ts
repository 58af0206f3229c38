// A trace goes with a job: from where it is submitted, through record, message and event, to whatever runs for it.
import { AsyncLocalStorage } from "node:async_hooks";
import {
  createWaybill,
  defineJob,
  memoryQueue,
  memoryStore,
  type Notifier,
  type ServerEvent,
  type Telemetry,
  type Trace,
} from "waybill";
import { z } from "zod";
import { describe, expect, it } from "vitest";
import { fakeClock } from "../../src/testing/fake-clock.js";
import { interceptQueue } from "../../src/testing/faults/intercept-queue.js";

const work = defineJob({ kind: "work", input: z.object({ fails: z.boolean().optional() }) });
const outside = defineJob({
  kind: "outside",
  input: z.object({}),
  external: z.object({ id: z.string() }),
});

function traceNumber(number: number): Trace {
  const hex = number.toString(16);
  return {
    traceparent: `00-${hex.padStart(32, "0")}-${hex.padStart(16, "0")}-01`,
    tracestate: `vendor=${hex}`,
  };
}

/** A service whose telemetry is what an SDK of OpenTelemetry does: a trace per asynchronous context. */
function service(given: Partial<Telemetry> = {}) {
  const clock = fakeClock();
  const active = new AsyncLocalStorage<Trace>();
  const seen: [what: string, trace: Trace | undefined][] = [];
  const named: string[] = [];
  const sent: string[] = [];
  const events: ServerEvent[] = [];
  const note = (what: string): void => void seen.push([what, active.getStore()]);
  const telemetry: Telemetry = {
    capture: () => active.getStore() ?? null,
    run(trace, name, fn) {
      named.push(name);
      return active.run(trace, fn);
    },
    ...given,
  };
  const ui: Notifier = {
    maxBatch: 1,
    publish: async (published) => {
      events.push(...published);
      note("publish");
      return published.map(() => ({ status: "delivered" }));
    },
  };
  const queue = interceptQueue(memoryQueue({ clock }), {
    send: (messages, call) => {
      sent.push(...messages.map(({ body }) => body));
      return call();
    },
    other: (_, __, call) => call(),
  });
  const store = memoryStore();
  const waybill = createWaybill({ jobs: [work, outside], store, queue, clock, telemetry, notifiers: { ui } });
  const done = work.handle(async ({ input }) => {
    await Promise.resolve();
    note("handler");
    if (input.fails === true) throw new Error("broken");
    return null;
  });
  const tracked = outside.handle({
    run: async ({ track }) => {
      note("handler");
      return track({ id: "a" });
    },
    poll: async () => {
      await Promise.resolve();
      note("poll");
      return { state: "open" as const, nextPollMs: 1_000 };
    },
    cancel: async () => {
      note("cancel");
    },
  });
  const start = (): (() => Promise<void>) => {
    const stop = new AbortController();
    const running = waybill.worker([done, tracked]).run({ signal: stop.signal });
    return async () => {
      stop.abort();
      await clock.runUntil(running);
      await clock.runUntil(waybill.close());
    };
  };
  return { clock, active, seen, named, sent, events, store, waybill, start };
}

describe("the trace of a job", () => {
  it("is recorded, carried by message and event, and active around all that is done for it", async () => {
    const { clock, active, seen, named, sent, events, store, waybill, start } = service();
    const [one, other] = [traceNumber(1), traceNumber(2)];
    const job = await clock.runUntil(active.run(one, () => waybill.submit(work, {}).unwrap()));
    const far = await clock.runUntil(active.run(other, () => waybill.submit(outside, {}).unwrap()));
    const stop = start();
    await clock.advance(60_000);
    await clock.runUntil(waybill.cancel(far.id).unwrap());
    await clock.advance(60_000);
    const { jobs } = await store.read({ nowMs: clock.now(), ids: [job.id, far.id] });
    await stop();

    expect(jobs.map((stored) => stored?.record.trace)).toEqual([one, other]);
    for (const body of sent) {
      const message = JSON.parse(body) as { id: string; trace: Trace };
      expect(message.trace).toEqual(message.id === job.id ? one : other);
    }
    expect(sent.length).toBeGreaterThanOrEqual(2);
    for (const { jobId, trace } of events) expect(trace).toEqual(jobId === job.id ? one : other);
    expect(seen.filter(([, trace]) => trace === undefined)).toEqual([]);
    const by = (trace: Trace): ReadonlySet<string> =>
      new Set(
        seen
          .filter(([, { traceparent = "" } = {}]) => traceparent === trace.traceparent)
          .map(([what]) => what),
      );
    expect(by(one)).toEqual(new Set(["publish", "handler"]));
    expect(by(other)).toEqual(new Set(["publish", "handler", "poll", "cancel"]));
    expect(new Set(named)).toEqual(
      new Set([
        "handler work",
        "handler outside",
        "handler poll outside",
        "handler cancel outside",
        "notifier publish ui",
      ]),
    );
  });

  it("stays that of the submit, whatever is active where the job is run, run again or ended", async () => {
    const { clock, active, seen, store, waybill, start } = service();
    const one = traceNumber(1);
    const job = await clock.runUntil(active.run(one, () => waybill.submit(work, { fails: true }).unwrap()));
    const stop = active.run(traceNumber(9), start);
    await clock.advance(600_000);
    const { jobs } = await store.read({ nowMs: clock.now(), ids: [job.id] });
    await stop();
    expect(jobs[0]?.record).toMatchObject({ status: "FAILED", attempt: 3, trace: one });
    const handled = seen.filter(([what]) => what === "handler");
    expect(handled).toEqual([1, 2, 3].map(() => ["handler", one]));
  });

  it.each<[string, Telemetry["capture"], Trace | null]>([
    ["nothing is active", () => null, null],
    ["the hook throws", () => raise(), null],
    ["it is none that the standard knows", () => ({ traceparent: "nonsense" }), null],
    [
      "its state is too long",
      () => ({ ...traceNumber(3), tracestate: "x".repeat(460) }),
      { traceparent: traceNumber(3).traceparent },
    ],
    [
      "it fits exactly",
      () => ({ ...traceNumber(3), tracestate: "x".repeat(457) }),
      { ...traceNumber(3), tracestate: "x".repeat(457) },
    ],
  ])("is as it can be stored, where %s", async (_, capture, expected) => {
    const { clock, store, waybill } = service(capture === undefined ? {} : { capture });
    const job = await clock.runUntil(waybill.submit(work, {}).unwrap());
    const { jobs } = await store.read({ nowMs: clock.now(), ids: [job.id] });
    expect(jobs[0]?.record.trace).toEqual(expected);
  });

  it.each<[string, NonNullable<Telemetry["run"]>]>([
    ["throws before", () => raise()],
    ["throws after", (_, __, fn) => [fn(), raise()]],
    ["rejects", (_, __, fn) => fn().then(() => raise())],
    ["calls nothing", () => undefined],
    ["calls it twice", (_, __, fn) => [fn(), fn()]],
  ])("changes nothing of what is done, where the hook %s", async (_, run) => {
    const { clock, active, seen, waybill, start } = service({ run });
    const job = await clock.runUntil(active.run(traceNumber(1), () => waybill.submit(work, {}).unwrap()));
    const stop = start();
    await clock.advance(10_000);
    expect(await clock.runUntil(waybill.get(work, job.id))).toMatchObject({
      status: "COMPLETED",
      attempt: 1,
    });
    expect(seen.filter(([what]) => what === "handler")).toHaveLength(1);
    await stop();
  });

  it("is made active for a publish of one trace, not of several", async () => {
    const batches: number[] = [];
    const named: string[] = [];
    const clock = fakeClock();
    let number = 0;
    const ui: Notifier = {
      publish: async (events) => {
        batches.push(events.length);
        return events.map(() => ({ status: "delivered" }));
      },
    };
    const telemetry: Telemetry = {
      capture: () => traceNumber(number),
      run(_, name, fn) {
        named.push(name);
        return fn();
      },
    };
    const waybill = createWaybill({
      jobs: [work],
      store: memoryStore(),
      clock,
      telemetry,
      notifiers: { ui },
    });
    const publishOf = async (numbers: readonly number[]): Promise<void> => {
      const submits = numbers.map((each) => {
        number = each;
        return waybill.submit(work, {}).unwrap();
      });
      await clock.runUntil(Promise.all(submits));
      await clock.settle();
    };
    await publishOf([1, 2, 3]);
    expect([batches, named]).toEqual([[6], []]);
    await publishOf([4, 4]);
    expect([batches, named]).toEqual([[6, 4], ["notifier publish ui"]]);
    await clock.runUntil(waybill.close());
  });
});

function raise(): never {
  throw new Error("the hook");
}

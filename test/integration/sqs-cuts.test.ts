// Every request that SQS is asked on the way of a job, gone wrong at every place: submit → send → mark, and receive → claim →
// finish → acknowledge. Whatever becomes of it, each job has exactly one recorded outcome.
import { createWaybill, defineJob, isFinal, type JobEvent, type Logger, memoryStore } from "waybill";
import { z } from "zod";
import { describe, expect, it } from "vitest";
import { EDGES } from "../../src/core/job/lifecycle.js";
import { decodeHistory } from "../../src/core/job/history.js";
import { checkHistory } from "../../src/testing/check-history.js";
import { fakeClock } from "../../src/testing/fake-clock.js";
import { networkSettles, sqsBench } from "../doubles/sqs/bench.js";
import { DENIED, type Fault, THROTTLED } from "../doubles/sqs/faults.js";

const FAULTS: Readonly<Record<string, Fault>> = {
  throttled: THROTTLED,
  denied: DENIED,
  "lost before": { kind: "lost_before" },
  "lost after": { kind: "lost_after" },
  hung: { kind: "hang" },
  "hung after": { kind: "hang", effect: true },
};

/** Up to which request of a kind, from the submit on, one goes wrong. */
const PLACES: Readonly<Record<string, number>> = {
  SendMessageBatch: 3,
  ReceiveMessage: 4,
  ChangeMessageVisibilityBatch: 3,
  DeleteMessageBatch: 3,
};

const CASES = Object.entries(PLACES).flatMap(([action, places]) =>
  Array.from({ length: places }, (_, place) => place + 1).flatMap((place) =>
    Object.keys(FAULTS).map((fault) => ({ action, place, fault })),
  ),
);

const STEP_MS = 500;
/** Of the simulated clock: longer than every patience, visibility and redispatch on the way. */
const PATIENCE_MS = 10 * 60_000;

const work = defineJob({
  kind: "work",
  input: z.object({ failures: z.number() }),
  leaseMs: 12_000,
  retry: { maxAttempts: 5, baseMs: 100, capMs: 200 },
});

const quiet = (): void => undefined;
const SILENT: Logger = { debug: quiet, info: quiet, warn: quiet, error: quiet };

async function bench() {
  const clock = fakeClock();
  const { sqs, queue, name, close } = await sqsBench({
    clock,
    client: { maxAttempts: 1 },
    attributes: { VisibilityTimeout: "8" },
    maxReceiveCount: 20,
  });
  await queue.backlog();
  const store = memoryStore();
  const waybill = createWaybill({
    jobs: [work],
    store,
    queue,
    clock,
    logger: SILENT,
    policy: { sendGraceMs: 3_000, redispatchAfterMs: 30_000, redispatchCapMs: 60_000 },
  });
  const ended: JobEvent[] = [];
  for (const type of ["job.completed", "job.failed"] as const) waybill.on(type, (event) => ended.push(event));
  const handler = work.handle(async ({ input, attempt }) => {
    await new Promise<void>((resolve) => clock.timer(1_000, resolve));
    if (attempt <= input.failures) throw new Error("not yet");
    return null;
  });
  const pass = async (ms: number): Promise<void> => {
    await clock.advance(ms);
    await networkSettles();
  };
  return { clock, sqs, name, store, waybill, handler, ended, pass, close };
}

async function until(pass: (ms: number) => Promise<void>, holds: () => boolean): Promise<void> {
  for (let passedMs = 0; passedMs < PATIENCE_MS; passedMs += STEP_MS) {
    if (holds()) return;
    await pass(STEP_MS);
  }
  throw new Error("it never came to that");
}

describe("each request of SQS gone wrong", () => {
  it.each(CASES)("$action, request $place, $fault: one outcome per job", async ({ action, place, fault }) => {
    const { clock, sqs, name, store, waybill, handler, ended, pass, close } = await bench();
    if (place > 1) sqs.faults.next(action, null, place - 1);
    sqs.faults.next(action, FAULTS[fault]!);
    const stop = new AbortController();
    const working = waybill.worker([handler]).run({ signal: stop.signal });
    const submitted = [0, 1, 0].map((failures) => waybill.submit(work, { failures }).unwrap());
    let ids: readonly string[] = [];
    void Promise.all(submitted).then((jobs) => (ids = jobs.map(({ id }) => id)));
    await until(pass, () => ids.length === 3);
    const isOver = (): boolean => {
      const { visible, inFlight, delayed } = sqs.counts(name);
      return ended.length >= 3 && visible + inFlight + delayed === 0;
    };
    await until(pass, isOver);

    const { jobs } = await store.read({ nowMs: clock.now(), ids, output: true });
    for (const job of jobs) {
      const entries = decodeHistory(job!.record.history);
      expect([job!.record.status, job!.output]).toEqual(["COMPLETED", "null"]);
      expect(entries.filter(({ edge }) => isFinal(EDGES[edge].to))).toHaveLength(1);
      expect(checkHistory(entries)).toEqual([]);
    }
    expect(ended).toHaveLength(3);
    // A fault that met nothing would show nothing: an idle worker goes on asking, and nothing more is sent.
    if (action === "ReceiveMessage") await until(pass, () => sqs.faults.hasStruck);
    expect(sqs.faults.hasStruck).toBe(true);
    stop.abort();
    await close();
    await clock.runUntil(working);
    await clock.runUntil(waybill.close());
  });
});

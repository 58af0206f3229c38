// What services lost messages by, each on the wire of SQS: nothing of it may come back.
import { ReceiveMessageCommand, StartMessageMoveTaskCommand } from "@aws-sdk/client-sqs";
import { createWaybill, defineJob, memoryStore, type Logger, type Policy } from "waybill";
import { z } from "zod";
import { afterEach, describe, expect, it } from "vitest";
import { QueueOnSqs } from "../../src/adapters/sqs/queue.js";
import { settingsOf } from "../../src/adapters/sqs/settings.js";
import { fakeClock } from "../../src/testing/fake-clock.js";
import { createFaults } from "../../src/testing/faults/faults.js";
import { networkSettles, sqsBench, type SqsBenchOptions } from "../doubles/sqs/bench.js";
import { DENIED } from "../doubles/sqs/faults.js";

const STEP_MS = 200;
/** Where it matters how much time passes while requests are on their way. */
const SHORT_STEP_MS = 10;
/** Of the simulated clock. */
const PATIENCE_MS = 20 * 60_000;

const inputOfWork = z.object({ runMs: z.number().default(100), failures: z.number().default(0) });

const work = defineJob({
  kind: "work",
  input: inputOfWork,
  leaseMs: 30_000,
  // Long enough that a worker can be stopped before the next attempt, and below the five minutes of a FIFO queue.
  retry: { maxAttempts: 3, baseMs: 60_000, capMs: 60_000 },
});

const quiet = (): void => undefined;
const SILENT: Logger = { debug: quiet, info: quiet, warn: quiet, error: quiet };

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

/** A Waybill over a queue on SQS, its worker, and what became of it. */
async function world(options: SqsBenchOptions & { readonly policy?: Partial<Policy> } = {}) {
  const clock = fakeClock();
  const { policy = {}, ...given } = options;
  const sqs = await sqsBench({
    clock,
    client: { maxAttempts: 1 },
    attributes: { VisibilityTimeout: "60" },
    maxReceiveCount: 5,
    ...given,
  });
  await sqs.queue.backlog();
  const faults = createFaults({ clock });
  const runs: string[] = [];
  const open = (queue: QueueOnSqs) =>
    createWaybill({
      ...{ jobs: [work], store, queue, clock, logger: SILENT, policy },
    });
  const store = faults.wrapStore(memoryStore());
  const waybill = open(sqs.queue);
  const handler = work.handle(async ({ input, attempt, job }) => {
    runs.push(job.id);
    await new Promise<void>((resolve) => clock.timer(input.runMs, resolve));
    if (attempt <= input.failures) throw new Error("not yet");
    return null;
  });
  const pass = async (ms: number): Promise<void> => {
    await clock.advance(ms);
    await networkSettles();
  };
  const settled = async <T>(promise: PromiseLike<T>, stepMs = STEP_MS): Promise<T> => {
    const state = { isOver: false };
    const over = Promise.resolve(promise).finally(() => (state.isOver = true));
    over.catch(quiet);
    while (!state.isOver) await pass(stepMs);
    return over;
  };
  const until = async (holds: () => boolean | Promise<boolean>, stepMs = STEP_MS): Promise<void> => {
    const from = clock.now();
    while (!(await holds())) {
      if (clock.now() - from > PATIENCE_MS) throw new Error("it never came to that");
      await pass(stepMs);
    }
  };
  /** Requests of an action; without the empty ones, by which a check tries its permissions. */
  const carried = (action: string): number =>
    sqs.sqs.requests.of(action).filter(({ input }) => (input["Entries"] as unknown[]).length > 0).length;
  const submit = async (input: z.input<typeof inputOfWork> = {}) =>
    (await settled(waybill.submit(work, input).unwrap())).id;
  const job = async (id: string) => (await waybill.get(work, id))!;
  const isDone = (id: string) => async () => (await job(id)).status === "COMPLETED";
  closing.push(async () => {
    await sqs.close();
    await clock.runUntil(waybill.close());
  });
  return {
    ...sqs,
    ...{ clock, faults, waybill, handler, runs, pass, settled, until, submit, job, isDone, open, carried },
  };
}

const NONE = { visible: 0, inFlight: 0, delayed: 0 };

type World = Awaited<ReturnType<typeof world>>;

/** Receives as a consumer that dies at its start, until the message falls to the dead letters. */
async function wearOut({ client, sqs, name, pass }: World): Promise<void> {
  const input = { QueueUrl: sqs.queueUrl(name), VisibilityTimeout: 1 };
  for (;;) {
    const { Messages = [] } = await client.send(new ReceiveMessageCommand(input));
    if (Messages.length === 0) return;
    await pass(1_500);
  }
}

/** "StartMessageMoveTask", as the console's redrive asks for it. */
async function redriveByConsole({ client, sqs, deadName }: World): Promise<void> {
  await client.send(new StartMessageMoveTaskCommand({ SourceArn: sqs.queueArn(deadName) }));
}

/** As an operator's tool does; it is not in the types. */
async function recall({ waybill, settled, job }: World, id: string): Promise<void> {
  const tool = waybill as unknown as { recall(id: string): Promise<unknown> };
  await settled(tool.recall(id));
  expect((await job(id)).status).toBe("QUEUED");
}

/** Runs a worker until `holds`, then stops it. */
async function working(w: World, holds: () => boolean | Promise<boolean>): Promise<void> {
  const worker = w.waybill.worker([w.handler], { reconcile: false });
  const running = worker.run();
  await w.until(holds);
  await w.settled(worker.stop());
  await w.settled(running);
}

describe("a message of a dispatch that was recalled, moved back by the console's redrive", () => {
  it("runs nothing while the job waits for its later dispatch, and is removed", async () => {
    const w = await world();
    const id = await w.submit();
    await wearOut(w);
    expect(w.sqs.counts(w.deadName).visible).toBe(1);
    await recall(w, id);
    // Somebody holds the message of the second dispatch: what is visible is that of the first alone.
    const held = await w.client.send(
      new ReceiveMessageCommand({ QueueUrl: w.sqs.queueUrl(w.name), VisibilityTimeout: 120 }),
    );
    expect(held.Messages).toHaveLength(1);
    await redriveByConsole(w);
    expect(w.sqs.counts(w.name)).toEqual({ ...NONE, visible: 1, inFlight: 1 });
    await working(w, () => w.sqs.counts(w.name).visible === 0 && w.carried("DeleteMessageBatch") === 1);
    expect([w.runs, (await w.job(id)).status]).toEqual([[], "QUEUED"]);
    await w.pass(120_000);
    await working(w, w.isDone(id));
    expect([w.runs, w.sqs.counts(w.name)]).toEqual([[id], NONE]);
  });

  it("runs nothing once the job is done", async () => {
    const w = await world();
    const id = await w.submit();
    await wearOut(w);
    await recall(w, id);
    await working(w, w.isDone(id));
    await redriveByConsole(w);
    expect(w.sqs.counts(w.deadName)).toEqual(NONE);
    await working(w, () => w.carried("DeleteMessageBatch") === 2);
    expect([w.runs, w.sqs.counts(w.name)]).toEqual([[id], NONE]);
  });
});

describe("a poll that is under way when its process stops", () => {
  it("does not keep the message that it still catches: another process has it within 2 s", async () => {
    const w = await world();
    const stopped = w.waybill.worker([w.handler], { name: "stopped", reconcile: false });
    const running = stopped.run();
    const polls = () =>
      w.sqs.requests.of("ReceiveMessage").filter(({ input }) => input["WaitTimeSeconds"] === 20);
    await w.until(() => polls().length === 1);
    await w.settled(stopped.stop());
    await w.settled(running);
    const queue = new QueueOnSqs(settingsOf({ client: w.client, queueUrl: w.sqs.queueUrl(w.name) }), w.clock);
    closing.unshift(() => queue.close());
    const other = w.open(queue);
    closing.unshift(() => w.clock.runUntil(other.close()));
    const worker = other.worker([w.handler], { name: "other", reconcile: false });
    const from = w.clock.now();
    // The long poll of the stopped process waits at SQS still, and catches it.
    const id = (await w.settled(w.waybill.submit(work, {}).unwrap(), SHORT_STEP_MS)).id;
    await w.until(() => w.carried("ChangeMessageVisibilityBatch") === 1, SHORT_STEP_MS);
    const working = worker.run();
    await w.until(() => w.runs.length === 1, SHORT_STEP_MS);
    expect(w.clock.now() - from).toBeLessThanOrEqual(2_000);
    await w.until(w.isDone(id));
    await w.settled(worker.stop());
    await w.settled(working);
  });
});

describe("a retry", () => {
  it("is not swallowed by a FIFO queue, which refuses what it was sent within five minutes", async () => {
    const w = await world({ fifo: true });
    const id = await w.submit({ failures: 2 });
    const from = w.clock.now();
    const worker = w.waybill.worker([w.handler]);
    const running = worker.run();
    await w.until(w.isDone(id));
    expect(w.runs).toHaveLength(3);
    expect(w.clock.now() - from).toBeLessThan(5 * 60_000);
    await w.settled(worker.stop());
    await w.settled(running);
  });

  it("whose message is throttled into the dead letters is handed over again, and completes", async () => {
    const w = await world();
    const id = await w.submit({ failures: 1 });
    await working(w, async () => w.runs.length === 1 && (await w.job(id)).status === "QUEUED");
    await w.until(() => w.sqs.counts(w.name).visible === 1 && w.sqs.counts(w.name).delayed === 0);
    // As a mapping that is throttled: received, never handed to a function.
    await wearOut(w);
    expect([(await w.job(id)).attempt, w.sqs.counts(w.deadName).visible]).toEqual([1, 1]);
    const worker = w.waybill.worker([w.handler]);
    const running = worker.run();
    await w.until(w.isDone(id));
    expect([w.runs.length, (await w.job(id)).attempt]).toEqual([2, 2]);
    await w.settled(worker.stop());
    await w.settled(running);
  });
});

describe("a send that was accepted, and timed out", () => {
  it("is no failure: the job is PENDING when its message arrives, and is run by it, once", async () => {
    const w = await world();
    w.sqs.faults.next("SendMessageBatch", { kind: "hang", effect: true });
    const id = await w.submit();
    expect(await w.job(id)).toMatchObject({ status: "PENDING", dispatch: "unconfirmed" });
    await working(w, w.isDone(id));
    expect([w.runs, w.carried("SendMessageBatch")]).toEqual([[id], 1]);
    expect(w.sqs.counts(w.name)).toEqual(NONE);
  });
});

describe("a message", () => {
  it("survives a store that cannot be reached for twenty minutes, whatever the redrive policy", async () => {
    const w = await world();
    const id = await w.submit();
    w.faults.outage("store");
    const worker = w.waybill.worker([w.handler]);
    const running = worker.run();
    for (let minute = 0; minute < 20; minute += 1) await w.pass(60_000);
    expect(w.carried("DeleteMessageBatch")).toBe(0);
    w.faults.heal();
    await w.until(w.isDone(id));
    expect(w.runs).toEqual([id]);
    await w.settled(worker.stop());
    await w.settled(running);
  });

  it("whose visibility ends while its handler runs runs nothing a second time", async () => {
    const w = await world({ attributes: { VisibilityTimeout: "5" } });
    w.sqs.faults.always("ChangeMessageVisibilityBatch", DENIED);
    const id = await w.submit({ runMs: 60_000 });
    const received = () => w.sqs.requests.of("ReceiveMessage").length;
    await working(w, w.isDone(id));
    expect(received()).toBeGreaterThan(2);
    expect(w.runs).toEqual([id]);
  });
});

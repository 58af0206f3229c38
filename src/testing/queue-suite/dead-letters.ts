import assert from "node:assert/strict";
import type { Queue } from "../../core/ports/queue.js";
import { hasBacklog, expectBacklog } from "./backlog.js";
import { bodiesOf, hasVisibility, isOrdered, type QueueProbe, type QueueTest } from "./queue-probe.js";

const PATIENCE_MS = 10_000;
/** "At once", with room for a network. */
const PROMPTLY_MS = 2_000;
const LONG_WAIT_MS = 15_000;

function hasDeadLetters({ queue }: QueueProbe): string | null {
  if (queue.capabilities.maxReceives === null) return "the queue declares maxReceives: null";
  return queue.deadLetters === undefined ? "the adapter cannot read the dead letters" : null;
}

function deadLettersOf(queue: Queue): {
  readonly maxReceives: number;
  readonly dead: Pick<Queue, "receive">;
} {
  const { maxReceives } = queue.capabilities;
  assert.ok(maxReceives !== null && queue.deadLetters !== undefined);
  return { maxReceives, dead: queue.deadLetters };
}

/** Receives a message as often as the queue permits, and gives it back each time. */
async function useUp(probe: QueueProbe, maxReceives: number): Promise<void> {
  for (let receives = 1; receives <= maxReceives; receives += 1) {
    const delivery = await probe.collectOne();
    assert.equal(delivery.receives, receives);
    await delivery.release(0);
  }
}

async function expectNoLetter(probe: QueueProbe, why: string): Promise<void> {
  const { signal } = new AbortController();
  const { dead } = deadLettersOf(probe.queue);
  const letters = await dead.receive({ max: 1, waitMs: probe.time.isReal ? 300 : 0, signal });
  assert.deepEqual(bodiesOf(letters), [], `no dead letter: ${why}`);
}

export function deadLettersBehaviour(test: QueueTest): void {
  test(
    "moves a message that was given back after its last receive to the dead letters",
    async (probe) => {
      const { maxReceives, dead } = deadLettersOf(probe.queue);
      await probe.send("poison");
      await useUp(probe, maxReceives);
      await probe.expectNothing("the message has been received as often as permitted");
      const letter = await probe.collectOne(dead);
      assert.equal(letter.body, "poison");
      await letter.ack();
    },
    hasDeadLetters,
  );

  test(
    "moves a message whose visibility ended after its last receive to the dead letters",
    async (probe) => {
      const { maxReceives, dead } = deadLettersOf(probe.queue);
      await probe.send("poison");
      for (let receives = 1; receives <= maxReceives; receives += 1) {
        assert.equal((await probe.collectOne()).receives, receives);
        await probe.passVisibly(probe.visibilityMs);
      }
      await probe.expectNothing("the message has been received as often as permitted");
      const letter = await probe.collectOne(dead);
      assert.equal(letter.body, "poison");
      await letter.ack();
    },
    (probe) => hasDeadLetters(probe) ?? hasVisibility(probe),
  );

  lastReceive(test);
  readingBehaviour(test);
  givingBack(test);
  test(
    "keeps a dead letter until it is acknowledged",
    async (probe) => {
      const { maxReceives, dead } = deadLettersOf(probe.queue);
      await probe.send("poison");
      await useUp(probe, maxReceives);
      // Some brokers move a message only when somebody asks for it.
      await probe.expectNothing("the message has been received as often as permitted");
      await (await probe.collectOne(dead)).release(0);
      await (await probe.collectOne(dead)).ack();
      await probe.passVisibly(probe.fixture.visibilityMs ?? 0);
      await expectNoLetter(probe, "it was acknowledged");
    },
    hasDeadLetters,
  );

  test(
    "has no dead letters of messages that were acknowledged in time",
    async (probe) => {
      const { maxReceives } = deadLettersOf(probe.queue);
      await probe.send("a");
      if (maxReceives > 1) await (await probe.collectOne()).release(0);
      await (await probe.collectOne()).ack();
      await probe.expectNothing("the message was acknowledged");
      await expectNoLetter(probe, "the message was acknowledged");
    },
    hasDeadLetters,
  );
}

/** What becomes of a message with its last receive. */
function lastReceive(test: QueueTest): void {
  test(
    "makes no dead letter of a message that is held, or acknowledged, in its last receive",
    async (probe) => {
      const { maxReceives } = deadLettersOf(probe.queue);
      await probe.send("a");
      await useUp(probe, maxReceives - 1);
      const last = await probe.collectOne();
      assert.equal(last.receives, maxReceives);
      await expectNoLetter(probe, "the message is held in its last receive");
      await last.ack();
      await probe.passVisibly(probe.fixture.visibilityMs ?? 0);
      await probe.expectNothing("the message was acknowledged");
      await expectNoLetter(probe, "the message was acknowledged in its last receive");
    },
    hasDeadLetters,
  );

  test(
    "moves a message that was given back for later after its last receive to the dead letters",
    async (probe) => {
      const { maxReceives, dead } = deadLettersOf(probe.queue);
      await probe.send("poison");
      await useUp(probe, maxReceives - 1);
      await (await probe.collectOne()).release(2_000);
      await probe.passVisibly(2_000);
      await probe.expectNothing("the message has been received as often as permitted");
      assert.equal((await probe.collectOne(dead)).body, "poison");
    },
    hasDeadLetters,
  );

  test(
    "goes on with a group behind its dead letter",
    async (probe) => {
      const { maxReceives, dead } = deadLettersOf(probe.queue);
      for (const body of ["poison", "2"]) await probe.sendMessages([probe.message(body, { groupId: "g" })]);
      await useUp(probe, maxReceives);
      const next = await probe.collectOne();
      assert.deepEqual(
        [next.body, next.receives],
        ["2", 1],
        "a dead letter holds up nothing, and takes nothing with it",
      );
      assert.equal((await probe.collectOne(dead)).body, "poison");
    },
    (probe) => hasDeadLetters(probe) ?? isOrdered(probe),
  );

  test(
    "counts no dead letter as its backlog",
    async (probe) => {
      await probe.send("poison");
      await useUp(probe, deadLettersOf(probe.queue).maxReceives);
      await probe.expectNothing("the message has been received as often as permitted");
      await expectBacklog(probe, 0, "a dead letter waits for nobody");
    },
    (probe) => hasDeadLetters(probe) ?? hasBacklog(probe),
  );
}

/** The dead letters are a queue like the other one. */
function readingBehaviour(test: QueueTest): void {
  test(
    "hands over at most as many dead letters as asked for",
    async (probe) => {
      const { maxReceives, dead } = deadLettersOf(probe.queue);
      for (const body of ["poison 1", "poison 2"]) {
        await probe.send(body);
        await useUp(probe, maxReceives);
        await probe.expectNothing("the message has been received as often as permitted");
      }
      const { signal } = new AbortController();
      const bodies: string[] = [];
      const both = async (): Promise<boolean> => {
        const letters = await dead.receive({ max: 1, waitMs: probe.time.isReal ? 1_000 : 0, signal });
        assert.ok(letters.length <= 1, `one dead letter was asked for, ${letters.length} came`);
        bodies.push(...bodiesOf(letters));
        return bodies.length >= 2;
      };
      assert.ok(await probe.time.until(both, PATIENCE_MS), `of two dead letters came ${bodies.join(", ")}`);
      assert.deepEqual(bodies.sort(), ["poison 1", "poison 2"]);
    },
    hasDeadLetters,
  );

  test(
    "waits for a dead letter until the signal aborts or the queue is closed",
    async (probe) => {
      const { dead } = deadLettersOf(probe.queue);
      const abort = new AbortController();
      const receive = (signal: AbortSignal): ReturnType<typeof dead.receive> =>
        dead.receive({ max: 1, waitMs: LONG_WAIT_MS, signal });
      const aborted = probe.time.watch(receive(abort.signal));
      const closed = probe.time.watch(receive(new AbortController().signal));
      await probe.time.pass(100);
      assert.deepEqual(
        [aborted.settled, closed.settled],
        [false, false],
        "it returned before its wait was over",
      );
      abort.abort();
      assert.ok(await probe.time.until(() => aborted.settled, PROMPTLY_MS), "it did not hear the signal");
      assert.deepEqual(await aborted.promise, []);
      assert.equal(closed.settled, false, "a receive ended by the signal of another");
      await probe.queue.close();
      assert.ok(await probe.time.until(() => closed.settled, PROMPTLY_MS), "the receive goes on after close");
      // It may return nothing or reject: the queue is gone.
      assert.deepEqual(await closed.promise.catch(() => []), []);
    },
    hasDeadLetters,
  );
}

function givingBack(test: QueueTest): void {
  test(
    "holds a dead letter back that is given back for later",
    async (probe) => {
      const { maxReceives, dead } = deadLettersOf(probe.queue);
      await probe.send("poison");
      await useUp(probe, maxReceives);
      await probe.expectNothing("the message has been received as often as permitted");
      await (await probe.collectOne(dead)).release(2_000);
      await expectNoLetter(probe, "it was given back for later");
      await probe.passVisibly(2_000);
      assert.equal((await probe.collectOne(dead)).body, "poison");
    },
    hasDeadLetters,
  );
}

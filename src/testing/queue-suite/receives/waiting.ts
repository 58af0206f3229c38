import assert from "node:assert/strict";
import {
  bodiesOf,
  hasDelay,
  hasVisibility,
  isOrdered,
  type QueueProbe,
  type QueueTest,
} from "../queue-probe.js";

/** "At once", with room for a network. */
const PROMPTLY_MS = 2_000;

const LONG_WAIT_MS = 15_000;

export function waitingBehaviour(test: QueueTest): void {
  whatComesBack(test);
  test("waits for a message and returns as soon as one is sent", async (probe) => {
    const receiving = probe.time.watch(probe.receive(1, LONG_WAIT_MS));
    await probe.time.pass(100);
    assert.equal(receiving.settled, false, "it returned before there was a message");
    await probe.send("a");
    assert.ok(await probe.time.until(() => receiving.settled, PROMPTLY_MS), "it did not wake up");
    assert.deepEqual(bodiesOf(await receiving.promise), ["a"]);
  });

  test("returns nothing when the wait is over", async (probe) => {
    const receiving = probe.time.watch(probe.receive(1, 1_000));
    assert.ok(await probe.time.until(() => receiving.settled, 1_000 + PROMPTLY_MS), "it did not return");
    assert.deepEqual(await receiving.promise, []);
  });

  test(
    "wakes up for a message whose delay ends during the wait",
    async (probe) => {
      const delayMs = Math.min(1_000, probe.queue.capabilities.maxDelayMs);
      const receiving = probe.time.watch(probe.receive(1, LONG_WAIT_MS));
      await probe.sendMessages([probe.message("a", { delayMs })]);
      assert.ok(await probe.time.until(() => receiving.settled, delayMs + PROMPTLY_MS), "it did not wake up");
      assert.deepEqual(bodiesOf(await receiving.promise), ["a"]);
    },
    hasDelay,
  );

  test("returns what there is, at once, and waits for no more of it", async (probe) => {
    const max = Math.min(3, probe.queue.capabilities.maxBatch);
    await probe.send("a");
    const there = probe.time.watch(probe.receive(max, LONG_WAIT_MS));
    assert.ok(
      await probe.time.until(() => there.settled, PROMPTLY_MS),
      "`waitMs`: how long to wait for a first message, and one was there",
    );
    assert.deepEqual(bodiesOf(await there.promise), ["a"]);
    const coming = probe.time.watch(probe.receive(max, LONG_WAIT_MS));
    await probe.time.pass(100);
    await probe.send("b");
    assert.ok(
      await probe.time.until(() => coming.settled, PROMPTLY_MS),
      `\`waitMs\`: how long to wait for a first message, not for ${max}`,
    );
    assert.deepEqual(bodiesOf(await coming.promise), ["b"]);
  });

  test("gives each message to one of those who wait", async (probe) => {
    const receiving = [1, 2, 3].map(() => probe.time.watch(probe.receive(1, LONG_WAIT_MS)));
    await probe.time.pass(100);
    await probe.send("a");
    await probe.send("b");
    await probe.send("c");
    const all = (): boolean => receiving.every(({ settled }) => settled);
    assert.ok(await probe.time.until(all, PROMPTLY_MS), "not everybody got a message");
    const bodies = bodiesOf((await Promise.all(receiving.map(({ promise }) => promise))).flat());
    assert.deepEqual(bodies.sort(), ["a", "b", "c"]);
  });
}

async function expectWoken(
  probe: QueueProbe,
  withinMs: number,
  expected: string,
  free: () => Promise<void>,
): Promise<void> {
  const receiving = probe.time.watch(probe.receive(1, LONG_WAIT_MS));
  await probe.time.pass(100);
  await free();
  assert.ok(
    await probe.time.until(() => receiving.settled, withinMs),
    `who waits for a first message is given ${expected} once it can be received, and not only by the next receive`,
  );
  assert.deepEqual(bodiesOf(await receiving.promise), [expected]);
}

/** Who waits is woken by a message that can be received again, as by one that is sent. */
function whatComesBack(test: QueueTest): void {
  test("wakes up for a message that is released during the wait", async (probe) => {
    await probe.send("a");
    const held = await probe.collectOne();
    await expectWoken(probe, PROMPTLY_MS, "a", () => held.release(0));
  });

  test(
    "wakes up for a message whose visibility ends during the wait",
    async (probe) => {
      const leftMs = Math.min(5_000, probe.visibilityMs);
      await probe.send("a");
      await probe.collectOne();
      await probe.time.pass(probe.visibilityMs - leftMs);
      await expectWoken(probe, leftMs + PROMPTLY_MS, "a", async () => undefined);
    },
    hasVisibility,
  );

  test(
    "wakes up for the next message of a group when the one before is acknowledged",
    async (probe) => {
      for (const body of ["1", "2"]) await probe.sendMessages([probe.message(body, { groupId: "g" })]);
      const held = await probe.collectOne();
      await expectWoken(probe, PROMPTLY_MS, "2", () => held.ack());
    },
    isOrdered,
  );
}

import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { bodiesOf, type QueueTest } from "../queue-probe.js";

/** "At once", with room for a network. */
const PROMPTLY_MS = 2_000;

const LONG_WAIT_MS = 15_000;

export function abortingBehaviour(test: QueueTest): void {
  whatIsUnderWay(test);
  test("ends the wait when the signal aborts, and loses nothing", async (probe) => {
    const abort = new AbortController();
    const receiving = probe.time.watch(probe.receive(1, LONG_WAIT_MS, abort.signal));
    await probe.time.pass(100);
    abort.abort();
    assert.ok(await probe.time.until(() => receiving.settled, PROMPTLY_MS), "it did not hear the signal");
    assert.deepEqual(await receiving.promise, []);
    await probe.send("a");
    assert.equal((await probe.collectOne()).body, "a");
  });

  test("gives what an abandoned wait still catches to others, at once", async (probe) => {
    const abort = new AbortController();
    const receiving = probe.receive(1, LONG_WAIT_MS, abort.signal);
    await probe.time.pass(100);
    abort.abort();
    assert.deepEqual(await receiving, []);
    await probe.send("a");
    const bodies: string[] = [];
    const received = async (): Promise<boolean> => {
      bodies.push(...bodiesOf(await probe.receive(1, 0)));
      return bodies.length > 0;
    };
    assert.ok(await probe.time.until(received, PROMPTLY_MS), "the abandoned wait kept it");
    assert.deepEqual(bodies, ["a"]);
  });

  test("ends the wait whose signal aborts, and no other", async (probe) => {
    const abort = new AbortController();
    const ended = probe.receive(1, LONG_WAIT_MS, abort.signal);
    const waiting = probe.time.watch(probe.receive(1, LONG_WAIT_MS));
    await probe.time.pass(100);
    abort.abort();
    assert.deepEqual(await ended, []);
    await probe.time.pass(100);
    assert.equal(waiting.settled, false, "a receive was ended by the signal of another");
    await probe.send("a");
    assert.ok(await probe.time.until(() => waiting.settled, LONG_WAIT_MS + PROMPTLY_MS), "it does not end");
    // What an abandoned wait caught first may come later than to the other one.
    const [delivery] = await waiting.promise;
    assert.equal((delivery ?? (await probe.collectOne())).body, "a");
  });

  test("takes nothing when the signal was aborted before", async (probe) => {
    await probe.send("a");
    const receiving = probe.time.watch(probe.receive(1, LONG_WAIT_MS, AbortSignal.abort()));
    assert.ok(await probe.time.until(() => receiving.settled, PROMPTLY_MS), "it did not hear the signal");
    assert.deepEqual(bodiesOf(await receiving.promise), []);
    assert.equal((await probe.collectOne()).receives, 1);
  });
}

function whatIsUnderWay(test: QueueTest): void {
  test("leaves nothing on a signal that many receives have had", async (probe) => {
    const { signal } = new AbortController();
    for (let turn = 0; turn < 4; turn += 1) {
      // The last one finds something.
      if (turn === 3) await probe.send("a");
      const receiving = probe.time.watch(probe.receive(1, 50, signal));
      assert.ok(await probe.time.until(() => receiving.settled, PROMPTLY_MS), "it does not end");
      await receiving.promise;
    }
    const left = getEventListeners(signal, "abort").length;
    assert.equal(left, 0, "a worker has one signal for all its receives: each takes away what it put on it");
  });

  test("returns a message that comes together with the abort, or leaves it in the queue", async (probe) => {
    const abort = new AbortController();
    const receiving = probe.receive(1, LONG_WAIT_MS, abort.signal);
    await probe.time.pass(100);
    const sending = probe.send("a");
    abort.abort();
    await sending;
    const returned = await receiving;
    if (returned.length === 0) {
      // What was taken on the way and not returned comes back by its visibility.
      await probe.passVisibly(probe.fixture.visibilityMs ?? 0);
      assert.equal((await probe.collectOne()).body, "a");
    } else assert.deepEqual(bodiesOf(returned), ["a"]);
  });

  test("loses nothing that was there when the signal aborts at once", async (probe) => {
    for (let turns = 0; turns < 4; turns += 1) {
      await probe.send(`message ${turns}`);
      const abort = new AbortController();
      const receiving = probe.receive(1, 0, abort.signal);
      for (let turn = 0; turn < turns; turn += 1) await Promise.resolve();
      abort.abort();
      const returned = await receiving;
      if (returned.length === 0) await probe.passVisibly(probe.fixture.visibilityMs ?? 0);
      const [delivery] = returned.length === 0 ? await probe.collect(1) : returned;
      assert.equal(delivery?.body, `message ${turns}`, "what was already taken is still returned");
      await delivery.ack();
    }
  });
}

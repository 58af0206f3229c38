import assert from "node:assert/strict";
import type { PublishResult } from "../../core/ports/notifier.js";
import { canAnswer, expectReason, type NotifierProbe, type NotifierTest } from "./notifier-probe.js";
import { SAMPLE_SECRET, sampleEvent, secretEvent } from "./sample-event.js";

/** By the port: 1 s to 24 h. */
const LEAST_HELD_MS = 1_000;
const MOST_HELD_MS = 86_400_000;
/** How late a notifier may be that spreads its tries, beside the time that the receiver asked for. */
const SPREAD_MS = 60_000;

async function publishBad(probe: NotifierProbe): Promise<PublishResult> {
  const [result] = await probe.publish([secretEvent("job-bad", 1)]);
  assert.ok(result);
  return result;
}

/** Later events of a job wait for the one that failed: they are neither delivered nor over. */
function expectOfferedAgain(result: PublishResult | undefined, why: string): void {
  assert.ok(
    result?.status === "retry" || result?.status === "held",
    `${why}: no later one is delivered by that call, and all are offered again; it was answered ${String(result?.status)}`,
  );
  expectReason(result, "what waits behind another");
  if (result.status === "held")
    assert.ok(result.afterMs >= LEAST_HELD_MS, `held waits 1 s to 24 h, not ${result.afterMs} ms`);
}

export function failingBehaviour(test: NotifierTest): void {
  answeringBehaviour(test);
  batchBehaviour(test);
}

/** What is said of one event. */
function answeringBehaviour(test: NotifierTest): void {
  for (const answer of ["retry", "held", "rejected"] as const) {
    test(
      `answers ${answer}, with a reason that tells nothing of the event`,
      async (probe) => {
        await probe.answer("job-bad:1", answer);
        const result = await publishBad(probe);
        assert.ok(result.status === answer, `it answered ${result.status}`);
        expectReason(result, "the answer");
        assert.ok(!result.reason.includes(SAMPLE_SECRET), "`reason` holds no payload: it quotes the event");
        await probe.expectDelivered();
      },
      canAnswer(answer),
    );
  }

  test(
    "says how long it holds back, within a day",
    async (probe) => {
      await probe.answer("job-bad:1", "held");
      const result = await publishBad(probe);
      assert.ok(result.status === "held");
      const { afterMs } = result;
      assert.ok(
        Number.isFinite(afterMs) && afterMs >= LEAST_HELD_MS && afterMs <= MOST_HELD_MS,
        `held waits 1 s to 24 h, not ${String(afterMs)} ms`,
      );
    },
    canAnswer("held"),
  );

  test(
    "passes on for how long the receiver wants to be left alone",
    async (probe) => {
      const { retryAfterMs = 0 } = probe.fixture;
      await probe.answer("job-bad:1", "retry");
      const result = await publishBad(probe);
      assert.ok(result.status === "retry");
      const { afterMs } = result;
      assert.ok(
        afterMs !== undefined && afterMs >= retryAfterMs && afterMs <= 2 * retryAfterMs + SPREAD_MS,
        `the receiver asked for ${retryAfterMs} ms, the answer says ${String(afterMs)}`,
      );
    },
    (probe) =>
      canAnswer("retry")(probe) ??
      (probe.fixture.retryAfterMs === undefined ? "the receiver does not say for how long" : null),
  );

  for (const answer of ["retry", "held"] as const) {
    test(
      `delivers what was answered ${answer} once the receiver accepts it`,
      async (probe) => {
        await probe.answer("job-bad:1", answer);
        assert.equal((await publishBad(probe)).status, answer);
        await probe.answer("job-bad:1", "accept");
        assert.equal((await publishBad(probe)).status, "delivered");
        await probe.expectDelivered("job-bad:1");
      },
      canAnswer(answer, "accept"),
    );
  }
}

/** What is said of the events of one call. */
function batchBehaviour(test: NotifierTest): void {
  whatBelongsToOthers(test);
  test(
    "lets no later event of a job overtake, whatever comes between",
    async (probe) => {
      for (const id of ["job-bad:1", "job-worse:1"]) await probe.answer(id, "retry");
      const events = [
        ["job-bad", 1],
        ["job-worse", 1],
        ["job-a", 1],
        ["job-bad", 2],
        ["job-worse", 2],
      ] as const;
      const size = probe.notifier.maxBatch ?? events.length;
      const results = await probe.publish(
        events.slice(0, size).map(([job, version]) => sampleEvent(job, version)),
      );
      for (const [place, result] of results.entries()) {
        const [job] = events[place] ?? [""];
        if (job === "job-a") assert.equal(result.status, "delivered", "others do not wait for it");
        else expectOfferedAgain(result, `${job} has an event that was answered retry`);
      }
      await probe.expectDelivered(...(size > 2 ? ["job-a:1"] : []));
    },
    canAnswer("retry"),
  );

  test(
    "delivers the later events of a job whose event was rejected, by this call or the next",
    async (probe) => {
      await probe.answer("job-worse:1", "rejected");
      const [first, second] = await probe.statuses([
        sampleEvent("job-worse", 1),
        sampleEvent("job-worse", 2),
      ]);
      assert.equal(first, "rejected");
      if (second !== "delivered") {
        assert.notEqual(second, "rejected", "what is rejected is rejected for itself");
        assert.deepEqual(await probe.statuses([sampleEvent("job-worse", 2)]), ["delivered"]);
      }
      await probe.expectDelivered("job-worse:2");
    },
    canAnswer("rejected"),
  );
}

function whatBelongsToOthers(test: NotifierTest): void {
  for (const answer of ["retry", "held"] as const) {
    test(
      `lets no later event of a job overtake one that was answered ${answer}`,
      async (probe) => {
        await probe.answer("job-bad:1", answer);
        const events = [sampleEvent("job-bad", 1), sampleEvent("job-bad", 2), sampleEvent("job-a", 1)];
        const [first, second, other] = await probe.publish(events);
        assert.deepEqual([first?.status, other?.status], [answer, "delivered"]);
        expectOfferedAgain(second, `an event of the same job was answered ${answer}`);
        await probe.expectDelivered("job-a:1");
      },
      canAnswer(answer),
    );
  }

  test(
    "delivers the events of other jobs of the batch",
    async (probe) => {
      await probe.answer("job-bad:1", "retry");
      const events = [sampleEvent("job-a", 1), sampleEvent("job-bad", 1), sampleEvent("job-b", 1)];
      assert.deepEqual(await probe.statuses(events), ["delivered", "retry", "delivered"]);
      assert.deepEqual([...(await probe.delivered())].sort(), ["job-a:1", "job-b:1"]);
    },
    canAnswer("retry"),
  );

  test(
    "says of each event of a batch what became of it",
    async (probe) => {
      await probe.answer("job-bad:1", "retry");
      await probe.answer("job-worse:1", "rejected");
      const events = ["job-a", "job-bad", "job-worse", "job-b"].map((job) => sampleEvent(job, 1));
      assert.deepEqual(await probe.statuses(events), ["delivered", "retry", "rejected", "delivered"]);
      assert.deepEqual([...(await probe.delivered())].sort(), ["job-a:1", "job-b:1"]);
    },
    canAnswer("retry", "rejected"),
  );
}

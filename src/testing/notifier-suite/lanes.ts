import assert from "node:assert/strict";
import type { ServerEvent } from "../../core/job/event.js";
import { canAnswer, type NotifierProbe, type NotifierTest } from "./notifier-probe.js";
import { SAMPLE_SECRET, sampleEvent, secretEvent } from "./sample-event.js";

function hasLanes({ notifier }: NotifierProbe): string | null {
  return notifier.lane === undefined ? "all events of the notifier share one lane" : null;
}

function laneOf({ notifier }: NotifierProbe, event: ServerEvent): string {
  const lane: unknown = notifier.lane?.(event);
  assert.ok(typeof lane === "string", `the lane is a ${typeof lane}`);
  return lane;
}

/** An event in a lane of that name, or as it is where there is only one. */
function inLane({ fixture }: NotifierProbe, event: ServerEvent, lane: string): ServerEvent {
  return fixture.inLane?.(event, lane) ?? event;
}

export function lanesBehaviour(test: NotifierTest): void {
  severalCalls(test);
  test(
    "names one lane for an event, however often it is asked",
    async (probe) => {
      for (const event of [
        sampleEvent("job-a", 1),
        sampleEvent("job-b", 2, { owner: null, subject: null }),
      ]) {
        assert.equal(laneOf(probe, event), laneOf(probe, { ...event }));
      }
    },
    hasLanes,
  );

  test(
    "names lanes without what an event carries",
    async (probe) => {
      const lane = laneOf(probe, secretEvent("job-a", 1));
      assert.ok(!lane.includes(SAMPLE_SECRET), "the name of a lane is shown: it quotes the event");
    },
    hasLanes,
  );

  test(
    "puts events into one lane that share their fate, and others apart",
    async (probe) => {
      assert.ok("inLane" in probe.fixture, "a notifier with lanes needs a fixture with inLane");
      const [a, sameAsA, b] = (["a", "a", "b"] as const).map((lane, index) =>
        laneOf(probe, inLane(probe, sampleEvent(`job-${index}`, 1), lane)),
      );
      assert.equal(a, sameAsA);
      assert.notEqual(a, b);
      const long = "t".repeat(40);
      const names = ["Tenant", "tenant", `${long}1`, `${long}2`];
      const lanes = names.map((name) => laneOf(probe, inLane(probe, sampleEvent("job-a", 1), name)));
      assert.equal(new Set(lanes).size, names.length, `others do not wait for it: ${lanes.join(", ")}`);
    },
    hasLanes,
  );
}

/** Calls side by side. */
function severalCalls(test: NotifierTest): void {
  test(
    "answers each of several calls at once for its own events",
    async (probe) => {
      await probe.answer("job-bad:1", "retry");
      const calls = [
        [sampleEvent("job-a", 1), sampleEvent("job-b", 1)],
        [sampleEvent("job-bad", 1)],
        [sampleEvent("job-c", 1), sampleEvent("job-c", 2)],
      ];
      const size = probe.notifier.maxBatch ?? 2;
      const answers = await Promise.all(calls.map((events) => probe.statuses(events.slice(0, size))));
      const expected = calls.map((events) =>
        events.slice(0, size).map(({ jobId }) => (jobId === "job-bad" ? "retry" : "delivered")),
      );
      assert.deepEqual(answers, expected, "each call answers for its events, and for those of no other");
    },
    canAnswer("retry"),
  );

  test(
    "holds up no other call by one that hangs",
    async (probe) => {
      await probe.answer("job-slow:1", "hang");
      const abort = new AbortController();
      const slow = inLane(probe, sampleEvent("job-slow", 1), "slow");
      const hanging = probe.time.watch(probe.publish([slow], { signal: abort.signal }));
      const others = [1, 2, 3].map((version) => inLane(probe, sampleEvent("job-a", version), "quick"));
      for (const event of others) assert.deepEqual(await probe.statuses([event]), ["delivered"]);
      assert.equal(hanging.settled, false, "what hangs was answered");
      abort.abort();
      await hanging.promise.catch(() => []);
      const delivered = (await probe.delivered()).filter((id) => id.startsWith("job-a:"));
      assert.deepEqual(delivered, ["job-a:1", "job-a:2", "job-a:3"]);
    },
    canAnswer("hang"),
  );
}

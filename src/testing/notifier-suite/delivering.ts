import assert from "node:assert/strict";
import type { NotifierTest } from "./notifier-probe.js";
import { sampleEvent } from "./sample-event.js";

export function deliveringBehaviour(test: NotifierTest): void {
  whatIsGivenAgain(test);
  test("delivers an event and says so", async (probe) => {
    assert.deepEqual(await probe.publish([sampleEvent("job-a", 1)]), [{ status: "delivered" }]);
    await probe.expectDelivered("job-a:1");
  });

  test("answers nothing to no events", async (probe) => {
    assert.deepEqual(await probe.publish([]), []);
    await probe.expectDelivered();
  });

  test("answers once per event of a batch and delivers the events of a job lowest first", async (probe) => {
    const size = Math.min(6, probe.notifier.maxBatch ?? 6);
    const events = Array.from({ length: size }, (_, place) =>
      sampleEvent(place % 2 === 0 ? "job-a" : "job-b", 1 + place),
    );
    assert.deepEqual(
      await probe.statuses(events),
      events.map(() => "delivered"),
    );
    const delivered = await probe.delivered();
    for (const job of ["job-a:", "job-b:"]) {
      const expected = events.map(({ id }) => id).filter((id) => id.startsWith(job));
      assert.deepEqual(
        delivered.filter((id) => id.startsWith(job)),
        expected,
      );
    }
  });
}

function whatIsGivenAgain(test: NotifierTest): void {
  whatArrives(test);
  test("delivers an event again that it is given again", async (probe) => {
    const event = sampleEvent("job-a", 1);
    assert.deepEqual(await probe.statuses([event]), ["delivered"]);
    assert.deepEqual(await probe.statuses([event]), ["delivered"]);
    // A receiver may recognise the repetition; what counts is that both calls are answered as delivered.
    const delivered = await probe.delivered();
    assert.ok(delivered.length >= 1 && delivered.every((id) => id === "job-a:1"), delivered.join(", "));
  });

  test("delivers every type of event, final ones and sparse ones too", async (probe) => {
    const events = [
      sampleEvent("job-a", 1, {
        type: "job.created",
        from: null,
        status: "PENDING",
        owner: null,
        subject: null,
      }),
      sampleEvent("job-b", 9, {
        type: "job.failed",
        status: "FAILED",
        failureReason: "error",
        reason: "error",
      }),
      sampleEvent("job-c", 3, { type: "job.phase", phase: "launching", metadata: null, message: "" }),
    ];
    for (const event of events) assert.deepEqual(await probe.statuses([event]), ["delivered"]);
    await probe.expectDelivered("job-a:1", "job-b:9", "job-c:3");
  });
}

function whatArrives(test: NotifierTest): void {
  test(
    "delivers each event with what it says, and not with what another says",
    async (probe) => {
      const events = [
        sampleEvent("job-a", 1, { type: "job.created", from: null, status: "PENDING", message: "first" }),
        sampleEvent("job-a", 2),
        sampleEvent("job-b", 2 ** 31, {
          type: "job.failed",
          status: "FAILED",
          message: "e\u0301 \ud83d\ude82",
          owner: null,
          subject: null,
        }),
        sampleEvent("job-c", 3, { type: "job.phase", phase: "launching", kind: "other.kind" }),
      ].slice(0, probe.notifier.maxBatch ?? 4);
      await probe.statuses(events);
      const received = (await probe.fixture.received?.()) ?? [];
      for (const event of events) {
        const found = received.find(({ id }) => id === event.id);
        assert.ok(found !== undefined, `the event ${event.id} was received`);
        for (const field of [
          "type",
          "jobId",
          "kind",
          "version",
          "status",
          "word",
          "message",
          "owner",
          "subject",
          "phase",
        ] as const)
          if (field in found)
            assert.deepEqual(found[field], event[field], `the ${field} of ${event.id} as it was received`);
        if (found.at !== undefined)
          assert.equal(
            found.at.getTime(),
            event.at.getTime(),
            `the instant of ${event.id} as it was received`,
          );
      }
    },
    ({ fixture }) => (fixture.received === undefined ? "the fixture does not show what arrives" : null),
  );

  test("delivers as many events in one call as it takes", async (probe) => {
    const size = probe.notifier.maxBatch ?? 20;
    const events = Array.from({ length: size }, (_, place) => sampleEvent(`job-${place % 3}`, 1 + place));
    assert.deepEqual(
      await probe.statuses(events),
      events.map(() => "delivered"),
    );
    assert.deepEqual([...(await probe.delivered())].sort(), events.map(({ id }) => id).sort());
  });
}

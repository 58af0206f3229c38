import assert from "node:assert/strict";
import type { ServerEvent } from "../../core/job/event.js";
import type { NotifierTest } from "./notifier-probe.js";
import { SAMPLE_TYPES, sampleEvent } from "./sample-event.js";

/** Owners and subjects are texts of users: they fit in no header, and mean something in an address. */
const ANY_TEXTS = ["Zürich 東京 🚂", "a/b?c=d#e%20f", "a.b:c*d>e \"f\" 'g' \\", "__proto__", "o".repeat(128)];

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

  test("delivers every type of event that there is", async (probe) => {
    for (const [place, type] of SAMPLE_TYPES.entries())
      assert.deepEqual(await probe.statuses([sampleEvent(`job-${place}`, 1, { type })]), ["delivered"], type);
    const ids = SAMPLE_TYPES.map((_, place) => `job-${place}:1`);
    assert.deepEqual(
      [...(await probe.delivered())].sort(),
      ids.sort(),
      "every event is offered until it is delivered",
    );
  });

  test("delivers events of any owner and subject", async (probe) => {
    for (const [place, text] of ANY_TEXTS.entries()) {
      const event = sampleEvent(`job-${place}`, 1, { owner: text, subject: text });
      assert.deepEqual(await probe.statuses([event]), ["delivered"], `of ${JSON.stringify(text)}`);
      const received = (await probe.fixture.received?.())?.find(({ id }) => id === event.id) ?? {};
      for (const field of ["owner", "subject"] as const)
        if (field in received) assert.equal(received[field], text, `the ${field} as it was received`);
    }
  });

  test("leaves the events that it is given as they are", async (probe) => {
    const events = [sampleEvent("job-a", 1, { actor: "someone" }), sampleEvent("job-b", 1)].slice(
      0,
      probe.notifier.maxBatch ?? 2,
    );
    const before = structuredClone(events);
    await probe.publish(events);
    assert.deepEqual(events, before, "publish reads its events, and changes none: others are given them too");
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

/** What a receiver may be told of an event. */
const FIELDS = [
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
  "from",
  "attempt",
  "reason",
  "failureReason",
] as const;

/** Insists that what was told of an event is what it says. */
function expectSame(found: Partial<ServerEvent> | undefined, event: ServerEvent): void {
  assert.ok(found !== undefined, `the event ${event.id} was received`);
  for (const field of FIELDS)
    if (field in found)
      assert.deepEqual(found[field], event[field], `the ${field} of ${event.id} as it was received`);
  if (found.at !== undefined)
    assert.equal(found.at.getTime(), event.at.getTime(), `the instant of ${event.id} as it was received`);
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
          from: "PROCESSING",
          attempt: 3,
          reason: "error",
          failureReason: "error",
          message: "e\u0301 \ud83d\ude82",
          owner: null,
          subject: null,
        }),
        sampleEvent("job-c", 3, {
          type: "job.phase",
          phase: "launching",
          kind: "other.kind",
          message: `${"long ".repeat(200)}end`,
        }),
      ].slice(0, probe.notifier.maxBatch ?? 4);
      await probe.statuses(events);
      const received = (await probe.fixture.received?.()) ?? [];
      for (const event of events)
        expectSame(
          received.find(({ id }) => id === event.id),
          event,
        );
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
    const delivered = await probe.delivered();
    assert.deepEqual([...delivered].sort(), events.map(({ id }) => id).sort());
    for (const job of ["job-0:", "job-1:", "job-2:"])
      assert.deepEqual(
        delivered.filter((id) => id.startsWith(job)),
        events.map(({ id }) => id).filter((id) => id.startsWith(job)),
        "events of one job come in order, lowest first",
      );
  });
}

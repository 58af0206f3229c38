import { describe, expect, it } from "vitest";
import { takeLaunchEvent } from "../../examples/disaster-recovery/launch-events.js";
import { recover } from "../../examples/disaster-recovery/recovery.job.js";
import { countEvents } from "../../examples/disaster-recovery/verdict.js";
import { createWaybill, memoryStore } from "../../src/index.js";
import { fakeClock } from "../../src/testing/fake-clock.js";

const event = (jobID: string, state: string) => ({
  "detail-type": "Recovery Server State Change",
  detail: { jobID, serverId: "srv-1", state },
});

/** Executions whose launches answer when they are told to, and are looked at once an hour. */
function opened() {
  const clock = fakeClock();
  const waybill = createWaybill({ jobs: [recover], store: memoryStore(), clock });
  const answers = new Map<string, (jobId: string) => void>();
  const handler = recover.handle({
    run: async ({ input, track }) =>
      track({ drsJobId: await new Promise<string>((resolve) => answers.set(input.planId, resolve)) }),
    poll: () => ({ state: "failed", message: "no disk", expose: true }),
    pollEveryMs: 3_600_000,
  });
  const ending = new AbortController();
  const running = waybill.worker([handler]).run({ signal: ending.signal });
  return {
    clock,
    waybill,
    async begin(planId: "billing" | "search") {
      const { id } = await waybill.submit(recover, { planId, type: "DRILL" }).unwrap();
      await clock.advance(2_000);
      return id;
    },
    async launched(planId: "billing" | "search", jobId: string) {
      answers.get(planId)?.(jobId);
      await clock.advance(2_000);
    },
    take: (body: unknown) => takeLaunchEvent(waybill, body),
    async close() {
      ending.abort();
      await clock.runUntil(running);
    },
  };
}

const APPLIED = { answer: "applied", again: false };

describe("an event of the recovery service", () => {
  it("is asked for again while its launch has not answered, and is applied then", async () => {
    const { begin, launched, take, waybill, close } = opened();
    const id = await begin("billing");
    expect(await take(event("drsjob-1", "launched"))).toEqual({ answer: "job.not_awaiting", again: true });
    await launched("billing", "drsjob-1");
    expect(await take(event("drsjob-1", "launched"))).toEqual(APPLIED);
    expect((await waybill.get(recover, id))?.word).toBe("LAUNCHING");
    await close();
  });

  it("changes nothing when it comes twice or late, and ends no execution", async () => {
    const { begin, launched, take, waybill, close } = opened();
    const id = await begin("billing");
    await launched("billing", "drsjob-1");
    for (const state of ["launched", "converting", "converting", "launched", "ready", "failed"])
      expect(await take(event("drsjob-1", state))).toEqual(APPLIED);
    expect(await waybill.get(recover, id)).toMatchObject({ status: "PROCESSING", word: "CONVERTING" });
    const { events } = (await waybill.history(id))!;
    const phases = events.filter(({ type }) => type === "job.phase");
    expect(phases).toHaveLength(2);
    await close();
  });

  it("is dropped, with the reason, when it is of nobody's, of two or of none", async () => {
    const { begin, launched, take, close } = opened();
    for (const planId of ["billing", "search"] as const) {
      await begin(planId);
      await launched(planId, "drsjob-1");
    }
    expect(await take(event("drsjob-9", "launched"))).toEqual({ answer: "job.not_found", again: false });
    expect(await take(event("drsjob-1", "launched"))).toEqual({ answer: "ref.ambiguous", again: false });
    for (const body of [null, {}, { detail: { jobID: 1 } }, "launched"])
      expect(await take(body)).toEqual({ answer: "no event", again: false });
    await close();
  });

  it("is dropped once its execution has ended", async () => {
    const { begin, launched, take, clock, waybill, close } = opened();
    const id = await begin("billing");
    await launched("billing", "drsjob-1");
    await clock.advance(2 * 3_600_000);
    expect((await waybill.get(recover, id))?.word).toBe("FAILED");
    expect(await take(event("drsjob-1", "converting"))).toEqual({ answer: "job.not_found", again: false });
    await close();
  });
});

it("the count of events knows what was applied, what came too early, what was final, and what is lost", () => {
  const answers = [
    ["applied"],
    ["job.not_awaiting", "nobody there", "applied"],
    ["job.not_found"],
    ["nobody there", "job.already_final"],
    ["ref.ambiguous"],
  ];
  const deliveries = answers.map((each) => ({ answers: each, ended: true }));
  deliveries.push({ answers: ["nobody there"], ended: false });
  expect(countEvents({ deliveries })).toEqual({ told: 6, applied: 2, tooEarly: 1, final: 2, lost: 2 });
});

import { expect, it } from "vitest";
import { z } from "zod";
import { createWaybill, defineJob, memoryStore } from "../../src/index.js";
import { fakeClock } from "../../src/testing/fake-clock.js";

const recover = defineJob({
  kind: "recover",
  input: z.object({}),
  output: z.object({ ready: z.number() }),
  progress: z.object({ ready: z.number(), note: z.string() }),
  percent: ({ ready }) => ready / 4,
  phases: ["launching", "converting"],
  external: z.object({ id: z.string() }),
});

type Look = Parameters<typeof recover.handle>[0]["poll"];

/** A job whose outside is looked at once for each answer. */
async function looked(...looks: readonly Look[]) {
  const clock = fakeClock();
  const waybill = createWaybill({ jobs: [recover], store: memoryStore(), clock });
  let at = 0;
  const handler = recover.handle({
    run: ({ track }) => track({ id: "i-1" }),
    poll: (context) => looks[Math.min(at++, looks.length - 1)]!(context),
    pollEveryMs: 1_000,
  });
  const worker = waybill.worker([handler]);
  const ending = new AbortController();
  const running = worker.run({ signal: ending.signal });
  const { id } = await waybill.submit(recover, {}).unwrap();
  while (at < looks.length) await clock.advance(500);
  await clock.advance(500);
  const job = (await waybill.get(recover, id))!;
  const events = (await waybill.history(recover, id))!.events;
  ending.abort();
  for (let i = 0; i < 20; i += 1) await clock.advance(500);
  await running;
  return { job, events, clock };
}

it("a poll warns once of what it sees at each look, and says a message with its phase", async () => {
  const look: Look = ({ warn }) => {
    warn("server_failed", "1 of 4 failed");
    return { state: "open", phase: "converting", message: "Copying disks" };
  };
  const { events } = await looked(look, look, look);
  expect(events.filter(({ type }) => type === "job.warning")).toHaveLength(1);
  const phases = events.filter(({ type }) => type === "job.phase");
  expect(phases.map(({ message }) => message)).toEqual(["Copying disks"]);
});

it("percent and phases do not go back, and an ETA follows from percent", async () => {
  const { job } = await looked(
    () => ({ state: "open", phase: "converting", progress: { ready: 2, note: "" } }),
    () => ({ state: "open", phase: "launching", progress: { ready: 1, note: "late" } }),
  );
  expect(job).toMatchObject({ phase: "converting", percent: 0.5, progress: { ready: 2 } });
  expect(job.status === "PROCESSING" && job.etaAt !== null).toBe(true);
});

it("progress that cannot be stored is a warning on the job, never silence", async () => {
  const note = "x".repeat(33_000);
  const { job, events } = await looked(() => ({ state: "open", progress: { ready: 1, note } }));
  expect(events.find(({ type }) => type === "job.warning")?.message).toContain("32768 bytes");
  expect(job).toMatchObject({ progress: null });
});

// Every number that an application can give: what no store keeps is refused where it is given, before anything is written.
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { memoryNotifier, memoryStore, createWaybill, defineJob } from "../../src/index.js";
import { DEFAULT_POLICY } from "../../src/core/defaults.js";
import { FOR_EVER_MS } from "../../src/core/options/durations.js";
import { countingStore } from "../../src/testing/counting.js";
import { fakeClock } from "../../src/testing/fake-clock.js";
import { recordingLogger } from "../support/engine.js";

const input = z.object({});
const work = defineJob({ kind: "work.do", input });
const own = defineJob({ kind: "own.do", input, handOver: "own", deadlineMs: 60_000 });
const external = defineJob({ kind: "ext.do", input, external: z.object({ id: z.string() }) });

const BAD: readonly (readonly [string, unknown])[] = [
  ["NaN", Number.NaN],
  ["infinite", Number.POSITIVE_INFINITY],
  ["negative", -1],
  ["a fraction", 1_000.5],
  ["absurd", 1e18],
  ["the highest safe integer", Number.MAX_SAFE_INTEGER],
  ["a text", "5000"],
  ["null", null],
];

function waybillWith(over: object = {}) {
  const clock = fakeClock();
  const trips = countingStore(memoryStore());
  const { logger } = recordingLogger();
  const waybill = createWaybill({ jobs: [work, own, external], store: trips.store, clock, logger, ...over });
  return { clock, trips, waybill };
}

type Entry = readonly [name: string, give: (value: never) => unknown];

const policies: readonly Entry[] = (Object.entries(DEFAULT_POLICY) as [string, number | object][]).flatMap(
  ([name, usual]): Entry[] =>
    typeof usual === "number"
      ? [[`policy.${name}`, (value) => waybillWith({ policy: { [name]: value as unknown } })]]
      : Object.keys(usual).map((part): Entry => [
          `policy.${name}.${part}`,
          (value) => waybillWith({ policy: { [name]: { ...usual, [part]: value as unknown } } }),
        ]),
);

const ENTRIES: readonly Entry[] = [
  ...["leaseMs", "deadlineMs", "retainMs", "expectedMs"].map((name): Entry => [
    `defineJob.${name}`,
    (value) => defineJob({ kind: "a.b", input, [name]: value as unknown }),
  ]),
  ...["maxAttempts", "baseMs", "capMs"].map((name): Entry => [
    `defineJob.retry.${name}`,
    (value) => defineJob({ kind: "a.b", input, retry: { [name]: value as unknown } }),
  ]),
  ...["pollEveryMs", "timeoutMs"].map((name): Entry => [
    `handle.${name}`,
    (value) =>
      external.handle({
        run: ({ track }) => track({ id: "1" }),
        poll: () => ({ state: "open" }),
        [name]: value as unknown,
      }),
  ]),
  ...policies,
  ...["giveUpAfterMs", "timeoutMs", "maxBatch"].map((name): Entry => [
    `notifier.${name}`,
    (value) =>
      waybillWith({
        notifiers: { ui: { ...memoryNotifier(), publish: async () => [], [name]: value as unknown } },
      }),
  ]),
  ...["delayMs", "deadlineMs"].map((name): Entry => [
    `submit.${name}`,
    (value) => submitting(waybillWith(), { [name]: value as unknown }),
  ]),
  ...["concurrency", "prefetch", "shutdownTimeoutMs", "pollIntervalMs"].map((name): Entry => [
    `worker.${name}`,
    (value) => waybillWith().waybill.worker([work.handle(() => null)], { [name]: value as unknown }),
  ]),
];

async function submitting({ clock, trips, waybill }: ReturnType<typeof waybillWith>, options: object) {
  try {
    return await clock.runUntil(waybill.submit(work, {}, options));
  } finally {
    expect(trips.calls).toEqual([]);
  }
}

/** What means "for ever" of how long something is kept. */
const ALLOWED = new Set(["defineJob.retainMs infinite", "policy.retainMs infinite"]);

describe.each(ENTRIES)("%s", (name, give) => {
  it.each(BAD.filter(([what]) => !ALLOWED.has(`${name} ${what}`)))(
    "is refused when it is %s",
    async (_, value) => {
      const giving = async () => {
        await give(value as never);
      };
      await expect(giving()).rejects.toMatchObject({
        code: "config.invalid",
        message: expect.stringContaining(name.split(".").at(-1) ?? "") as string,
      });
    },
  );
});

it("a claim of the application's own is given back after a duration and nothing else", async () => {
  const { clock, waybill } = waybillWith();
  const { id } = await clock.runUntil(waybill.submit(own, {}).unwrap());
  const claim = await clock.runUntil(waybill.claim(own, id).unwrap());
  for (const [, value] of BAD.filter(([what]) => what !== "null")) {
    const releasing = claim.release({ afterMs: value as number });
    await expect(releasing).rejects.toMatchObject({ code: "config.invalid" });
  }
  await clock.runUntil(claim.release({ afterMs: 5_000 }));
  await clock.runUntil(waybill.close());
});

describe("for ever", () => {
  it.each([
    ["a kind", { retainMs: Number.POSITIVE_INFINITY }, {}],
    ["all kinds", {}, { policy: { retainMs: Number.POSITIVE_INFINITY } }],
  ])("is how long the jobs of %s may be kept", async (_, options, over) => {
    const kind = defineJob({ kind: "kept.do", input, ...options });
    const clock = fakeClock();
    const store = memoryStore();
    const { logger } = recordingLogger();
    const waybill = createWaybill({ jobs: [kind], store, clock, logger, ...over });
    const { id } = await clock.runUntil(waybill.submit(kind, {}).unwrap());
    await clock.runUntil(waybill.cancel(id).unwrap());
    const { jobs } = await store.read({ nowMs: clock.now(), ids: [id] });
    expect(jobs[0]?.record.purgeAt).toBe(clock.now() + FOR_EVER_MS);
  });
});

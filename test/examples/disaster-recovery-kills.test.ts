import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { takeLaunchEvent } from "../../examples/disaster-recovery/launch-events.js";
import { recover } from "../../examples/disaster-recovery/recovery.job.js";
import type { RecoveryService, Server } from "../../examples/disaster-recovery/recovery-client.js";
import { recovering } from "../../examples/disaster-recovery/recovering.js";
import { createWaybill, type Job, memoryStore } from "../../src/index.js";
import { type FakeClock, fakeClock } from "../../src/testing/fake-clock.js";
import { interceptStore } from "../../src/testing/faults/intercept-store.js";

const MINUTE_MS = 60_000;
const POLL_MS = 30_000;
const ANSWER_MS = 400;
const SERVERS = 6;
const quiet = (): void => {};
/** Nobody reads what the dead say. */
const SILENT = { debug: quiet, info: quiet, warn: quiet, error: quiet };
const NEVER = new Promise<never>(() => {});

/** What the service does with six servers, in minutes since the launch. */
function stateAt(index: number, minute: number): Server["state"] {
  if (minute >= 5 + index * 2) return "ready";
  if (minute >= 3 + index * 0.5) return "converting";
  return minute >= 1 + index * 0.2 ? "launched" : "pending";
}
const LAST_READY_MS = (5 + (SERVERS - 1) * 2) * MINUTE_MS;

/** The service: it outlives every worker, and knows a token that it has seen. */
function openService(clock: FakeClock) {
  const launches = new Map<string, { readonly jobId: string; readonly at: number }>();
  const calls: string[] = [];
  return {
    launches,
    calls,
    async launch(token: string): Promise<string> {
      calls.push(token);
      const known = launches.get(token) ?? { jobId: `drsjob-${launches.size + 1}`, at: clock.now() };
      launches.set(token, known);
      await new Promise<void>((resolve) => clock.timer(ANSWER_MS, resolve));
      return known.jobId;
    },
    describe(jobId: string): Server[] {
      const at = [...launches.values()].find((launch) => launch.jobId === jobId)?.at ?? 0;
      const minute = (clock.now() - at) / MINUTE_MS;
      return Array.from({ length: SERVERS }, (_, index) => {
        const state = stateAt(index, minute);
        const launchedAt = state === "pending" ? null : at + (1 + index * 0.2) * MINUTE_MS;
        const id = `srv-${index + 1}`;
        return { id, state, converted: state === "ready" ? 1 : 0, since: at, launchedAt, note: "" };
      });
    },
  };
}

type Service = ReturnType<typeof openService>;
type When = "before" | "during" | "after";

/** A worker that can be killed: from then on nothing that it does reaches anybody. */
function startWorker(
  clock: FakeClock,
  store: ReturnType<typeof memoryStore>,
  service: Service,
  dies: When | null,
) {
  let isDead = false;
  const reach = <T>(call: () => Promise<T>): Promise<T> => (isDead ? NEVER : call());
  const own: RecoveryService = {
    launch: (_planId, token) => {
      if (dies === "before") isDead = true;
      return reach(async () => {
        const answer = service.launch(token);
        if (dies === "during") isDead = true;
        const jobId = await answer;
        if (dies === "after") isDead = true;
        return dies === "during" ? NEVER : jobId;
      });
    },
    describe: (jobId) =>
      reach(async () => ({ servers: service.describe(jobId), expectedEndAt: clock.now() + MINUTE_MS })),
    stop: () => reach(async () => {}),
  };
  const cuttable = interceptStore(store, (_method, _items, call) => reach(call));
  const waybill = createWaybill({ jobs: [recover], store: cuttable, clock, logger: SILENT });
  void waybill.worker([recovering(own, POLL_MS)]).run({ signal: new AbortController().signal });
  return {
    kill() {
      isDead = true;
    },
    isDead: () => isDead,
  };
}

function opened() {
  const clock = fakeClock();
  const store = memoryStore();
  const service = openService(clock);
  const waybill = createWaybill({ jobs: [recover], store, clock });
  const submit = async (): Promise<string> =>
    (await waybill.submit(recover, { planId: "billing", type: "DRILL" }).unwrap()).id;
  const start = (dies: When | null = null) => startWorker(clock, store, service, dies);
  return { clock, service, waybill, submit, start };
}

describe("one launch a plan, whoever is killed", () => {
  it.each([
    ["before", 1],
    ["during", 2],
    ["after", 2],
  ] as const)("%s the call", async (when, calls) => {
    const { clock, service, waybill, submit, start } = opened();
    const id = await submit();
    const first = start(when);
    await clock.advance(10_000);
    expect(first.isDead()).toBe(true);
    start();
    await clock.advance(LAST_READY_MS + 5 * MINUTE_MS);
    expect((await waybill.get(recover, id))?.status).toBe("COMPLETED");
    expect([...service.launches.keys()]).toHaveLength(1);
    // The same token, at every attempt.
    expect(service.calls).toEqual(Array.from({ length: calls }, () => service.calls[0]));
  });
});

interface Disturbance {
  readonly afterMs: number;
  readonly what: "kill" | "event";
  readonly state: string;
  readonly downMs: number;
}

const disturbances = fc.array(
  fc.record<Disturbance>({
    afterMs: fc.integer({ min: 0, max: 3 * MINUTE_MS }),
    what: fc.constantFrom("kill", "event"),
    state: fc.constantFrom("launched", "converting", "ready", "failed", "unheard-of"),
    downMs: fc.integer({ min: 0, max: MINUTE_MS }),
  }),
  { maxLength: 12 },
);

/** What must be true of an execution whenever it is looked at. */
function checked(job: Job<typeof recover> | null, before: number, service: Service, now: number): number {
  const [launch] = service.launches.values();
  if (job?.status === "COMPLETED") {
    expect(job.finishedAt.getTime()).toBeGreaterThanOrEqual((launch?.at ?? Infinity) + LAST_READY_MS);
    expect(now).toBeGreaterThanOrEqual((launch?.at ?? Infinity) + LAST_READY_MS);
    return SERVERS;
  }
  expect(job?.status).not.toBe("FAILED");
  const progress = job?.status === "PROCESSING" ? job.progress : null;
  if (progress === null) return before;
  const { total, pending, launched, converting, ready, failed } = progress;
  expect(pending + launched + converting + ready + failed).toBe(total);
  expect(ready).toBeGreaterThanOrEqual(before);
  return ready;
}

it(
  "never COMPLETED before six READY servers, over orders of polls, events and kills",
  { timeout: 120_000 },
  () =>
    fc.assert(
      fc.asyncProperty(disturbances, async (plan) => {
        const { clock, service, waybill, submit, start } = opened();
        const id = await submit();
        let worker = start();
        let ready = 0;
        const look = async (): Promise<void> => {
          ready = checked(await waybill.get(recover, id), ready, service, clock.now());
        };
        for (const { afterMs, what, state, downMs } of plan) {
          await clock.advance(afterMs);
          await look();
          if (what === "event") {
            const detail = { jobID: "drsjob-1", serverId: "srv-1", state };
            await clock.runUntil(takeLaunchEvent(waybill, { detail }));
          } else {
            worker.kill();
            await clock.advance(downMs);
            worker = start();
          }
          await look();
        }
        for (let minute = 0; minute < 20; minute += 1) {
          await clock.advance(MINUTE_MS);
          await look();
        }
        expect((await waybill.get(recover, id))?.status).toBe("COMPLETED");
        expect(service.launches.size).toBe(1);
      }),
      { numRuns: 25 },
    ),
);

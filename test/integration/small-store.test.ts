import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { createWaybill, defineJob, isFinal, type StoredJob } from "waybill";
import { createFaults, type Fault, recordingStore, storeHistory, type StoreMethod } from "waybill/testing";
import { z } from "zod";
import type { Engine } from "../../examples/small-store/engine.js";
import { openJournal } from "../../examples/small-store/journal.js";
import { smallStore } from "../../examples/small-store/small-store.js";
import { sampleReadyJob, sampleTerms } from "../../src/testing/sample-jobs.js";
import { sharedEngine } from "../support/shared-engine.js";

const double = defineJob({
  kind: "double",
  input: z.object({ n: z.number() }),
  output: z.object({ n: z.number() }),
});

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

function emptyFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "small-store-"));
  folders.push(folder);
  return folder;
}

/** What three processes do at once on one engine, as they saw it: work, and cancel what others work on. */
async function historyOn(engine: Engine) {
  const history = storeHistory();
  const runs: number[] = [];
  const processes = [1, 2, 3].map(() => {
    const { store } = recordingStore(smallStore(engine), history);
    const waybill = createWaybill({ jobs: [double], store });
    const handler = double.handle(({ input }) => {
      runs.push(input.n);
      return { n: input.n * 2 };
    });
    return { waybill, worker: waybill.worker([handler], { pollIntervalMs: 1, concurrency: 4 }) };
  });
  const [one, other] = processes as [(typeof processes)[0], (typeof processes)[0]];
  const jobs = await Promise.all(
    Array.from({ length: 24 }, (_, n) => one.waybill.submit(double, { n }).unwrap()),
  );
  for (const { worker } of processes) void worker.run();
  await Promise.all(jobs.filter((_, n) => n % 3 === 0).map(({ id }) => other.waybill.cancel(id)));
  await expect
    .poll(async () => (await Promise.all(jobs.map(({ id }) => one.waybill.get(double, id)))).map(ended))
    .toEqual(jobs.map(() => true));
  for (const { worker } of processes) await worker.stop();
  for (const { waybill } of processes) await waybill.close();
  return { history, runs };
}

function ended(job: { readonly status: Parameters<typeof isFinal>[0] } | null): boolean {
  return job !== null && isFinal(job.status);
}

describe("a store of one's own", () => {
  it("runs a job to its end, and has it after a restart", async () => {
    const folder = emptyFolder();
    const journal = await openJournal(folder);
    const waybill = createWaybill({ jobs: [double], store: smallStore(journal) });
    const worker = waybill.worker([double.handle(({ input }) => ({ n: input.n * 2 }))]);
    void worker.run();
    const { id } = await waybill.submit(double, { n: 21 }).unwrap();
    expect(await waybill.result(double, id)).toMatchObject({ n: 42 });
    await worker.stop();
    await waybill.close();
    await journal.close();

    const reopened = await openJournal(folder);
    const later = createWaybill({ jobs: [double], store: smallStore(reopened) });
    expect(await later.get(double, id)).toMatchObject({ status: "COMPLETED", output: { n: 42 } });
    await later.close();
    await reopened.close();
  });

  it("hands out what is ready in the order of time, whatever the length of an instant", async () => {
    const store = smallStore(sharedEngine());
    const items = [10, 9].map((ms) => ({ record: sampleReadyJob({ id: `at-${ms}` }, ms), input: "{}" }));
    await store.create({ nowMs: 10, items });
    const next = {
      terms: sampleTerms(),
      token: "t",
      kinds: [{ kind: "sample.work", leaseMs: 1 }],
      limit: 10,
    };
    const { jobs } = await store.claim({ nowMs: 10, next });
    expect(jobs.map(({ record }) => record.id)).toEqual(["at-9", "at-10"]);
  });

  it("goes through more jobs than its engine shows at once, forwards and backwards", async () => {
    const store = smallStore(sharedEngine({ pause: () => Promise.resolve() }));
    const ids = Array.from({ length: 250 }, (_, index) => `job-${String(index).padStart(3, "0")}`);
    const items = ids.map((id) => ({ record: sampleReadyJob({ id, wakeAt: 1 }, 1), input: "{}" }));
    for (const from of [0, 100, 200]) await store.create({ nowMs: 1, items: items.slice(from, from + 100) });
    const { jobs: due } = await store.takeDue({ nowMs: 1, limit: 1_000, holdMs: 1 });
    const next = {
      terms: sampleTerms(),
      token: "t",
      kinds: [{ kind: "sample.work", leaseMs: 1 }],
      limit: 240,
    };
    const { jobs: claimed } = await store.claim({ nowMs: 1, next });
    const { jobs: listed } = await store.list({ nowMs: 1, limit: 1_000 });
    const idsOf = (jobs: readonly StoredJob[]) => jobs.map(({ record }) => record.id);
    expect([idsOf(due), idsOf(claimed), idsOf(listed)]).toEqual([ids, ids.slice(0, 240), [...ids].reverse()]);
  });

  it("answers workers and cancellers that race as if each call had come alone", async () => {
    const { history, runs } = await historyOn(sharedEngine());
    expect(history.check()).toEqual([]);
    expect(new Set(runs).size).toBe(runs.length);
    expect(history.operations.length).toBeGreaterThan(100);
  });

  it("is found out where its engine does not look at the versions", async () => {
    const { history } = await historyOn(sharedEngine({ checked: false }));
    expect(history.check().map(({ verdict }) => verdict)).toContain("not_linearizable");
  });

  const cases = ["create", "claim", "write"].flatMap((method) =>
    ["request_lost", "response_lost", "late"].map((fault) => ({ method, fault })),
  ) as { method: StoreMethod; fault: Fault }[];

  it.each(cases)(
    "brings a job to its end, once, when a $method breaks ($fault)",
    async ({ method, fault }) => {
      const faults = createFaults();
      faults.store(method, { fault, delayMs: 200 });
      const waybill = createWaybill({ jobs: [double], store: faults.wrapStore(smallStore(sharedEngine())) });
      const worker = waybill.worker([double.handle(({ input }) => ({ n: input.n * 2 }))]);
      void worker.run();
      const { id } = await waybill.submit(double, { n: 21 }).unwrap();
      expect(await waybill.result(double, id)).toMatchObject({ n: 42 });
      expect(await waybill.get(double, id)).toMatchObject({ status: "COMPLETED", attempt: 1 });
      expect(faults.injected).toEqual([{ part: "store", method, fault }]);
      await worker.stop();
      await waybill.close();
    },
  );
});

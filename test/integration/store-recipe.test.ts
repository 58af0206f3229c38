// The recipe of docs/adapters/writing-a-store.md, whole: what several processes do to one store at once, judged as a history.
import { describe, expect, it } from "vitest";
import { createWaybill, defineJob, isFinal, memoryNotifier, type Store } from "waybill";
import { recordingStore, type StoreHistory, storeHistory } from "waybill/testing";
import { z } from "zod";
import type { Engine } from "../../examples/small-store/engine.js";
import { smallStore } from "../../examples/small-store/small-store.js";
import { sharedEngine } from "../support/shared-engine.js";

const double = defineJob({
  kind: "double",
  input: z.object({ n: z.number() }),
  output: z.object({ n: z.number() }),
});

const YEAR_MS = 366 * 24 * 60 * 60 * 1_000;
const JOBS = 24;
const MOST_LIVES = 40;

/** Another process: a handle of its own, a worker, and a notifier that asks to be left alone now and then. */
function processOn(open: () => Store, history: StoreHistory) {
  const { store } = recordingStore(open(), history);
  const told = memoryNotifier();
  told.failNext("retry", { count: 8, afterMs: 1 });
  const waybill = createWaybill({ jobs: [double], store, notifiers: { told, others: memoryNotifier() } });
  const worker = waybill.worker([double.handle(({ input }) => ({ n: input.n * 2 }))], { pollIntervalMs: 1 });
  return { store, waybill, worker };
}

/** Removes the old while another puts it off: a job that was put off stays, and one that is gone was not. */
async function removeAndPutOff([one, other]: readonly Store[], ids: readonly string[]): Promise<void> {
  if (one === undefined || other === undefined) return;
  const nowMs = Date.now() + YEAR_MS;
  const { jobs } = await one.read({ nowMs, ids });
  const put = jobs.flatMap((job) => {
    if (job === null || !isFinal(job.record.status)) return [];
    const { record, cursors } = job;
    const plan = { wakeAt: null, purgeAt: nowMs + YEAR_MS, latestWakeAt: nowMs, cursors };
    return [{ id: record.id, plannedOn: record, ...plan }];
  });
  const purge = async (turns: number): Promise<void> => {
    for (let turn = 0; turn < turns; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    await other.purge({ nowMs, limit: 3, parkedBefore: 0 });
  };
  const purges = [0, 1, 2, 3, 4, 5].map(purge);
  await Promise.all([...put.map((item) => one.advance({ nowMs, items: [item] })), ...purges]);
  await one.read({ nowMs, ids });
}

/** Parks one message from every side, reads it from every side, and takes it away: what was seen once is what was kept. */
async function parkFromEverySide(stores: readonly Store[], id: string): Promise<readonly string[]> {
  const nowMs = Date.now();
  const bodies = async (store: Store): Promise<readonly string[]> => {
    const { messages } = await store.parked({ nowMs, limit: 100 });
    return messages.filter((message) => message.id === id).map(({ body }) => body);
  };
  const seen = await Promise.all(
    stores.map(async (store, side) => {
      const message = { id, queue: "q", body: `from ${side}`, reason: "r", at: nowMs };
      await store.park({ nowMs, messages: [message] });
      return Promise.all(stores.map(bodies));
    }),
  );
  await Promise.all(stores.map((store) => store.unpark({ nowMs, ids: [id] })));
  const left = await Promise.all(stores.map(bodies));
  const kept = new Set(seen.flat(2));
  return [...(kept.size === 1 ? [] : [`${id} was ${[...kept].join(" and ")}`]), ...left.flat()];
}

async function isCalm({ get, health }: ReturnType<typeof processOn>["waybill"], ids: readonly string[]) {
  const jobs = await Promise.all(ids.map((id) => get(id)));
  return jobs.every((job) => job !== null && isFinal(job.status)) && (await health()).oldestOverdueMs === 0;
}

/** Three processes at once on one store. Empty: each call was answered as if it had come alone. */
async function problemsOf(open: () => Store): Promise<readonly string[]> {
  const history = storeHistory();
  const processes = [1, 2, 3].map(() => processOn(open, history));
  const stores = processes.map(({ store }) => store);
  const [one, other] = processes;
  if (one === undefined || other === undefined) return [];
  const jobs = await Promise.all(
    Array.from({ length: JOBS }, (_, n) => one.waybill.submit(double, { n }).unwrap()),
  );
  const ids = jobs.map(({ id }) => id);
  for (const { worker } of processes) void worker.run();
  const parked = Promise.all(ids.map((id) => parkFromEverySide(stores, `of-${id}`)));
  await Promise.all(ids.filter((_, n) => n % 3 === 0).map((id) => other.waybill.cancel(id)));
  // Until all is done and told; a store that is found out already may never get there.
  await expect
    .poll(async () => history.check().length > 0 || (await isCalm(one.waybill, ids)), { timeout: 30_000 })
    .toBe(true);
  for (const { worker } of processes) await worker.stop();
  await removeAndPutOff(stores, ids);
  for (const { waybill } of processes) await waybill.close();
  return [...history.check().map(({ text }) => text), ...(await parked).flat()];
}

/** An engine on which calls of several sides meet in ever other ways, by the seed. */
function unevenEngine(seed: number): Engine {
  let state = 1 + seed;
  const pause = async (): Promise<void> => {
    state = (state * 48_271) % 2_147_483_647;
    for (let turn = state % 4; turn >= 0; turn -= 1) await new Promise((resolve) => setImmediate(resolve));
  };
  return sharedEngine({ pause });
}

/** The same data without a look at what a commit rests on, for some calls. */
function careless(engine: Engine, methods: readonly (keyof Store)[]): Store {
  const sloppy = smallStore({ ...engine, commit: (given) => engine.commit({ ...given, checks: new Map() }) });
  const replaced = methods.map((method) => [method, sloppy[method]]);
  return { ...smallStore(engine), ...(Object.fromEntries(replaced) as Partial<Store>) };
}

describe("the recipe for a store of one's own", () => {
  it("finds nothing with the small store", async () => {
    const engine = unevenEngine(7);
    expect(await problemsOf(() => smallStore(engine))).toEqual([]);
  });

  // Which calls meet is up to the machine too, so one life may miss what the next one sees.
  it.each([["advance"], ["purge"], ["park"]] as const)("finds a careless %s", async (method) => {
    let problems: readonly string[] = [];
    for (let life = 0; life < MOST_LIVES && problems.length === 0; life += 1) {
      const engine = unevenEngine(life);
      problems = await problemsOf(() => careless(engine, [method]));
    }
    expect(problems).not.toEqual([]);
  });
});

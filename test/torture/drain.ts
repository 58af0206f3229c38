import { setTimeout as sleep } from "node:timers/promises";
import { isFinal, isWaybillError, type Store, type StoredJob } from "waybill";

const PAGE = 100;
const LOOK_EVERY_MS = 250;

/** All that is in a store, with outputs. */
export async function readAll(store: Store): Promise<readonly StoredJob[]> {
  const jobs: StoredJob[] = [];
  let after: { readonly createdAt: number; readonly id: string } | null = null;
  for (;;) {
    const place: { after?: { readonly createdAt: number; readonly id: string } } =
      after === null ? {} : { after };
    const page = await store.list({ nowMs: Date.now(), limit: PAGE, output: true, ...place });
    jobs.push(...page.jobs);
    after = page.next;
    if (after === null) return jobs;
  }
}

function isOver({ record }: StoredJob): boolean {
  return isFinal(record.status) && record.wakeAt === null;
}

/** Waits until nothing is left to do, at most so long. What is not over then is stuck, and the verdict names it. */
export async function drain(store: Store, mostMs: number): Promise<void> {
  const giveUpAt = Date.now() + mostMs;
  while (Date.now() < giveUpAt) {
    try {
      const open = await store.list({
        nowMs: Date.now(),
        limit: 1,
        statuses: ["PENDING", "QUEUED", "PROCESSING"],
      });
      if (open.jobs.length === 0 && open.next === null) {
        const jobs = await readAll(store);
        if (jobs.every(isOver)) return;
      }
    } catch (error) {
      if (!isWaybillError(error, "store.unavailable")) throw error;
    }
    await sleep(LOOK_EVERY_MS);
  }
}

import { setTimeout as wait } from "node:timers/promises";
import { isFinal, isWaybillError, type JobStatus, type Store, type StoredJob } from "waybill";

const PAGE = 100;
const LOOK_EVERY_MS = 250;
/** A look at everything takes its time from those who work: it takes at most a fifth of it. */
const PAUSE_PER_LOOK = 4;
/** So many patiences are enough, whatever still happens: what is claimed again and again never ends either. */
const MOST_PATIENCES = 4;
const OPEN: readonly JobStatus[] = ["PENDING", "QUEUED", "PROCESSING"];

type Asked = Pick<Parameters<Store["list"]>[0], "statuses" | "output">;

/** What is in a store. */
async function jobsOf(store: Pick<Store, "list">, asked: Asked): Promise<readonly StoredJob[]> {
  const jobs: StoredJob[] = [];
  let after: { readonly createdAt: number; readonly id: string } | null = null;
  for (;;) {
    const place: { after?: { readonly createdAt: number; readonly id: string } } =
      after === null ? {} : { after };
    const page = await store.list({ nowMs: Date.now(), limit: PAGE, ...asked, ...place });
    jobs.push(...page.jobs);
    after = page.next;
    if (after === null) return jobs;
  }
}

/** All that is in a store, with outputs. */
export function readAll(store: Store): Promise<readonly StoredJob[]> {
  return jobsOf(store, { output: true });
}

function isOver({ record }: StoredJob): boolean {
  return isFinal(record.status) && record.wakeAt === null;
}

/** By what is left it is told whether anything happens: jobs end, are claimed, or are told of. */
function tellingOf(left: readonly StoredJob[]): string {
  const claims = left.reduce((sum, { record }) => sum + record.fence, 0);
  const told = left.flatMap(({ cursors }) => Object.values(cursors)).reduce((sum, { upTo }) => sum + upTo, 0);
  return [left.length, claims, told].join();
}

async function notOver(store: Pick<Store, "list">): Promise<readonly StoredJob[]> {
  const open = await jobsOf(store, { statuses: OPEN });
  if (open.length > 0) return open;
  return (await jobsOf(store, {})).filter((job) => !isOver(job));
}

const REAL_TIME = { now: () => performance.now(), sleep: (ms: number): Promise<void> => wait(ms) };

/**
 * Waits until nothing is left to do, as long as something happens: a loaded machine takes its time, and is none of the
 * store's faults. What gets no further in `patienceMs` is stuck, and the verdict names it.
 */
export async function drain(
  store: Pick<Store, "list">,
  patienceMs: number,
  time: { readonly now: () => number; readonly sleep: (ms: number) => Promise<void> } = REAL_TIME,
): Promise<void> {
  const endsAt = time.now() + MOST_PATIENCES * patienceMs;
  let giveUpAt = time.now() + patienceMs;
  let before = "";
  while (time.now() < Math.min(giveUpAt, endsAt)) {
    const lookedAt = time.now();
    try {
      const left = await notOver(store);
      if (left.length === 0) return;
      const telling = tellingOf(left);
      if (telling !== before) giveUpAt = time.now() + patienceMs;
      before = telling;
    } catch (error) {
      if (!isWaybillError(error, "store.unavailable")) throw error;
    }
    await time.sleep(Math.max(LOOK_EVERY_MS, PAUSE_PER_LOOK * (time.now() - lookedAt)));
  }
}

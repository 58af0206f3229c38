import { setTimeout as sleep } from "node:timers/promises";
import { join } from "node:path";
import { seededRandom } from "../../../src/testing/seeded-ids.js";
import { appendLog, followLog } from "../append-log.js";
import { tryToSubmit, type TortureWaybill } from "../load.js";
import { planJobs } from "../plans.js";

/** What a process that submits is told. */
export interface SubmitPlan {
  readonly seed: number;
  readonly jobs: number;
  readonly loadMs: number;
  readonly startedAt: number;
}

const file = (folder: string): string => join(folder, "acknowledged.log");

/** The jobs that were acknowledged to any life of the submitter, as of the moment at which it is asked. */
export function followAcknowledged(folder: string): () => ReadonlySet<string> {
  const follow = followLog(file(folder));
  const ids = new Set<string>();
  return () => {
    for (const line of follow()) ids.add((line as { readonly id: string }).id);
    return ids;
  };
}

/** As a service has it: all that is late, begun at once, would be acknowledged to no life that is killed soon. */
const MOST_AT_ONCE = 50;

/** Submits each planned job at its time, and notes what it was told; its next life goes on with what is not noted. */
export async function submitPlanned(
  waybill: TortureWaybill,
  { seed, jobs, loadMs, leaseMs, startedAt }: SubmitPlan & { readonly leaseMs: number },
  folder: string,
  stopping: AbortSignal,
): Promise<void> {
  const known = followAcknowledged(folder)();
  const log = appendLog(file(folder));
  const submits = new Set<Promise<void>>();
  for (const job of planJobs(seededRandom(seed), jobs, { loadMs, leaseMs })) {
    if (known.has(job.id)) continue;
    const waitMs = startedAt + job.submitAtMs - Date.now();
    if (waitMs > 0) await sleep(waitMs, undefined, { signal: stopping }).catch(() => undefined);
    if (stopping.aborted) break;
    const submit = async (): Promise<void> => {
      while (!stopping.aborted) {
        if (await tryToSubmit(waybill, job)) {
          log.write({ id: job.id });
          return;
        }
        await sleep(100);
      }
    };
    const submitting = submit().finally(() => {
      submits.delete(submitting);
    });
    submits.add(submitting);
    if (submits.size >= MOST_AT_ONCE) await Promise.race(submits);
  }
  await Promise.all(submits);
}

import { setTimeout as sleep } from "node:timers/promises";
import { join } from "node:path";
import { seededRandom } from "waybill/testing";
import { appendLog, readLog } from "../append-log.js";
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

/** The jobs that were acknowledged to any life of the submitter. */
export function readAcknowledged(folder: string): ReadonlySet<string> {
  return new Set(readLog(file(folder)).map((line) => (line as { readonly id: string }).id));
}

/** Submits each planned job at its time, and notes what it was told; its next life goes on with what is not noted. */
export async function submitPlanned(
  waybill: TortureWaybill,
  { seed, jobs, loadMs, startedAt }: SubmitPlan,
  folder: string,
  stopping: AbortSignal,
): Promise<void> {
  const known = readAcknowledged(folder);
  const log = appendLog(file(folder));
  const submits: Promise<void>[] = [];
  for (const job of planJobs(seededRandom(seed), jobs, loadMs)) {
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
    submits.push(submit());
  }
  await Promise.all(submits);
}

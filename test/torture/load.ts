import { setMaxListeners } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { isFinal, isWaybillError, type Waybill } from "waybill";
import type { CancelAnswer, Watched } from "./evidence.js";
import type { TortureKind } from "./kinds.js";
import type { PlannedJob } from "./plans.js";

/** Longer than any outage of a run, on a machine with much else to do: so long is waited for the next acknowledgement. */
const PATIENCE_MS = 240_000;

export type TortureWaybill = Waybill<TortureKind>;

/** As an application does that names its jobs itself: in doubt it looks whether the job is there. */
export async function tryToSubmit(
  waybill: TortureWaybill,
  { id, kind, plan, delayMs }: PlannedJob,
): Promise<boolean> {
  try {
    const options = { id, actor: "parent", ...(delayMs > 0 ? { delayMs } : {}) };
    const result = await waybill.submit(kind, plan, options);
    // Refused: it is there already, by the try before.
    return result.ok || (await waybill.get(id)) !== null;
  } catch (error) {
    if (!isWaybillError(error, "store.unavailable")) throw error;
    return false;
  }
}

/** What an application's own process asks for, and what it was told. */
export class Load {
  readonly acknowledged = new Set<string>();
  readonly cancels = new Map<string, CancelAnswer>();
  readonly watched: Watched[] = [];
  readonly #waybill: TortureWaybill;
  readonly #elsewhere: (() => ReadonlySet<string>) | null;
  readonly #beside: Promise<void>[] = [];
  readonly #stopped = new AbortController();
  #acknowledgedAt = 0;

  /** @param elsewhere - the jobs that another process was told are stored: it submits instead of this one */
  constructor(waybill: TortureWaybill, elsewhere: (() => ReadonlySet<string>) | null = null) {
    this.#waybill = waybill;
    this.#elsewhere = elsewhere;
    // One for each watcher: many at a time are as they should be.
    setMaxListeners(0, this.#stopped.signal);
  }

  /** Submits each job at its time. Resolves when every one is acknowledged and every cancel is answered. */
  async run(jobs: readonly PlannedJob[]): Promise<void> {
    const startedAt = Date.now();
    const submits: Promise<void>[] = [];
    for (const job of jobs) {
      const waitMs = startedAt + job.submitAtMs - Date.now();
      if (waitMs > 0) await sleep(waitMs);
      const submit = this.#submit(job);
      // Told below, when all are under way: a rejection that comes before is not one that nobody handles.
      submit.catch(() => undefined);
      submits.push(submit);
    }
    await Promise.all(submits);
  }

  /** Gives watchers the time to see the ends that are stored, and stops those that have not. */
  async end(patienceMs: number): Promise<void> {
    const seen = Promise.all(this.#beside);
    await Promise.race([seen, sleep(patienceMs, undefined, { ref: false })]);
    this.#stopped.abort();
    await seen;
  }

  async #submit(job: PlannedJob): Promise<void> {
    const startedAt = Date.now();
    while (!(await this.#tryToSubmit(job))) {
      if (Date.now() > Math.max(startedAt, this.#acknowledgedAt) + PATIENCE_MS) return;
      await sleep(100);
    }
    if (job.watched) this.#beside.push(this.#watch(job.id));
    if (job.cancelAfterMs === null) return;
    await sleep(job.cancelAfterMs);
    this.cancels.set(job.id, await this.#cancel(job.id));
  }

  async #tryToSubmit(job: PlannedJob): Promise<boolean> {
    const there =
      this.#elsewhere === null ? await tryToSubmit(this.#waybill, job) : this.#elsewhere().has(job.id);
    if (there) {
      this.acknowledged.add(job.id);
      this.#acknowledgedAt = Date.now();
    }
    return there;
  }

  async #cancel(id: string): Promise<CancelAnswer> {
    try {
      const result = await this.#waybill.cancel(id, { actor: "parent", reason: "Not needed." });
      if (!result.ok) return "refused";
      return isFinal(result.value.status) ? "ended" : "accepted";
    } catch (error) {
      if (!isWaybillError(error)) throw error;
      return error.outcome === "not_applied" ? "not_applied" : "unknown";
    }
  }

  async #watch(jobId: string): Promise<void> {
    const seen: { readonly version: number; readonly status: string }[] = [];
    this.watched.push({ jobId, seen });
    while (!this.#stopped.signal.aborted) {
      try {
        for await (const { version, status } of this.#waybill.watch(jobId, {
          signal: this.#stopped.signal,
        })) {
          // A watcher that had to begin again is shown what it knows already.
          if (version !== seen[seen.length - 1]?.version) seen.push({ version, status });
          if (isFinal(status)) return;
        }
      } catch (error) {
        if (!isWaybillError(error)) throw error;
        // Lost: the verdict says so.
        if (isWaybillError(error, "job.not_found")) return;
      }
      await sleep(50);
    }
  }
}

import { sleep } from "../../clock.js";
import { WaybillError, JobFailedError, WaitTimeoutError } from "../../errors.js";
import { isFinal } from "../../lifecycle.js";
import type { Bus } from "../announce/bus.js";
import type { Core } from "../context.js";
import type { RuntimeJob } from "./job.js";
import { ANYBODY, type Whose } from "../../owner-option.js";
import { checkWhole } from "../compose/option-checks.js";
import { get } from "./reads.js";

export interface WatchOptions {
  /** @default anybody's */
  readonly whose?: Whose | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Where watchers hear of changes: this process's bus, fed by the feed of other processes while somebody watches. */
export interface Hints {
  readonly bus: Bus;
  /**
   * Attaches to the feed, once for all watchers. `attached` resolves when that is done, or cannot be.
   *
   * @param onClose - called when this Waybill closes
   */
  attach(onClose: () => void): { readonly attached: Promise<void>; letGo(): void };
  isClosed(): boolean;
}

/**
 * Snapshots of one job: the stored one first, then each that is newer, until a final status. It attaches before it reads,
 * so that no change falls between; a slow consumer skips to the newest; a periodic read repairs what the feed lost. A
 * snapshot always comes from a strong read, never from a hint: versions rise, unless the store itself went back.
 *
 * @throws WaybillError `job.not_found` when there is no such job, `waybill.closed` when this Waybill closes before the end
 */
export async function* watch(
  core: Core,
  hints: Hints,
  id: string,
  kind: string | null,
  { signal, whose = ANYBODY }: WatchOptions = {},
): AsyncGenerator<RuntimeJob, void, undefined> {
  let seen = 0;
  let hinted = 0;
  const rest = resting(core);
  const stopHearing = hints.bus.onHint(id, (hint) => {
    // A lower version is late news, or a store that lost writes: the periodic read tells which.
    if (hint.version <= seen) return;
    hinted = Math.max(hinted, hint.version);
    if (seen > 0) rest.end();
  });
  const link = hints.attach(rest.end);
  signal?.addEventListener("abort", rest.end);
  try {
    // A feed that does not answer is not waited for longer than one that lost a hint.
    if (!signal?.aborted) await rest.begin(link.attached);
    for (;;) {
      if (signal?.aborted) return;
      if (hints.isClosed())
        throw new WaybillError("waybill.closed", "This Waybill was closed while a job was watched.");
      // Only what is hinted from here on: a hint of a change that the store lost must not be waited for.
      hinted = 0;
      const job = await get(core, id, kind, whose);
      if (job === null)
        throw new WaybillError("job.not_found", "There is no such job to watch.", { jobId: id });
      // After a store went back, the end can bear the version that was last seen here.
      if (job.version !== seen || isFinal(job.status)) {
        seen = job.version;
        yield job;
      }
      if (isFinal(job.status)) return;
      if (hinted > seen || signal?.aborted || hints.isClosed()) continue;
      await rest.begin();
    }
  } finally {
    signal?.removeEventListener("abort", rest.end);
    stopHearing();
    link.letGo();
  }
}

/** A rest that ends by itself after a while, with `until`, or when it is told to. */
function resting(core: Core) {
  let nap = new AbortController();
  return {
    async begin(until?: Promise<void>): Promise<void> {
      nap = new AbortController();
      const over = sleep(core.clock, core.policy.watchEveryMs, nap.signal, true);
      await (until === undefined ? over : Promise.race([until, over]));
      nap.abort();
    },
    end: (): void => {
      nap.abort();
    },
  };
}

export interface ResultOptions extends WatchOptions {
  /** @default unbounded */
  readonly timeoutMs?: number | undefined;
}

/**
 * The output of a job, when it is there.
 *
 * @throws JobFailedError when it is FAILED
 * @throws WaitTimeoutError when it is not final in time, or the signal aborted; the job goes on
 */
export async function result(
  core: Core,
  hints: Hints,
  id: string,
  kind: string,
  { timeoutMs, signal, whose }: ResultOptions = {},
): Promise<unknown> {
  checkWhole("timeoutMs", timeoutMs);
  const startedAt = core.clock.now();
  const stop = new AbortController();
  const abort = (): void => {
    stop.abort();
  };
  const cancelTimer = timeoutMs === undefined ? undefined : core.clock.timer(timeoutMs, abort, true);
  signal?.addEventListener("abort", abort, { once: true });
  if (signal?.aborted) abort();
  try {
    for await (const job of watch(core, hints, id, kind, { signal: stop.signal, whose })) {
      if (job.status === "COMPLETED") return job.output;
      if (job.status === "FAILED") throw new JobFailedError(id, job.failure.reason, job.failure.message);
    }
    throw new WaitTimeoutError(id, timeoutMs ?? core.clock.now() - startedAt);
  } finally {
    cancelTimer?.();
    signal?.removeEventListener("abort", abort);
  }
}

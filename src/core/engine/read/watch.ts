import { sleep, monotonicNow } from "../../environment/clock.js";
import { WaybillError, JobFailedError, WaitTimeoutError } from "../../errors/errors.js";
import { isFinal } from "../../job/lifecycle.js";
import { endable } from "../../live/endable.js";
import { onAbort } from "../../live/on-abort.js";
import type { Bus } from "../announce/bus.js";
import type { Core } from "../context.js";
import type { RuntimeJob } from "./job.js";
import { checkWhole } from "../../options/options.js";
import { ANYBODY, type Whose } from "../../options/owner-option.js";
import { type Asked, get } from "./reads.js";

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
   * @param onGap - called when hints of other processes may have been lost on the way
   */
  attach(onClose: () => void, onGap?: () => void): HintAttachment;
  isClosed(): boolean;
}

export interface HintAttachment {
  readonly attached: Promise<void>;
  /** Whether a feed is attached; without, changes of other processes are found by reading only. */
  isUp(): boolean;
  letGo(): void;
}

/**
 * Snapshots of one job: the stored one first, then each that is newer, until a final status. It attaches before it reads,
 * so that no change falls between; a slow consumer skips to the newest; a periodic read repairs what the feed lost. A
 * snapshot always comes from a strong read, never from a hint: versions rise, unless the store itself went back.
 *
 * It ends at once, whoever ends it.
 *
 * @throws WaybillError `job.not_found` when there is no such job, `waybill.closed` when this Waybill closes before the end
 */
export function watch(
  core: Core,
  hints: Hints,
  id: string,
  kind: string | null,
  { signal, whose = ANYBODY }: WatchOptions = {},
): AsyncGenerator<RuntimeJob, void> {
  return endable((over) => look(core, hints, id, { kind, whose }, over), signal);
}

async function* look(
  core: Core,
  hints: Hints,
  id: string,
  asked: Asked,
  over: AbortSignal,
): AsyncGenerator<RuntimeJob, void> {
  let seen = 0;
  let hinted = 0;
  const rest = resting(core, over);
  const hear = (version: number): void => {
    // A lower version is late news, or a store that lost writes: the periodic read tells which.
    if (version <= seen) return;
    hinted = Math.max(hinted, version);
    if (seen > 0) rest.end();
  };
  const stopHearing = hints.bus.onHint(id, ({ version }) => {
    hear(version);
  });
  const link = hints.attach(rest.end, () => {
    hear(Number.POSITIVE_INFINITY);
  });
  try {
    // A feed that does not answer is not waited for longer than one that lost a hint.
    await rest.begin(core.policy.watchEveryMs, link.attached);
    const pace = pacing(core, link);
    for (;;) {
      if (over.aborted) return;
      if (hints.isClosed())
        throw new WaybillError("waybill.closed", "This Waybill was closed while a job was watched.");
      // Only what is hinted from here on: a hint of a change that the store lost must not be waited for.
      hinted = 0;
      const job = await get(core, id, asked.kind, asked.whose);
      if (job === null) throw gone(id, seen > 0);
      // After a store went back, the end can bear the version that was last seen here.
      if (job.version !== seen || isFinal(job.status)) {
        seen = job.version;
        pace.moved();
        yield job;
      }
      if (isFinal(job.status)) return;
      if (hinted > seen || hints.isClosed()) continue;
      await rest.begin(pace.nextMs());
    }
  } finally {
    stopHearing();
    link.letGo();
  }
}

/** One that was there has ended and was removed since: retention is shorter than whoever watches needed to look. */
function gone(jobId: string, wasThere: boolean): WaybillError<"job.not_found"> {
  const sentence = wasThere
    ? "The job ended and was removed by its retention before its end was read: a longer retainMs keeps it."
    : "There is no such job to watch.";
  return new WaybillError("job.not_found", sentence, { jobId });
}

/** The first rest of one who reads because nobody tells. */
const SHORTEST_REST_MS = 100;
const LONGEST_REST_MS = 2_000;

/**
 * How long to rest between two reads. Where no feed tells of other processes, somebody may be waiting for a job of half a
 * second: short while the job moves, longer while it does not.
 */
function pacing({ policy, gateway }: Core, link: HintAttachment) {
  const { shared } = gateway.store.capabilities;
  let restMs = SHORTEST_REST_MS;
  return {
    moved(): void {
      restMs = SHORTEST_REST_MS;
    },
    nextMs(): number {
      if (!shared || link.isUp()) return policy.watchEveryMs;
      const nextMs = Math.min(restMs, policy.watchEveryMs);
      restMs = Math.min(restMs * 2, LONGEST_REST_MS);
      return nextMs;
    },
  };
}

/** A rest that ends by itself after a while, with `until`, when it is told to, or when all is over. */
function resting(core: Core, over: AbortSignal) {
  let nap = new AbortController();
  over.addEventListener("abort", () => {
    nap.abort();
  });
  return {
    async begin(ms: number, until?: Promise<void>): Promise<void> {
      nap = new AbortController();
      if (over.aborted) return;
      const rested = sleep(core.clock, ms, nap.signal, true);
      await (until === undefined ? rested : Promise.race([until, rested]));
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
 * @throws WaitTimeoutError when it is not final in time; the job goes on
 * @throws the reason of the signal when it aborts first; the job goes on
 */
export async function result(
  core: Core,
  hints: Hints,
  id: string,
  kind: string,
  { timeoutMs, signal, whose }: ResultOptions = {},
): Promise<unknown> {
  checkWhole("timeoutMs", timeoutMs);
  const startedAt = monotonicNow(core.clock);
  const stop = new AbortController();
  const abort = (): void => {
    stop.abort();
  };
  const cancelTimer = timeoutMs === undefined ? undefined : core.clock.timer(timeoutMs, abort, true);
  const deaf = onAbort(signal, abort);
  if (signal?.aborted) abort();
  try {
    for await (const job of watch(core, hints, id, kind, { signal: stop.signal, whose })) {
      if (job.status === "COMPLETED") return job.output;
      if (job.status === "FAILED") {
        const { reason, message, expose } = job.failure;
        throw new JobFailedError(id, reason, expose ? message : null);
      }
    }
    signal?.throwIfAborted();
    throw new WaitTimeoutError(id, timeoutMs ?? monotonicNow(core.clock) - startedAt);
  } finally {
    cancelTimer?.();
    deaf();
  }
}

import type { ActionsWaybill } from "./open-waybill.js";
import { serverAction } from "./server-action.job.js";
import type { Update } from "./subscriber.js";

/** The steps that the page is told of. */
const TOLD: ReadonlySet<string> = new Set([
  "job.queued",
  "job.started",
  "job.retrying",
  "job.completed",
  "job.failed",
]);

/** An update, and when it was heard where somebody looked at the clock. */
export type Heard = Update & { readonly heardAt?: number };

export interface Verdict {
  /** Jobs in the store. */
  readonly jobs: number;
  /** Steps that their histories have, and the page is to be told of. */
  readonly steps: number;
  /** Of these, steps that were heard. */
  readonly heard: number;
  readonly heardTwice: number;
  /** Jobs whose end was not heard. */
  readonly outcomesNeverHeard: readonly string[];
  readonly undelivered: number;
  /** From a step to the moment at which it was heard, at most; `null`: a step was never heard. */
  readonly longestSilenceMs: number | null;
  readonly isTrue: boolean;
}

/**
 * Asks the store, with a Waybill that was opened for the question, and compares with what subscribers heard. A job that cannot
 * be read counts as not heard.
 *
 * @param jobIds - every job that a resolver answered 202 for
 */
export async function judge(
  waybill: Pick<ActionsWaybill, "get" | "history" | "undelivered">,
  jobIds: readonly string[],
  heard: readonly Heard[],
): Promise<Verdict> {
  const times = new Map<string, number>();
  const firstAt = new Map<string, number>();
  for (const { jobId, version, heardAt = 0 } of heard) {
    const step = `${jobId ?? ""}:${String(version)}`;
    times.set(step, (times.get(step) ?? 0) + 1);
    if (!firstAt.has(step)) firstAt.set(step, heardAt);
  }
  const stories = await Promise.all(jobIds.map((id) => storyOf(waybill, id)));
  const steps = stories.flatMap(({ steps: ofJob }) => ofJob);
  const neverHeard = stories.filter(({ end }) => end === null || !times.has(end)).map(({ id }) => id);
  const heardSteps = steps.filter((step) => times.has(step)).length;
  const { items } = await waybill.undelivered();
  return {
    jobs: stories.length,
    steps: steps.length,
    heard: heardSteps,
    heardTwice: steps.filter((step) => (times.get(step) ?? 0) > 1).length,
    outcomesNeverHeard: neverHeard,
    undelivered: items.length,
    longestSilenceMs:
      heardSteps < steps.length
        ? null
        : Math.max(
            0,
            ...stories.flatMap(({ at }) => [...at].map(([step, ms]) => (firstAt.get(step) ?? ms) - ms)),
          ),
    isTrue:
      stories.length > 0 && heardSteps === steps.length && neverHeard.length === 0 && items.length === 0,
  };
}

interface Story {
  readonly id: string;
  readonly steps: readonly string[];
  /** When each was recorded. */
  readonly at: ReadonlyMap<string, number>;
  /** The last step of a final job; `null`: it is not final, or cannot be read. */
  readonly end: string | null;
}

async function storyOf(waybill: Pick<ActionsWaybill, "get" | "history">, id: string): Promise<Story> {
  const [job, history] = await Promise.all([waybill.get(serverAction, id), waybill.history(id)]);
  const told = (history?.events ?? []).filter(({ type }) => TOLD.has(type));
  const at = new Map(told.map((event) => [`${id}:${String(event.version)}`, event.at.getTime()]));
  const steps = [...at.keys()];
  const isFinal = job?.status === "COMPLETED" || job?.status === "FAILED";
  return { id, steps, at, end: isFinal ? (steps.at(-1) ?? null) : null };
}

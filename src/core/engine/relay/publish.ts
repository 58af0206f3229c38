import { monotonicNow } from "../../environment/clock.js";
import { nearestDurationMs } from "../../options/durations.js";
import type { ServerEvent } from "../../job/event.js";
import type { Notifier, PublishResult } from "../../ports/notifier.js";
import { observe } from "../../environment/telemetry.js";
import type { Trace } from "../../job/trace.js";
import type { Core } from "../context.js";
import { cleanReason, thrownReason } from "./reason.js";
import type { OneShot } from "../one-shot.js";
import { viewsFor } from "./views.js";

/** What receivers of webhooks are used to. */
const DEFAULT_TIMEOUT_MS = 15_000;
/** So long after its signal aborted a call may still say what it knows: of a batch that hangs some may be delivered. */
const LAST_WORD_MS = 1_000;

const UNANSWERED: PublishResult = { status: "retry", reason: "the notifier gave no answer for it" };
const LATE: PublishResult = { status: "retry", reason: "no answer in time" };

/** What one call of a notifier came to. */
export interface Published {
  /** One per event, in order. */
  readonly results: readonly PublishResult[];
  /** `false`: it threw or gave no answer in time, so nothing is known of any single event. */
  readonly answered: boolean;
  /** It gave no answer in time, and may still be at it. */
  readonly late: boolean;
  readonly durationMs: number;
  /** Resolves when the notifier lets go of the call, which may be long after its time was over. */
  readonly settled: Promise<void>;
}

/**
 * Publishes, whatever the notifier does: one answer per event, in order; never rejects. What is not answered in time, or
 * not with a result of the port, is to be tried again.
 *
 * @param stops - ends the wait from outside
 */
export async function publishSafely(
  core: Core,
  name: string,
  notifier: Notifier,
  events: readonly ServerEvent[],
  stops: OneShot,
): Promise<Published> {
  const startedAt = monotonicNow(core.clock);
  if (stops.fired) return all(events, LATE, { late: false, durationMs: 0, settled: Promise.resolve() });
  const controller = new AbortController();
  const { promise: ended, end } = ending();
  const abort = (): void => {
    controller.abort(new Error("The publish took too long."));
  };
  const stop = (): void => {
    abort();
    end();
  };
  const timeoutMs = notifier.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  let cancelTimer = core.clock.timer(timeoutMs, () => {
    abort();
    cancelTimer = core.clock.timer(LAST_WORD_MS, end);
  });
  stops.on(stop);
  const call = (): Promise<unknown> =>
    core.reentry.call(async () =>
      notifier.publish(events, { signal: controller.signal, view: viewsFor(core) }),
    );
  let settled = Promise.resolve();
  const took = () => ({ durationMs: monotonicNow(core.clock) - startedAt, settled });
  try {
    const answers = await observed(core, name, events, () => {
      const calling = call();
      settled = calling.then(nothing, nothing);
      return Promise.race([calling, ended.then(() => raise(late(timeoutMs)))]);
    });
    return {
      results: events.map((_, index) => known(answers, index)),
      answered: true,
      late: false,
      ...took(),
    };
  } catch (error) {
    const reason = error instanceof LateError ? error.message : thrownReason(error);
    return all(events, { status: "retry", reason }, { late: error instanceof LateError, ...took() });
  } finally {
    cancelTimer();
    stops.off(stop);
  }
}

function all(
  events: readonly ServerEvent[],
  result: PublishResult,
  rest: Omit<Published, "results" | "answered">,
): Published {
  return { results: events.map(() => result), answered: false, ...rest };
}

class LateError extends Error {
  override readonly name = "LateError";
}

function late(timeoutMs: number): LateError {
  return new LateError(`no answer within ${String(timeoutMs)} ms`);
}

function raise(error: Error): never {
  throw error;
}

function nothing(): void {
  // Who waits for the end of a call does not ask how it ended.
}

/** For telemetry a publish has failed also where the notifier said so in its answers. */
async function observed(
  core: Core,
  name: string,
  events: readonly ServerEvent[],
  publish: () => Promise<unknown>,
): Promise<unknown> {
  let answers: unknown;
  const items = events.length;
  const call = { port: "notifier", operation: `publish ${name}`, items } as const;
  try {
    const publishing = async (): Promise<void> => {
      answers = await publish();
      for (let index = 0; index < items; index += 1) {
        const result = known(answers, index);
        if (result.status !== "delivered") throw new NotDelivered(result.reason);
      }
    };
    await observe(core.telemetry, call, publishing, commonTrace(events));
  } catch (error) {
    if (!(error instanceof NotDelivered)) throw error;
  }
  return answers;
}

/** A batch of several traces is of none. */
function commonTrace([first, ...others]: readonly ServerEvent[]): Trace | null {
  const trace = first?.trace ?? null;
  const isSame = (event: ServerEvent): boolean =>
    event.trace?.traceparent === trace?.traceparent && event.trace?.tracestate === trace?.tracestate;
  return others.every(isSame) ? trace : null;
}

class NotDelivered extends Error {
  override readonly name = "NotDelivered";
}

function ending(): { readonly promise: Promise<undefined>; readonly end: () => void } {
  let end = (): void => undefined;
  const promise = new Promise<undefined>((resolve) => {
    end = () => {
      resolve(undefined);
    };
  });
  return { promise, end };
}

/** The answer for one event. Notifiers are the application's code, and not all of it is typed. */
function known(answers: unknown, index: number): PublishResult {
  const answer: unknown = Array.isArray(answers) ? answers[index] : undefined;
  if (typeof answer !== "object" || answer === null) return UNANSWERED;
  const { status, afterMs, reason } = answer as Readonly<Record<string, unknown>>;
  const wait = nearestDurationMs(afterMs);
  switch (status) {
    case "delivered":
      return { status };
    case "rejected":
      return { status, reason: cleanReason(reason, "rejected by the notifier") };
    case "held":
      // Without a wait it would be asked again at once, and for ever.
      return {
        status,
        reason: cleanReason(reason, "held by the notifier"),
        afterMs: Math.max(SHORTEST_HELD_MS, wait ?? HELD_MS),
      };
    case "retry": {
      const why = cleanReason(reason, "asked for by the notifier");
      return wait === null ? { status, reason: why } : { status, reason: why, afterMs: wait };
    }
    default:
      return UNANSWERED;
  }
}

/** Where a notifier holds an event and does not say how long. */
const HELD_MS = 60_000;
/** However soon it says: a `Retry-After` of 0, or an instant that is past by this clock. */
const SHORTEST_HELD_MS = 1_000;

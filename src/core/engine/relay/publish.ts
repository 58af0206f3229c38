import type { ServerEvent } from "../../event.js";
import type { Notifier, PublishResult } from "../../ports/notifier.js";
import { observe } from "../../telemetry.js";
import type { Core } from "../context.js";
import type { Stops } from "./stop.js";
import { viewsFor } from "./views.js";

/** What receivers of webhooks are used to. */
const DEFAULT_TIMEOUT_MS = 15_000;

const LATE: PublishResult = { status: "retry", reason: "no answer in time" };
const THREW: PublishResult = { status: "retry", reason: "the notifier threw" };
const UNANSWERED: PublishResult = { status: "retry", reason: "the notifier gave no answer for it" };

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
  stops: Stops,
): Promise<readonly PublishResult[]> {
  if (stops.stopped) return events.map(() => LATE);
  const controller = new AbortController();
  const { promise: ended, end } = ending();
  const stop = (): void => {
    controller.abort(new Error("The publish took too long."));
    end();
  };
  const cancelTimer = core.clock.timer(notifier.timeoutMs ?? DEFAULT_TIMEOUT_MS, stop);
  const forget = stops.onStop(stop);
  try {
    const published = observe(
      core.telemetry,
      { port: "notifier", operation: `publish ${name}`, items: events.length },
      async () => notifier.publish(events, { signal: controller.signal, view: viewsFor(core) }),
    );
    const answers = await Promise.race([published, ended]);
    if (answers === undefined) return events.map(() => LATE);
    return events.map((_, index) => known(answers, index));
  } catch {
    return events.map(() => THREW);
  } finally {
    cancelTimer();
    forget();
  }
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
  const { status, afterMs } = answer as { readonly status?: unknown; readonly afterMs?: unknown };
  if (status === "delivered") return { status };
  if (status === "rejected") return { status, reason: "rejected by the notifier" };
  if (status !== "retry") return UNANSWERED;
  const wait = typeof afterMs === "number" && Number.isFinite(afterMs) ? { afterMs } : {};
  return { status, reason: "asked for by the notifier", ...wait };
}

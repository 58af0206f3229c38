import type { ServerEvent } from "../../core/job/event.js";
import type { PublishResult } from "../../core/ports/notifier.js";
import { held, retry, type Failure } from "./failure.js";

/** What came of a round. */
export interface RoundAnswer {
  /** One per event, in order; `undefined`: it was not tried. */
  readonly results: readonly (PublishResult | undefined)[];
  /** The endpoint itself failed: what is left need not be tried by this call. */
  readonly stop: Failure | null;
}

/**
 * Publishes events in rounds of at most one event a job. Within one request AppSync may accept the second of two events and
 * fail the first, so two of one job never share one: a later event is sent when the earlier one has been accepted.
 */
export async function inRounds(
  events: readonly ServerEvent[],
  send: (round: readonly ServerEvent[]) => Promise<RoundAnswer>,
): Promise<readonly PublishResult[]> {
  const results = new Map<ServerEvent, PublishResult>();
  const blocked = new Map<string, Failure>();
  let stop: Failure | null = null;
  while (stop === null) {
    const round = nextRound(events.filter((event) => !results.has(event) && !blocked.has(event.jobId)));
    if (round.length === 0) break;
    const answer = await send(round);
    for (const [place, event] of round.entries()) {
      const result = answer.results[place] ?? behind(answer.stop);
      results.set(event, result);
      if (result.status === "retry" || result.status === "held") blocked.set(event.jobId, result);
    }
    stop = answer.stop;
  }
  return events.map((event) => results.get(event) ?? behind(blocked.get(event.jobId) ?? stop));
}

/** The first event of each job. */
function nextRound(events: readonly ServerEvent[]): readonly ServerEvent[] {
  const first = new Map<string, ServerEvent>();
  for (const event of events) if (!first.has(event.jobId)) first.set(event.jobId, event);
  return [...first.values()];
}

/** What was not tried for what happened before it: it waits as that does. */
function behind(failure: Failure | null): Failure {
  const reason = "what comes before it was not delivered";
  return failure?.status === "held" ? held(reason, failure.afterMs) : retry(reason);
}

/** Cuts items into runs of at most so many, and so many bytes. One that is larger than that alone is a run of its own. */
export function inRuns<T>(
  items: readonly T[],
  {
    most,
    mostBytes,
    bytesOf,
  }: { readonly most: number; readonly mostBytes: number; readonly bytesOf: (item: T) => number },
): readonly (readonly T[])[] {
  const runs: T[][] = [];
  let run: T[] = [];
  let bytes = 0;
  for (const item of items) {
    const more = bytesOf(item);
    if (run.length === most || (run.length > 0 && bytes + more > mostBytes)) [run, bytes] = [[], 0];
    if (run.length === 0) runs.push(run);
    run.push(item);
    bytes += more;
  }
  return runs;
}

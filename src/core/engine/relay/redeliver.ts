import { cursorOf } from "../../decide/change/cursors.js";
import { advance, redeliver as decideRedeliver } from "../../decide/deliver.js";
import { StoreUnavailableError, WaybillError } from "../../errors/errors.js";
import { type HistoryEntry, historyOf } from "../../job/history.js";
import { parseJsonText } from "../../json/json-text.js";
import type { Notifier } from "../../ports/notifier.js";
import type { StoredJob } from "../../ports/store.js";
import { err, ok, type Result } from "../../errors/result.js";
import { eventsOf } from "../announce/events.js";
import { isId } from "../compose/option-checks.js";
import type { Core } from "../context.js";
import { Lanes } from "./lanes/lanes.js";
import { publishSafely } from "./publish.js";
import type { OneShot } from "../one-shot.js";

export interface Redelivery {
  readonly jobId: string;
  readonly notifier: string;
  /** @default all that are listed */
  readonly versions?: readonly number[] | undefined;
}

/** The versions that were delivered now, and are listed no more. */
export interface Redelivered {
  readonly versions: readonly number[];
}

export type RedeliverRefusal = WaybillError<"job.not_found" | "notifier.unknown">;

const DEFAULT_BATCH = 20;
/** Relays that move the same cursor at the same time are few. */
const MOST_NOTES = 5;

/**
 * Publishes again what a notifier gave up, in order, and takes off the list what was delivered. What fails stays listed; an
 * entry that was trimmed meanwhile can be published no more and stays listed too.
 *
 * @param stops - lets go of the publish that is under way: what is not answered by then stays listed
 * @throws StoreUnavailableError `outcome: "unknown"`: it was delivered and may still be listed
 */
export async function redeliver(
  core: Core,
  { jobId, notifier: name, versions }: Redelivery,
  stops: OneShot,
): Promise<Result<Redelivered, RedeliverRefusal>> {
  const notifier = core.notifiers.get(name);
  if (notifier === undefined) {
    return err(new WaybillError("notifier.unknown", "This process has no notifier of the given name."));
  }
  const stored = isId(jobId) ? await core.gateway.read(jobId, { input: true }) : null;
  if (stored === null) return err(new WaybillError("job.not_found", "There is no job with this id."));
  const { exhausted } = cursorOf(stored.cursors, name);
  const wanted = historyOf(stored.record).filter(
    ({ version }) => exhausted.includes(version) && (versions?.includes(version) ?? true),
  );
  const delivered = await publishAll({ core, name, notifier, stops }, stored, wanted);
  if (delivered.length > 0) await note(core, jobId, name, delivered);
  return ok({ versions: delivered });
}

/** Where to, and for how long. */
interface Receiver {
  readonly core: Core;
  readonly name: string;
  readonly notifier: Notifier;
  readonly stops: OneShot;
}

/** Ends at the first batch that has to wait: what is behind it must not overtake it. */
async function publishAll(
  { core, name, notifier, stops }: Receiver,
  { record, input }: StoredJob,
  entries: readonly HistoryEntry[],
): Promise<readonly number[]> {
  const definition = core.definitions.get(record.kind);
  const events = eventsOf(
    definition,
    record,
    entries,
    input === undefined ? undefined : parseJsonText(input),
  );
  const size = Math.max(1, notifier.maxBatch ?? DEFAULT_BATCH);
  const lanes = new Lanes(notifier);
  const delivered: number[] = [];
  for (let start = 0; start < events.length;) {
    const [first, ...others] = events.slice(start, start + size);
    if (first === undefined) break;
    const lane = lanes.keyOf(first);
    const end = others.findIndex((event) => lanes.keyOf(event) !== lane);
    const batch = [first, ...(end === -1 ? others : others.slice(0, end))];
    start += batch.length;
    const { results, durationMs } = await publishSafely(core, name, notifier, batch, stops);
    for (const [index, result] of results.entries()) {
      const event = batch[index];
      if (event === undefined) continue;
      if (result.status === "delivered") delivered.push(event.version);
      core.tellPublish({
        notifier: name,
        lane,
        eventId: event.id,
        jobId: event.jobId,
        attempt: 1,
        outcome: result.status,
        reason: result.status === "delivered" ? null : result.reason,
        durationMs,
      });
    }
    if (results.some(({ status }) => status === "retry" || status === "held")) break;
  }
  return delivered;
}

async function note(core: Core, jobId: string, name: string, versions: readonly number[]): Promise<void> {
  for (let notes = 0; notes < MOST_NOTES; notes += 1) {
    const stored = await core.gateway.read(jobId);
    if (stored === null) return;
    const moved = { [name]: decideRedeliver(cursorOf(stored.cursors, name), versions) };
    const at = { now: core.time.now(), policy: core.policy };
    const result = await core.gateway.advance(advance(stored, moved, at));
    if (result.status === "gone") return;
    const { exhausted } = cursorOf(result.cursors, name);
    if (!exhausted.some((version) => versions.includes(version))) return;
  }
  throw new StoreUnavailableError("What was delivered could not be taken off the list.", {
    outcome: "unknown",
    jobId,
  });
}

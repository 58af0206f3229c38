import { deadLetter } from "../../decide/dispatch.js";
import { isWaybillError } from "../../errors.js";
import { sha256Hex } from "../../hash.js";
import { parseMessage, type PointerMessage } from "../../message.js";
import type { Delivery } from "../../ports/queue.js";
import { count } from "../../telemetry.js";
import { applyCommand } from "../store/apply.js";
import { codeOf, type Core } from "../context.js";
import type { Dispatcher } from "../submit/dispatch.js";

/** How long to go on. */
export interface DrainBudget {
  /** Milliseconds left. */
  left(): number;
  readonly signal: AbortSignal;
}

/** What became of the dead letters of a queue. */
export interface DrainReport {
  readonly received: number;
  /** Jobs handed over again. */
  readonly recalled: number;
  /** Jobs that are FAILED(`dead_lettered`) now. */
  readonly failed: number;
  readonly parked: number;
}

const BATCH = 10;
/** Of a parked body, as the store takes it. */
const MOST_PARKED_BYTES = 64 * 1024;
const NEWER_FORMAT_MS = 60_000;
const NOTHING: DrainReport = { received: 0, recalled: 0, failed: 0, parked: 0 };

type Fate = "recalled" | "failed" | "parked" | "dropped" | "left";

/**
 * Reads the dead letters of a queue until there are none. A letter whose dispatch is still the job's, and whose job nobody
 * runs, recalls or fails the job; any other is dropped. A letter is acknowledged only after that write, or the decision to
 * drop it; whatever goes wrong before leaves it where it is.
 *
 * @throws StoreUnavailableError when the store, and WaybillError `queue.unavailable` when the queue cannot be reached
 */
export async function drainDeadLetters(
  core: Core,
  dispatcher: Dispatcher,
  queueName: string,
  budget: DrainBudget,
): Promise<DrainReport> {
  const letters = core.queues.get(queueName)?.deadLetters;
  if (letters === undefined) return NOTHING;
  const fates: Fate[] = [];
  while (budget.left() > 0 && !budget.signal.aborted) {
    const deliveries = await letters.receive({ max: BATCH, waitMs: 0, signal: budget.signal });
    if (deliveries.length === 0) break;
    const settled = await Promise.allSettled(
      deliveries.map((each) => judge(core, dispatcher, queueName, each)),
    );
    for (const result of settled) {
      if (result.status === "rejected") throw result.reason;
      fates.push(result.value);
    }
    // What is left comes back at once where the queue does not hide it: that is no reason to go round and round.
    if (fates.slice(-deliveries.length).every((fate) => fate === "left")) break;
  }
  const times = (fate: Fate): number => fates.filter((each) => each === fate).length;
  return {
    received: fates.length,
    recalled: times("recalled"),
    failed: times("failed"),
    parked: times("parked"),
  };
}

/** Rejects only where the store cannot be reached: one letter that is trouble does not keep the others. */
async function judge(core: Core, dispatcher: Dispatcher, queueName: string, letter: Delivery): Promise<Fate> {
  try {
    return await fateOf(core, dispatcher, queueName, letter);
  } catch (error) {
    if (isWaybillError(error, "store.unavailable")) throw error;
    core.logger.error("a dead letter could not be judged", { queue: queueName, error: codeOf(error) });
    return "left";
  }
}

async function fateOf(
  core: Core,
  dispatcher: Dispatcher,
  queueName: string,
  letter: Delivery,
): Promise<Fate> {
  const parsed = parseMessage(letter.body);
  if (parsed.status === "newer") return leave(core, letter, NEWER_FORMAT_MS);
  if (parsed.status === "unparsable") return park(core, queueName, letter, parsed.reason);
  // The reconciler finds by itself what a wake-up would have told it.
  const fate = parsed.message.purpose === "wake" ? "dropped" : await decide(core, dispatcher, parsed.message);
  if (fate === "unknown_job") return unknownJob(core, queueName, letter);
  await acknowledge(core, letter);
  return fate;
}

async function decide(
  core: Core,
  dispatcher: Dispatcher,
  { id, dispatch }: PointerMessage,
): Promise<"recalled" | "failed" | "dropped" | "unknown_job"> {
  const stored = await core.gateway.read(id);
  if (stored === null) return "unknown_job";
  const applied = await applyCommand(core, stored, (snapshot, context) =>
    deadLetter(snapshot, dispatch, context),
  );
  if (applied.status === "gone") return "unknown_job";
  if (applied.status !== "applied") return "dropped";
  if (applied.snapshot.record.status !== "PENDING") return "failed";
  // The recall is stored, so the letter is spent: what this cannot send the reconciler sends.
  await dispatcher.send(applied.snapshot);
  return "recalled";
}

/** A message may overtake its record by a transaction that is not committed yet. */
async function unknownJob(core: Core, queueName: string, letter: Delivery): Promise<Fate> {
  const { parkAfterMs } = core.policy;
  const ageMs = letter.sentAt === null ? parkAfterMs : core.clock.now() - letter.sentAt;
  if (ageMs >= parkAfterMs) return park(core, queueName, letter, "there is no job of this id");
  return leave(core, letter, parkAfterMs - ageMs);
}

async function leave(core: Core, letter: Delivery, afterMs: number): Promise<Fate> {
  await letter.release(afterMs).catch((error: unknown) => {
    core.logger.debug("a dead letter could not be given back", { error: codeOf(error) });
  });
  return "left";
}

/** A letter that could not be removed comes again, and is dropped then. */
async function acknowledge(core: Core, letter: Delivery): Promise<void> {
  await letter.ack().catch((error: unknown) => {
    core.logger.debug("a dead letter could not be acknowledged", { error: codeOf(error) });
  });
}

async function park(core: Core, queue: string, letter: Delivery, reason: string): Promise<Fate> {
  const message = {
    // Parking twice is parking once, for a worker of the queue too: both make the id in one way.
    id: sha256Hex(`${queue}\n${letter.body}`),
    queue,
    body: storable(letter.body),
    reason,
    at: core.time.now(),
  };
  await core.gateway.call("park", (store, request) => store.park({ ...request, messages: [message] }));
  count(core.telemetry, "message_parked");
  await acknowledge(core, letter);
  return "parked";
}

/** As every store can hold it: well-formed, without NUL, cut where it is too long. */
function storable(body: string): string {
  const bytes = new TextEncoder().encode(body.replaceAll("\0", "\uFFFD"));
  if (bytes.length <= MOST_PARKED_BYTES) return new TextDecoder().decode(bytes);
  // A character that was cut in half becomes one of three bytes.
  return new TextDecoder().decode(bytes.subarray(0, MOST_PARKED_BYTES - 3));
}

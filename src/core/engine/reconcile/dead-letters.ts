import { deadLetter } from "../../decide/dispatch.js";
import { isWaybillError } from "../../errors/errors.js";
import { parseMessage, type PointerMessage } from "../../job/message.js";
import { codeOf, type Core } from "../context.js";
import { applyCommand } from "../store/apply.js";
import type { Dispatcher } from "../submit/dispatch.js";
import { receiveInTime } from "../worker/messages/receive.js";
import { ReceivedMessage } from "../worker/messages/received-message.js";
import { judgeUnknown, park } from "./parking.js";

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

/** Most letters of one receive. */
const BATCH = 10;
const NEWER_FORMAT_MS = 60_000;
/** After doubt: time for the store to come back. */
const DOUBT_MS = 15_000;
const NOTHING: DrainReport = { received: 0, recalled: 0, failed: 0, parked: 0 };

type Fate = "recalled" | "failed" | "parked" | "dropped" | "left";

/**
 * Reads the dead letters of a queue until there are none. A letter whose dispatch is still the job's, and whose job nobody
 * runs, recalls or fails the job; any other is dropped. A letter is acknowledged only after that write, or the decision to
 * drop it; whatever goes wrong before gives it back.
 *
 * @throws StoreUnavailableError when the store, and WaybillError `queue.unavailable` when the queue cannot be reached
 */
export async function drainDeadLetters(
  core: Core,
  dispatcher: Dispatcher,
  queueName: string,
  budget: DrainBudget,
): Promise<DrainReport> {
  const queue = core.queues.get(queueName);
  const letters = queue?.deadLetters;
  if (queue === undefined || letters === undefined) return NOTHING;
  const max = Math.min(BATCH, queue.capabilities.maxBatch);
  const fates: Fate[] = [];
  while (budget.left() > 0 && !budget.signal.aborted) {
    const request = { max, waitMs: 0, signal: budget.signal };
    const deliveries = await receiveInTime(core, `receive dead letters of ${queueName}`, letters, request);
    if (deliveries.length === 0) break;
    const settled = await Promise.allSettled(
      deliveries.map((each) =>
        judgeLetter(core, dispatcher, new ReceivedMessage(core, queueName, queue, each)),
      ),
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

/**
 * Does what one dead letter asks for, then acknowledges it, or gives it back where that cannot be done. Rejects only where the
 * store cannot be reached: one letter that is trouble does not keep the others.
 */
export async function judgeLetter(
  core: Core,
  dispatcher: Dispatcher,
  letter: ReceivedMessage,
): Promise<Fate> {
  try {
    return await fateOf(core, dispatcher, letter);
  } catch (error) {
    const code = codeOf(error);
    const isAway = isWaybillError(error, "store.unavailable");
    if (!isAway) core.logger.error("a dead letter could not be judged", { queue: letter.name, error: code });
    // A broker that hides it from others while we are connected would hide it for as long as this process lives.
    await letter.release(DOUBT_MS, `it could not be judged (${code})`);
    if (isAway) throw error;
    return "left";
  }
}

async function fateOf(core: Core, dispatcher: Dispatcher, letter: ReceivedMessage): Promise<Fate> {
  const parsed = parseMessage(letter.delivery.body);
  if (parsed.status === "newer") {
    await letter.release(NEWER_FORMAT_MS, "its format is newer");
    return "left";
  }
  if (parsed.status === "unparsable") {
    await park(core, letter, parsed.reason, "dead_letters");
    return "parked";
  }
  // The reconciler finds by itself what a wake-up would have told it.
  const fate = parsed.message.purpose === "wake" ? "dropped" : await decide(core, dispatcher, parsed.message);
  if (fate === "unknown_job") {
    return (await judgeUnknown(core, letter, "dead_letters")) ? "parked" : "left";
  }
  // One that could not be removed comes again, and is dropped then.
  await letter.ack();
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

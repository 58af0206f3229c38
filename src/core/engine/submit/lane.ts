import { inTime, monotonicNow } from "../../environment/clock.js";
import { sha256Hex } from "../../json/hash.js";
import { MOST_QUEUE_ID_CHARS, type OutgoingMessage, type Queue, type SendResult } from "../../ports/queue.js";
import { neutralContext } from "../../environment/neutral-context.js";
import { observe } from "../../environment/telemetry.js";
import { codeOf, type Core } from "../context.js";
import { createBatcher } from "../store/batcher.js";

/** How long a call may take before its place is given to the next; an answer that comes later still counts. */
const CALL_PATIENCE_MS = 10_000;
const DEFAULT_LANES = 2;
/** Messages in line, about a kilobyte each: beyond it the record's wake-up is the line. */
const MOST_IN_LINE = 50_000;
/** How long an answer about the backlog holds. */
const BACKLOG_HOLDS_MS = 60_000;

/** A queue with the line of messages in front of it. */
export interface Lane {
  readonly maxDelayMs: number;
  readonly redispatchAfterMs: number;
  /**
   * What became of a message, once its call has answered or taken too long. A message that is in line already is not put in
   * line again: both callers get the one answer. Never rejects.
   *
   * @param confirmedLate - called when a call that took too long confirms the message after all
   */
  send(message: OutgoingMessage, confirmedLate: () => void): Promise<SendResult>;
  /** Whether a message of this deduplication id waits here, or is under way. */
  isInLine(dedupId: string): boolean;
  /** Whether the queue says that messages wait in it. `false` too where it cannot say. Never rejects. */
  hasBacklog(): Promise<boolean>;
}

interface InLine {
  readonly message: OutgoingMessage;
  readonly confirmedLate: () => void;
}

export function createLane(core: Core, name: string, queue: Queue): Lane {
  const { maxBatch, maxDelayMs, sendLanes, redispatchAfterMs } = queue.capabilities;
  const inLine = new Map<string, Promise<SendResult>>();
  const neutral = neutralContext();
  const batcher = createBatcher<InLine, SendResult>({
    clock: core.clock,
    maxBatch,
    lanes: sendLanes ?? DEFAULT_LANES,
    keyOf: ({ message }) => message.dedupId,
    run: (items) => neutral(() => call(core, name, queue, items)),
  });
  return {
    maxDelayMs,
    redispatchAfterMs: redispatchAfterMs ?? core.policy.redispatchAfterMs,
    send(given, confirmedLate) {
      const message = bounded(given);
      const known = inLine.get(message.dedupId);
      if (known !== undefined) return known;
      if (inLine.size >= MOST_IN_LINE) return Promise.resolve(LINE_FULL);
      const result = batcher
        .add({ message, confirmedLate })
        .catch(unknownOf)
        .finally(() => {
          inLine.delete(message.dedupId);
        });
      inLine.set(message.dedupId, result);
      return result;
    },
    isInLine: (dedupId) => inLine.has(boundedId(dedupId)),
    hasBacklog: backlogOf(core, name, queue),
  };
}

const LATE: SendResult = { status: "unknown", reason: "the queue did not answer in time" };
const LINE_FULL: SendResult = { status: "unknown", reason: "too many messages wait for the queue" };

/** One call. Patience counts from here: what waits in line is in nobody's hands yet. */
async function call(
  core: Core,
  name: string,
  queue: Queue,
  items: readonly InLine[],
): Promise<readonly SendResult[]> {
  const answer = observe(
    core.telemetry,
    { port: "queue", operation: `send ${name}`, items: items.length },
    () => queue.send(items.map(({ message }) => message)),
  );
  const inPatience = await inTime<readonly SendResult[] | null>(core.clock, CALL_PATIENCE_MS, answer, null);
  if (inPatience !== null) return inPatience;
  void answer.then(
    (results) => {
      for (const [index, item] of items.entries())
        if (results[index]?.status === "sent") item.confirmedLate();
    },
    () => undefined,
  );
  return items.map(() => LATE);
}

/** The text of a foreign error may hold what belongs in no log. */
function unknownOf(error: unknown): SendResult {
  return { status: "unknown", reason: `the queue failed (${codeOf(error)})` };
}

/** Ids as every queue takes them. */
function bounded(message: OutgoingMessage): OutgoingMessage {
  const { dedupId, groupId } = message;
  if (dedupId.length <= MOST_QUEUE_ID_CHARS && groupId.length <= MOST_QUEUE_ID_CHARS) return message;
  return { ...message, dedupId: boundedId(dedupId), groupId: boundedId(groupId) };
}

function boundedId(id: string): string {
  return id.length <= MOST_QUEUE_ID_CHARS ? id : sha256Hex(id);
}

/** Asks at most once a minute, however many dispatches are due. */
function backlogOf(core: Core, name: string, queue: Queue): () => Promise<boolean> {
  let askedAt = Number.NEGATIVE_INFINITY;
  let last: Promise<boolean> = Promise.resolve(false);
  const ask = async (): Promise<boolean> => {
    if (queue.backlog === undefined) return false;
    try {
      const waiting = await inTime(core.clock, CALL_PATIENCE_MS, queue.backlog(), null);
      return waiting !== null && waiting > 0;
    } catch (error) {
      core.logger.debug("a queue could not be asked for its backlog", { queue: name, code: codeOf(error) });
      return false;
    }
  };
  return () => {
    const now = monotonicNow(core.clock);
    if (now - askedAt >= BACKLOG_HOLDS_MS) {
      askedAt = now;
      last = ask();
    }
    return last;
  };
}

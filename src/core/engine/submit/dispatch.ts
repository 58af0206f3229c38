import { inTime } from "../../clock.js";
import { markSent, rejectSend } from "../../decide/dispatch.js";
import { encodeMessage } from "../../message.js";
import type { OutgoingMessage, Queue, SendResult } from "../../ports/queue.js";
import type { JobRecord, Snapshot } from "../../record.js";
import { observe } from "../../telemetry.js";
import { applyCommand } from "../store/apply.js";
import { createBatcher } from "../store/batcher.js";
import { codeOf, type Core } from "../context.js";

/** A mark that is lost costs a second message, so nobody waits long for it. */
const MARK_PATIENCE_MS = 1_000;
/** Nobody waits longer for a queue: the record is safe, and the reconciler sends again soon after. */
const SEND_PATIENCE_MS = 10_000;

/**
 * What is known of a hand-over. `confirmed`: the queue has it and the record says so. `unconfirmed`: in doubt, the
 * reconciler sends again. `deferred`: not this process's to send, or not yet. `rejected`: the job is FAILED.
 */
export type DispatchState = "confirmed" | "unconfirmed" | "deferred" | "rejected";

export interface Dispatched {
  readonly state: DispatchState;
  readonly snapshot: Snapshot;
}

/** Sends the current dispatch of a job. Nothing is rolled back on doubt: a copy too many is absorbed by the claim. */
export interface Dispatcher {
  /** Never rejects: what goes wrong leaves the dispatch unconfirmed, and the reconciler sends it again. */
  send(snapshot: Snapshot): Promise<Dispatched>;
  /** A delayed pointer that asks for a look at a record, where its queue can delay that long. Best effort, never rejects. */
  wake(record: JobRecord, afterMs: number): Promise<void>;
}

/** A queue with the line in front of it. */
interface Lane {
  readonly maxDelayMs: number;
  /** What became of a message. Never rejects, and always answers in time. */
  send(jobId: string, message: OutgoingMessage): Promise<SendResult>;
}

export function createDispatcher(core: Core): Dispatcher {
  const lanes = new Map([...core.queues].map(([name, queue]) => [name, laneOf(core, name, queue)]));
  const lane = ({ queue }: JobRecord): Lane | undefined => (queue === null ? undefined : lanes.get(queue));

  return {
    async send(snapshot) {
      const { record } = snapshot;
      const to = lane(record);
      const dueAt = record.status === "PENDING" ? record.sendAt : null;
      const delayMs = dueAt === null ? 0 : Math.max(0, dueAt - core.time.now());
      if (to === undefined || delayMs > to.maxDelayMs) return { state: "deferred", snapshot };
      const result = await to.send(record.id, runMessage(record, delayMs));
      try {
        return await settle(core, snapshot, result);
      } catch (error) {
        warn(core, record.id, { code: codeOf(error) });
        return { state: "unconfirmed", snapshot };
      }
    },
    async wake(record, afterMs) {
      const to = lane(record);
      if (to === undefined || afterMs > to.maxDelayMs) return;
      const { id, kind, dispatch, version, trace } = record;
      await to.send(id, {
        body: encodeMessage({ id, kind, dispatch, purpose: "wake", trace }),
        delayMs: Math.max(0, afterMs),
        dedupId: `${id}:wake:${String(version)}`,
        groupId: record.subject ?? id,
      });
    },
  };
}

function laneOf(core: Core, name: string, queue: Queue): Lane {
  const late: SendResult = { status: "unknown", reason: "the queue did not answer in time" };
  const batcher = createBatcher<OutgoingMessage, SendResult>({
    clock: core.clock,
    maxBatch: queue.capabilities.maxBatch,
    lanes: 2,
    keyOf: (message) => message.dedupId,
    run: (messages) => {
      const call = observe(
        core.telemetry,
        { port: "queue", operation: `send ${name}`, items: messages.length },
        () => queue.send(messages),
      );
      // A call that never ends must not keep the others waiting for ever.
      return inTime<readonly SendResult[]>(
        core.clock,
        SEND_PATIENCE_MS,
        call,
        messages.map(() => late),
      );
    },
  });
  return {
    maxDelayMs: queue.capabilities.maxDelayMs,
    async send(jobId, message) {
      const result = await inTime(core.clock, SEND_PATIENCE_MS, batcher.add(message).catch(unknownOf), late);
      if (result.status === "unknown") warn(core, jobId, { queue: name, reason: result.reason });
      return result;
    },
  };
}

/** The text of a foreign error may hold what belongs in no log. */
function unknownOf(error: unknown): SendResult {
  return { status: "unknown", reason: `the queue failed (${codeOf(error)})` };
}

function warn(core: Core, jobId: string, fields: Readonly<Record<string, unknown>>): void {
  core.logger.warn("a dispatch is unconfirmed; the reconciler will send it again", { jobId, ...fields });
}

function runMessage(record: JobRecord, delayMs: number): OutgoingMessage {
  const { id, kind, dispatch, send, trace } = record;
  return {
    body: encodeMessage({ id, kind, dispatch, purpose: "run", trace }),
    delayMs,
    dedupId: `${id}:${String(dispatch)}:${String(send)}`,
    groupId: record.subject ?? id,
  };
}

async function settle(core: Core, snapshot: Snapshot, result: SendResult): Promise<Dispatched> {
  const { dispatch, status } = snapshot.record;
  if (result.status === "unknown") return { state: "unconfirmed", snapshot };
  // Sent again on doubt: the record is QUEUED already.
  if (status !== "PENDING")
    return { state: result.status === "sent" ? "confirmed" : "unconfirmed", snapshot };
  const applied =
    result.status === "sent"
      ? await applyCommand(core, snapshot, (seen, context) => markSent(seen, dispatch, context), {
          patienceMs: MARK_PATIENCE_MS,
        })
      : await applyCommand(core, snapshot, (seen, context) =>
          rejectSend(seen, dispatch, result.reason, context),
        );
  if (applied.status === "gone") return { state: "unconfirmed", snapshot };
  if (applied.status === "applied") {
    return { state: result.status === "sent" ? "confirmed" : "rejected", snapshot: applied.snapshot };
  }
  // Refused: somebody received a copy first, which confirms it, or the dispatch was overtaken by another. Both are normal.
  const { record } = applied.snapshot;
  return { state: record.status === "PENDING" ? "unconfirmed" : "confirmed", snapshot: applied.snapshot };
}

import { inTime } from "../../environment/clock.js";
import { markSent, rejectSend } from "../../decide/dispatch.js";
import { encodeMessage } from "../../job/message.js";
import type { OutgoingMessage, SendResult } from "../../ports/queue.js";
import type { JobRecord, Snapshot } from "../../job/record.js";
import { codeOf, type Core } from "../context.js";
import { applyCommand } from "../store/apply.js";
import { createLane, type Lane } from "./lane.js";

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
  /**
   * Sends a successor of a received message, so that the original may go without a receive being used up.
   *
   * @returns whether the queue confirmed it. Never rejects.
   */
  resend(message: OutgoingMessage & { readonly queue: string }): Promise<boolean>;
  /** Whether the current dispatch of a job waits here to be sent, or is under way: what comes of it marks the job. */
  isSending(record: JobRecord): boolean;
  /** Whether messages wait in a queue; `false` where it cannot say. Never rejects. */
  hasBacklog(queue: string): Promise<boolean>;
  /** The age at which an unclaimed dispatch of a queue is sent again. */
  redispatchAfterMs(queue: string | null): number;
}

export function createDispatcher(core: Core): Dispatcher {
  const lanes = new Map([...core.queues].map(([name, queue]) => [name, createLane(core, name, queue)]));
  const laneTo = (queue: string | null): Lane | undefined => (queue === null ? undefined : lanes.get(queue));

  return {
    async send(snapshot) {
      const { record } = snapshot;
      const lane = laneTo(record.queue);
      const dueAt = record.status === "PENDING" ? record.sendAt : null;
      const delayMs = dueAt === null ? 0 : Math.max(0, dueAt - core.time.now());
      if (lane === undefined || delayMs > lane.maxDelayMs) return { state: "deferred", snapshot };
      // Nobody waits longer, but the message stays in line, and its confirmation still marks the job.
      const handed = await inTime<Dispatched | null>(
        core.clock,
        SEND_PATIENCE_MS,
        handOver(core, lane, snapshot, delayMs),
        null,
      );
      return handed ?? inDoubt(core, snapshot);
    },
    async wake(record, afterMs) {
      const lane = laneTo(record.queue);
      if (lane === undefined || afterMs > lane.maxDelayMs) return;
      const { id, kind, dispatch, version, trace } = record;
      const message: OutgoingMessage = {
        body: encodeMessage({ id, kind, dispatch, purpose: "wake", trace }),
        delayMs: Math.max(0, afterMs),
        dedupId: `${id}:wake:${String(version)}`,
        groupId: record.subject ?? id,
      };
      const result = await lane.send(message, () => undefined);
      if (result.status === "unknown") {
        core.logger.debug("a wake-up message is unconfirmed; a reconciler looks in its place", {
          jobId: id,
          reason: result.reason,
        });
      }
    },
    async resend({ body, queue, groupId, dedupId, delayMs }) {
      const lane = laneTo(queue);
      if (lane === undefined) return false;
      const message = { body, groupId, dedupId, delayMs: Math.min(delayMs, lane.maxDelayMs) };
      return (await lane.send(message, () => undefined)).status === "sent";
    },
    isSending: (record) => laneTo(record.queue)?.isInLine(dedupIdOf(record)) ?? false,
    hasBacklog: async (queue) => (await laneTo(queue)?.hasBacklog()) ?? false,
    redispatchAfterMs: (queue) => laneTo(queue)?.redispatchAfterMs ?? core.policy.redispatchAfterMs,
  };
}

/** Sends the dispatch and marks the job with what became of it. Never rejects. */
async function handOver(core: Core, lane: Lane, snapshot: Snapshot, delayMs: number): Promise<Dispatched> {
  const settled = async (result: SendResult): Promise<Dispatched> => {
    try {
      return await settle(core, lane, snapshot, result);
    } catch (error) {
      warn(core, snapshot.record.id, { code: codeOf(error) });
      return { state: "unconfirmed", snapshot };
    }
  };
  const result = await lane.send(runMessage(snapshot.record, delayMs), () => {
    void settled({ status: "sent" });
  });
  if (result.status === "unknown") {
    warn(core, snapshot.record.id, { queue: snapshot.record.queue, reason: result.reason });
  }
  return settled(result);
}

function warn(core: Core, jobId: string, fields: Readonly<Record<string, unknown>>): void {
  core.logger.warn("a dispatch is unconfirmed; the reconciler will send it again", { jobId, ...fields });
}

function runMessage(record: JobRecord, delayMs: number): OutgoingMessage {
  const { id, kind, dispatch, trace } = record;
  return {
    body: encodeMessage({ id, kind, dispatch, purpose: "run", trace }),
    delayMs,
    dedupId: dedupIdOf(record),
    groupId: record.subject ?? id,
  };
}

function dedupIdOf({ id, dispatch, send }: JobRecord): string {
  return `${id}:${String(dispatch)}:${String(send)}`;
}

/**
 * What is stored by now of a dispatch in doubt: a copy that got through may have been claimed meanwhile, which confirms it.
 * Never rejects, and waits no longer than for a mark.
 */
async function inDoubt(core: Core, snapshot: Snapshot): Promise<Dispatched> {
  const reading = core.gateway.read(snapshot.record.id).catch(() => null);
  const stored = await inTime(core.clock, MARK_PATIENCE_MS, reading, null);
  if (stored === null) return { state: "unconfirmed", snapshot };
  const { record, cursors } = stored;
  return {
    state: record.status === "PENDING" ? "unconfirmed" : "confirmed",
    snapshot: { record, cursors },
  };
}

async function settle(core: Core, lane: Lane, snapshot: Snapshot, result: SendResult): Promise<Dispatched> {
  const { dispatch, status } = snapshot.record;
  if (result.status === "unknown") return inDoubt(core, snapshot);
  // Sent again on doubt: the record is QUEUED already.
  if (status !== "PENDING")
    return { state: result.status === "sent" ? "confirmed" : "unconfirmed", snapshot };
  const applied =
    result.status === "sent"
      ? await applyCommand(
          core,
          snapshot,
          (seen, context) => markSent(seen, dispatch, context, lane.redispatchAfterMs),
          {
            patienceMs: MARK_PATIENCE_MS,
          },
        )
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

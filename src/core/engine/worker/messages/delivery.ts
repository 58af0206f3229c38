import { codeOf } from "../../context.js";
import { sleep } from "../../../environment/clock.js";
import { acknowledge } from "../../../decide/acknowledge.js";
import { claimTerms } from "../../../decide/claim.js";
import { release as releaseClaim } from "../../../decide/finish.js";
import { isWaybillError } from "../../../errors/errors.js";
import { historyOf } from "../../../job/history.js";
import { parseMessage, type PointerMessage } from "../../../job/message.js";
import type { ClaimResult, StoredJob } from "../../../ports/store.js";
import type { JobRecord, Snapshot } from "../../../job/record.js";
import { count } from "../../../environment/telemetry.js";
import { applyCommand } from "../../store/apply.js";
import { AGAIN } from "../../store/ask-again.js";
import type { WorkerParts } from "../parts.js";
import { type Ending, execute } from "../../run/execution.js";
import { leaseMsOf } from "../../kind-settings.js";
import { judgeUnknown, park } from "../../reconcile/parking.js";
import type { GroupFate } from "./groups.js";
import type { ReceivedMessage } from "./received-message.js";

/** For another process: soon enough that it need not be restarted, seldom enough that receives last. */
const ELSEWHERE_MS = 60_000;
/** After doubt: time for the store to come back and for a claim that may be ours to be seen. */
const DOUBT_MS = 15_000;

/**
 * Handles one delivery to its end. It is acknowledged only with durable proof that nothing is left to do for it: its own
 * outcome is stored, the record is final or beyond this dispatch, or it was parked. On any doubt it is given back.
 */
export async function handleDelivery(parts: WorkerParts, received: ReceivedMessage): Promise<GroupFate> {
  const parsed = parseMessage(received.delivery.body);
  if (parsed.status === "unparsable") {
    await orRelease(parts, received, () => park(parts.core, received, parsed.reason));
  } else if (parsed.status === "newer") await leaveToOthers(parts, received, null);
  else if (parsed.message.purpose === "wake") await look(parts, received, parsed.message.id);
  else await run(parts, received, parsed.message);
  return received.acknowledged ? "acknowledged" : "kept";
}

/** A wake-up that travelled as a message. */
async function look(parts: WorkerParts, received: ReceivedMessage, id: string): Promise<void> {
  await orRelease(parts, received, async () => {
    await parts.reconciler.look(id, parts.settings.handlers, parts.stopping);
    await received.ack();
  });
}

/**
 * What nobody here can serve is for another process. Each receive brings the message nearer to the dead letters, so the last
 * one that is safe sends a successor instead: a process that lacks a handler costs no job its life.
 */
async function leaveToOthers(
  parts: WorkerParts,
  received: ReceivedMessage,
  message: PointerMessage | null,
): Promise<void> {
  const { core, dispatcher } = parts;
  count(core.telemetry, "unserved");
  if (message !== null) core.unserved.note(message.id);
  const { queue, name, delivery } = received;
  const { maxReceives } = queue.capabilities;
  if (maxReceives !== null && delivery.receives >= maxReceives - 1) {
    const sent = await dispatcher.resend({
      queue: name,
      body: delivery.body,
      dedupId: `passed-on:${core.ids.transition()}`,
      groupId: delivery.groupId ?? message?.id ?? "unserved",
      delayMs: ELSEWHERE_MS,
    });
    if (sent) {
      await received.ack();
      return;
    }
  }
  await received.release(ELSEWHERE_MS, "nobody here can serve it");
}

async function run(parts: WorkerParts, received: ReceivedMessage, message: PointerMessage): Promise<void> {
  const { core, settings, stopping } = parts;
  const handler = settings.handlers.get(message.kind);
  // What the application claims itself no message hands over, whoever wrote it.
  if (handler === undefined || handler.definition.handOver === "own") {
    await leaveToOthers(parts, received, message);
    return;
  }
  const leaseMs = Math.min(
    leaseMsOf(core, handler.definition),
    parts.leaseCapMs() ?? Number.POSITIVE_INFINITY,
  );
  // One token per delivery, made before the first try and kept for every other: a claim that happened is answered again.
  const token = core.ids.token();
  const claimedAt = parts.now();
  const claimed = await claim(parts, message, token, leaseMs);
  if (claimed === null) {
    // In doubt: never run. At a shutdown somebody else may try at once.
    await received.release(stopping.aborted ? 0 : DOUBT_MS, "the store did not answer the claim");
    return;
  }
  if (claimed.status === "gone") {
    await orRelease(parts, received, async () => {
      await judgeUnknown(core, received);
    });
    return;
  }
  core.unserved.served(message.id);
  if (claimed.status === "refused") {
    if (message.dispatch > claimed.job.record.dispatch) count(core.telemetry, "store_rollback_detected");
    await judge(parts, received, message, claimed.job.record);
    return;
  }
  await runClaimed(parts, received, message, { stored: claimed.job, token, leaseMs, claimedAt });
}

async function runClaimed(
  parts: WorkerParts,
  received: ReceivedMessage,
  message: PointerMessage,
  claim: {
    readonly stored: StoredJob;
    readonly token: string;
    readonly leaseMs: number;
    readonly claimedAt: number;
  },
): Promise<void> {
  const { core, settings, tasks } = parts;
  const { record } = claim.stored;
  if (isAhead(record, message)) {
    count(core.telemetry, "store_rollback_detected");
    core.logger.warn("a message is ahead of its record: the store lost acknowledged writes", {
      jobId: record.id,
    });
  }
  // The message carries no authority: the record says of what kind the job is.
  const handler = settings.handlers.get(record.kind);
  if (handler === undefined) {
    count(core.telemetry, "unserved");
    await orRelease(parts, received, () => giveBack(parts, received, claim));
    return;
  }
  const keepHidden = (): void => {
    tasks.add("the extension of a message", received.extend(claim.leaseMs));
  };
  // Visible again before the first beat, it would be received a second time for one run.
  const { visibilityMs } = received.queue.capabilities;
  if (visibilityMs !== null && claim.leaseMs > visibilityMs) keepHidden();
  const ending = await execute(parts, {
    ...claim,
    handler,
    beaten: keepHidden,
  });
  await settle(parts, received, message, ending);
}

/** The claim of a job that cannot be run here: no attempt is used. */
async function giveBack(
  parts: WorkerParts,
  received: ReceivedMessage,
  { stored, token }: { readonly stored: StoredJob; readonly token: string },
): Promise<void> {
  const { core, tasks } = parts;
  const applied = await applyCommand(core, stored, (snapshot, context) =>
    releaseClaim(snapshot, { token, policy: core.policy.retry, begun: false }, context),
  );
  if (applied.status !== "applied") {
    await received.release(ELSEWHERE_MS, "nobody here can serve it");
    return;
  }
  await received.ack();
  tasks.add("a dispatch", followUp(parts, applied.snapshot));
}

async function settle(
  parts: WorkerParts,
  received: ReceivedMessage,
  message: PointerMessage,
  ending: Ending,
): Promise<void> {
  if (ending.status === "unknown") {
    await received.release(DOUBT_MS, "it is not known whether the outcome was stored");
    return;
  }
  if (ending.status === "lost") {
    await judge(parts, received, message, ending.snapshot.record);
    return;
  }
  await received.ack();
  parts.tasks.add("a dispatch", followUp(parts, ending.snapshot));
}

/** What an outcome leaves to be done at once: best effort, since the record's wake-up leads the reconciler to it too. */
async function followUp(
  { core, dispatcher, settings, kickReconciler }: WorkerParts,
  snapshot: Snapshot,
): Promise<void> {
  const { record } = snapshot;
  if (record.status === "PENDING") {
    await dispatcher.send(snapshot);
    return;
  }
  if (record.awaiting === null) return;
  const afterMs = record.awaiting.nextPollAt - core.time.now();
  if (settings.wakeMessages) await dispatcher.wake(record, afterMs);
  if (settings.reconcile && afterMs <= 0) kickReconciler();
}

/** Judges a delivery by the record that another holds, or that is final. */
async function judge(
  parts: WorkerParts,
  received: ReceivedMessage,
  message: PointerMessage,
  record: JobRecord,
): Promise<void> {
  const { core, settings, reconciler, tasks } = parts;
  const { queue, delivery } = received;
  const now = core.time.now();
  const decision = acknowledge(record, {
    dispatch: message.dispatch,
    receives: delivery.receives,
    maxReceives: queue.capabilities.maxReceives,
    now,
    recovered: settings.recovered,
  });
  if (decision.do === "ack") {
    count(core.telemetry, "message_duplicate");
    await received.ack();
    return;
  }
  const lapsed = record.leaseUntil !== null && record.leaseUntil <= now;
  // Its worker is gone: no need to wait until a pass finds it.
  if (decision.why === "busy" && lapsed && settings.reconcile) {
    tasks.add("a look at a lapsed claim", reconciler.look(record.id, settings.handlers));
  }
  await received.release(decision.afterMs, decision.why);
}

/** Claims, again under the same token while the answer is in doubt. `null`: given up in doubt. */
async function claim(
  parts: WorkerParts,
  message: PointerMessage,
  token: string,
  leaseMs: number,
): Promise<ClaimResult | null> {
  const { core, breaker, stopping, settings } = parts;
  const terms = claimTerms(settings.name, core.ids.transition(), core.policy);
  const { id, dispatch } = message;
  const giveUpAt = parts.now() + core.policy.unknownRetryMs;
  for (let tries = 1; ; tries += 1) {
    try {
      const result = await core.gateway.claim({ id, dispatch, token, leaseMs }, terms);
      breaker.ok();
      return result;
    } catch (error) {
      breaker.failed();
      const waitMs = AGAIN.pauseMs(core, tries);
      if (stopping.aborted || parts.now() + waitMs > giveUpAt) {
        core.logger.warn("a job could not be claimed; its message was given back", {
          jobId: id,
          code: codeOf(error),
        });
        return null;
      }
      await sleep(core.clock, waitMs, undefined, true);
    }
  }
}

/**
 * Whether the store had fallen behind the message: the claim has taken its dispatch, so it is told from the history, in
 * which every dispatch but the first begins with a return or a recall.
 */
function isAhead(record: JobRecord, message: PointerMessage): boolean {
  // Most jobs run at their first dispatch: their history is not parsed for it.
  if (message.dispatch <= 1 || record.historyTrimmed > 0) return false;
  const returned = historyOf(record).filter(({ edge }) => edge === "T7" || edge === "T3").length;
  return message.dispatch > returned + 1;
}

/** Does what ends in an acknowledgement; where it cannot be done the message comes again. */
async function orRelease(
  parts: WorkerParts,
  received: ReceivedMessage,
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (isWaybillError(error, "store.unavailable")) parts.breaker.failed();
    parts.core.logger.warn("a message could not be dealt with; it was given back", {
      code: codeOf(error),
    });
    await received.release(DOUBT_MS, `it could not be dealt with (${codeOf(error)})`);
  }
}

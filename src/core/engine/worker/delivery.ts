import { sleep } from "../../clock.js";
import { acknowledge } from "../../decide/acknowledge.js";
import { backoffMs } from "../../decide/backoff.js";
import { claimTerms } from "../../decide/claim.js";
import { release as releaseClaim } from "../../decide/finish.js";
import { isWaybillError } from "../../errors.js";
import { historyOf } from "../../history.js";
import { parseMessage, type PointerMessage } from "../../message.js";
import type { Delivery } from "../../ports/queue.js";
import type { ClaimResult, StoredJob } from "../../ports/store.js";
import type { JobRecord, Snapshot } from "../../record.js";
import { count } from "../../telemetry.js";
import { applyCommand } from "../store/apply.js";
import type { Crew } from "./parts.js";
import { type Ending, execute } from "../run/execution.js";
import { judgeUnknown, park } from "./parking.js";
import { ack, type Arrival, extend, release } from "./received-message.js";
import { codeOf } from "../run/text.js";

/** For another process: soon enough that it need not be restarted, seldom enough that receives last. */
const ELSEWHERE_MS = 60_000;
/** After doubt: time for the store to come back and for a claim that may be ours to be seen. */
const DOUBT_MS = 15_000;
const AGAIN = { baseMs: 50, capMs: 1_000 };

/**
 * Handles one delivery to its end. It is acknowledged only with durable proof that nothing is left to do for it: its own
 * outcome is stored, the record is final or beyond this dispatch, or it was parked. On any doubt it is given back.
 */
export async function handleDelivery(crew: Crew, arrival: Arrival): Promise<void> {
  const { delivery } = arrival;
  const parsed = parseMessage(delivery.body);
  switch (parsed.status) {
    case "unparsable":
      await orRelease(crew, delivery, () => park(crew, arrival, parsed.reason));
      return;
    case "newer":
      await release(crew, delivery, ELSEWHERE_MS);
      return;
    case "ok":
      if (parsed.message.purpose === "wake") await look(crew, delivery, parsed.message.id);
      else await run(crew, arrival, parsed.message);
  }
}

/** A wake-up that travelled as a message. */
async function look(crew: Crew, delivery: Delivery, id: string): Promise<void> {
  await orRelease(crew, delivery, async () => {
    await crew.reconciler.look(id, crew.settings.handlers);
    await ack(crew, delivery);
  });
}

async function run(crew: Crew, arrival: Arrival, message: PointerMessage): Promise<void> {
  const { core, settings, stopping } = crew;
  const { delivery } = arrival;
  const handler = settings.handlers.get(message.kind);
  if (handler === undefined) {
    count(core.telemetry, "unserved");
    await release(crew, delivery, ELSEWHERE_MS);
    return;
  }
  const leaseMs = handler.definition.leaseMs ?? core.policy.leaseMs;
  // One token per delivery, made before the first try and kept for every other: a claim that happened is answered again.
  const token = core.ids.token();
  const claimedAt = crew.now();
  const claimed = await claim(crew, message, token, leaseMs);
  if (claimed === null) {
    // In doubt: never run. At a shutdown somebody else may try at once.
    await release(crew, delivery, stopping.aborted ? 0 : DOUBT_MS);
    return;
  }
  if (claimed.status === "gone") {
    await orRelease(crew, delivery, () => judgeUnknown(crew, arrival));
    return;
  }
  if (claimed.status === "refused") {
    if (message.dispatch > claimed.job.record.dispatch) count(core.telemetry, "store_rollback_detected");
    await judge(crew, arrival, message, claimed.job.record);
    return;
  }
  await runClaimed(crew, arrival, message, { stored: claimed.job, token, leaseMs, claimedAt });
}

async function runClaimed(
  crew: Crew,
  arrival: Arrival,
  message: PointerMessage,
  claim: {
    readonly stored: StoredJob;
    readonly token: string;
    readonly leaseMs: number;
    readonly claimedAt: number;
  },
): Promise<void> {
  const { core, settings } = crew;
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
    await orRelease(crew, arrival.delivery, () => giveBack(crew, arrival, claim));
    return;
  }
  const ending = await execute(crew, {
    ...claim,
    handler,
    beaten: () => {
      extend(crew, arrival.delivery, claim.leaseMs);
    },
  });
  await settle(crew, arrival, message, ending);
}

/** The claim of a job that cannot be run here: no attempt is used. */
async function giveBack(
  crew: Crew,
  { delivery }: Arrival,
  { stored, token }: { readonly stored: StoredJob; readonly token: string },
): Promise<void> {
  const { core, tasks } = crew;
  const applied = await applyCommand(core, stored, (snapshot, context) =>
    releaseClaim(snapshot, { token, policy: core.policy.retry }, context),
  );
  if (applied.status !== "applied") {
    await release(crew, delivery, ELSEWHERE_MS);
    return;
  }
  await ack(crew, delivery);
  tasks.add("a dispatch", followUp(crew, applied.snapshot));
}

async function settle(crew: Crew, arrival: Arrival, message: PointerMessage, ending: Ending): Promise<void> {
  const { delivery } = arrival;
  if (ending.status === "unknown") {
    await release(crew, delivery, DOUBT_MS);
    return;
  }
  if (ending.status === "lost") {
    await judge(crew, arrival, message, ending.snapshot.record);
    return;
  }
  await ack(crew, delivery);
  crew.tasks.add("a dispatch", followUp(crew, ending.snapshot));
}

/** What an outcome leaves to be done at once: best effort, since the record's wake-up leads the reconciler to it too. */
async function followUp(
  { core, dispatcher, settings, kickReconciler }: Crew,
  snapshot: Snapshot,
): Promise<void> {
  const { record } = snapshot;
  if (record.status === "PENDING") {
    await dispatcher.send(snapshot);
    return;
  }
  if (record.awaiting === null) return;
  const afterMs = record.awaiting.nextPollAt - core.time.now();
  // Where nobody reconciles here, the wake-up travels as a message.
  if (!settings.reconcile) await dispatcher.wake(record, afterMs);
  else if (afterMs <= 0) kickReconciler();
}

/** Judges a delivery by the record that another holds, or that is final. */
async function judge(
  crew: Crew,
  { queue, delivery }: Arrival,
  message: PointerMessage,
  record: JobRecord,
): Promise<void> {
  const { core, settings, reconciler, tasks } = crew;
  const now = core.time.now();
  const decision = acknowledge(record, {
    dispatch: message.dispatch,
    receives: delivery.receives,
    maxReceives: queue.capabilities.maxReceives,
    now,
    recovered: settings.reconcile,
  });
  if (decision.do === "ack") {
    count(core.telemetry, "message_duplicate");
    await ack(crew, delivery);
    return;
  }
  const lapsed = record.leaseUntil !== null && record.leaseUntil <= now;
  // Its worker is gone: no need to wait until a pass finds it.
  if (decision.why === "busy" && lapsed && settings.reconcile) {
    tasks.add("a look at a lapsed claim", reconciler.look(record.id, settings.handlers));
  }
  await release(crew, delivery, decision.afterMs);
}

/** Claims, again under the same token while the answer is in doubt. `null`: given up in doubt. */
async function claim(
  crew: Crew,
  message: PointerMessage,
  token: string,
  leaseMs: number,
): Promise<ClaimResult | null> {
  const { core, breaker, stopping, settings } = crew;
  const terms = claimTerms(settings.name, core.ids.transition(), core.policy);
  const { id, dispatch } = message;
  const giveUpAt = crew.now() + core.policy.unknownRetryMs;
  for (let tries = 1; ; tries += 1) {
    try {
      const result = await core.gateway.claim({ id, dispatch, token, leaseMs }, terms);
      breaker.ok();
      return result;
    } catch (error) {
      breaker.failed();
      const waitMs = 1 + backoffMs(tries, AGAIN, core.ids.random());
      if (stopping.aborted || crew.now() + waitMs > giveUpAt) {
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
async function orRelease(crew: Crew, delivery: Delivery, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (isWaybillError(error, "store.unavailable")) crew.breaker.failed();
    crew.core.logger.warn("a message could not be dealt with; it was given back", {
      code: codeOf(error),
    });
    await release(crew, delivery, DOUBT_MS);
  }
}

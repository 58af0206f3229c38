import type { Change, Decision, DecideContext, RefusalReason } from "../../decide/change/change.js";
import { recognise } from "../../decide/change/recognise.js";
import { WaybillError } from "../../errors/errors.js";
import type { WriteResult } from "../../ports/store.js";
import type { Snapshot } from "../../job/record.js";
import { type Core, decideContext } from "../context.js";
import { AGAIN, askAgain, unknown } from "./ask-again.js";

/** What became of a command. Every one of these is certain; doubt is thrown. */
export type Applied =
  | { readonly status: "applied"; readonly snapshot: Snapshot }
  /** It held already. */
  | { readonly status: "nothing"; readonly snapshot: Snapshot }
  | { readonly status: "refused"; readonly reason: RefusalReason; readonly snapshot: Snapshot }
  | { readonly status: "gone" };

interface ApplyOptions {
  readonly actor?: string | null;
  /** How long doubt is asked again before it is thrown. @default policy.unknownRetryMs */
  readonly patienceMs?: number | undefined;
  /** Made by the caller where several steps share one. */
  readonly transitionId?: string | undefined;
}

/** A record that changes this often between decision and write has another problem than contention. */
const MOST_ROUNDS = 50;

/**
 * The one write path: decides on a snapshot, writes under the guard, and on a refusal decides again on the record that
 * came back, always under the same transition id. A write whose reply was lost is asked again and recognised in the
 * history, never guessed.
 *
 * @throws StoreUnavailableError `outcome: "unknown"` when a write may have happened and could not be found out, whatever
 *   went wrong after it; `"not_applied"` when nothing can have been written
 */
export async function applyCommand(
  core: Core,
  snapshot: Snapshot,
  decide: (snapshot: Snapshot, context: DecideContext) => Decision,
  options: ApplyOptions = {},
): Promise<Applied> {
  const transitionId = options.transitionId ?? core.ids.transition();
  const actor = options.actor ?? null;
  const giveUpAt = AGAIN.until(core, options.patienceMs);
  const about = { jobId: snapshot.record.id, what: `the change of job ${snapshot.record.id} was stored` };
  let current = snapshot;
  // An earlier try may have been stored without an answer, and no record has told yet.
  let doubt = false;
  for (let round = 0; round < MOST_ROUNDS; round += 1) {
    const decision = decide(current, decideContext(core, transitionId, actor));
    if (decision.do === "nothing") return { status: "nothing", snapshot: current };
    if (decision.do === "refuse") return { status: "refused", reason: decision.reason, snapshot: current };
    let result: WriteResult;
    try {
      result = await core.gateway.write(decision.item);
    } catch (error) {
      const ask = () => core.gateway.write(decision.item);
      ({ result, doubt } = await askAgain(core, { about, giveUpAt, doubt, ask }, error));
    }
    if (result.status === "ok") return applied(core, decision, result);
    if (result.status === "gone") {
      if (doubt) throw unknown(about, null);
      return { status: "gone" };
    }
    const returned: Snapshot = { record: result.job.record, cursors: result.job.cursors };
    if (decision.entries.length > 0) {
      // Also without doubt: a driver may have sent the write again by itself, and been refused by its first try.
      const mine = recognise(returned.record, current.record.version, transitionId);
      if (mine === "applied") {
        announce(core, decision, returned);
        return { status: "applied", snapshot: returned };
      }
      if (mine === "unknown" && doubt) throw unknown(about, null);
      doubt = false;
    }
    current = returned;
  }
  throw new WaybillError("store.conflict", `Job ${snapshot.record.id} kept changing.`, {
    jobId: snapshot.record.id,
  });
}

function applied(core: Core, decision: Change, result: Extract<WriteResult, { status: "ok" }>): Applied {
  const { after } = decision;
  const snapshot =
    result.leaseUntil === undefined
      ? after
      : { ...after, record: { ...after.record, leaseUntil: result.leaseUntil } };
  announce(core, decision, snapshot);
  return { status: "applied", snapshot };
}

function announce(core: Core, decision: Change, snapshot: Snapshot): void {
  if (decision.trimmed.length > 0) core.archive(snapshot.record.id, decision.trimmed);
  core.announce({ snapshot, entries: decision.entries });
}

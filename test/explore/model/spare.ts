import { needs } from "../../../src/core/decide/change/wake.js";
import { isFinal } from "../../../src/core/job/lifecycle.js";
import type { JobRecord } from "../../../src/core/job/record.js";
import { NOW, POLICY } from "./rules.js";
import { type Actor, GONE, IDLE, type State } from "./state.js";
import type { World } from "./world.js";

/** A state without what makes no difference any more: steps in vain and second copies of stale messages. */
export function sparing(world: World, state: State): State {
  const { row } = state;
  if (state.gone) return { ...state, queue: state.queue.slice(0, 1) };
  if (row === null || state.backup !== null || state.rolledBack) return state;
  const single = withoutCopies(state, row.record);
  return world.rules.spares ? withoutVain(single, row.record, world.rules.mark) : single;
}

/** Stale messages are alike, and so are all of a final job: one stands for several, since each is only to be removed. */
function withoutCopies(state: State, record: JobRecord): State {
  const queue = withOneStale(state.queue, record);
  const deadLetters = withOneStale(state.deadLetters, record);
  if (queue === state.queue && deadLetters === state.deadLetters) return state;
  return { ...state, queue, deadLetters };
}

function withOneStale(list: readonly number[], { dispatch, status }: JobRecord): readonly number[] {
  if (list.length < 2) return list;
  const stale = isFinal(status) ? list : list.filter((each) => each < dispatch);
  if (stale.length < 2) return list;
  const spared = new Set(stale.slice(1));
  return list.filter((each) => !spared.has(each));
}

/**
 * The store refuses a write decided on an older version: whoever has only such a step left is done. A store that forgets
 * may come back to that version, and a broken variant may not refuse.
 */
function withoutVain(state: State, record: JobRecord, mark: World["rules"]["mark"]): State {
  const { submitter, reconcilers } = state;
  const done = isInVain(submitter, record, mark);
  if (!done && !reconcilers.some((actor) => isInVain(actor, record, mark))) return state;
  return {
    ...state,
    submitter: done ? GONE : submitter,
    reconcilers: reconcilers.map((actor) => (isInVain(actor, record, mark) ? IDLE : actor)),
  };
}

function isInVain(actor: Actor, record: JobRecord, mark: World["rules"]["mark"]): boolean {
  const { seen, message } = actor;
  if (seen === null || seen.record.version === record.version) return false;
  switch (actor.at) {
    case "sent":
      // A new dispatch follows whenever a job is PENDING anew.
      return mark === "guarded" && (record.status !== "PENDING" || record.dispatch !== (message ?? 1));
    case "rejected":
      return true;
    case "polls":
      return record.poll?.token !== actor.token;
    case "looks": {
      const found = needs(seen, POLICY);
      const refused = found.filter(({ reason, at }) => reason !== "send" && reason !== "notify" && at <= NOW);
      return found.length > 0 && refused.length === found.length;
    }
    default:
      return false;
  }
}

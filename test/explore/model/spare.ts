import { needs } from "../../../src/core/decide/wake.js";
import type { JobRecord } from "../../../src/core/record.js";
import { NOW, POLICY } from "./rules.js";
import { type Actor, GONE, IDLE, type State } from "./state.js";
import type { World } from "./world.js";

/**
 * Spares steps of which nothing can come, since the store refuses a write decided on an older version: whoever has only
 * such a step left is done. A store that forgets may come back to that version, and a broken variant may not refuse.
 */
export function sparing({ rules }: World, state: State): State {
  const { row, submitter, reconcilers } = state;
  if (!rules.spares || row === null || state.backup !== null || state.rolledBack) return state;
  const { record } = row;
  const done = isInVain(submitter, record, rules.mark);
  if (!done && !reconcilers.some((actor) => isInVain(actor, record, rules.mark))) return state;
  return {
    ...state,
    submitter: done ? GONE : submitter,
    reconcilers: reconcilers.map((actor) => (isInVain(actor, record, rules.mark) ? IDLE : actor)),
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

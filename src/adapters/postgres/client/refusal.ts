import { StoreUnavailableError } from "../../../core/errors/errors.js";
import { further, type Session } from "./session.js";

/** Races that one change loses in a row before it is given up. */
const MAX_ROUNDS = 10;

/**
 * Asks for a batch, and again for those items that Postgres refused for a change which its answer does not show. A
 * statement that waited for another one's commit judges what that one left behind, but reads what was there when it began
 * itself: the row that comes with the refusal may be the very one that was asked for. Such an item has had no effect, so
 * asking again is no second change.
 *
 * @param ask - the answers by id; `null`: refused by a row that is not the one shown
 */
export async function askUntilJudged<I extends { readonly id: string }, R>(
  session: Session,
  items: readonly I[],
  ask: (items: readonly I[]) => Promise<ReadonlyMap<string, R | null>>,
): Promise<readonly R[]> {
  const judged = new Map<string, R>();
  let left = items;
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const asked = left;
    const answers = await further(session, judged.size > 0, () => ask(asked));
    for (const [id, answer] of answers) if (answer !== null) judged.set(id, answer);
    left = left.filter((item) => !judged.has(item.id));
    if (left.length === 0) break;
  }
  return items.map((item) => {
    const answer = judged.get(item.id);
    if (answer !== undefined) return answer;
    const outcome = judged.size === 0 ? "not_applied" : "unknown";
    throw new StoreUnavailableError("A record in Postgres kept changing while a change was judged.", {
      outcome,
    });
  });
}

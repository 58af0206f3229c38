import type {
  ClaimNext,
  StoredJob,
  Unreadable,
  WriteItem,
  WriteReply,
  WriteResult,
} from "../../../core/ports/store.js";
import type { RecordPatch } from "../../../core/job/record.js";
import { atOnce, eachShard } from "../client/batch.js";
import { decodeTaken, encodeNext, inOrder } from "./claim-next.js";
import { encodeLine, encodeRefs, encodeSeldom } from "../documents/document.js";
import { Reply } from "../documents/reply.js";
import { WRITE } from "../scripts/write.js";
import type { Session } from "../client/session.js";
import {
  ANY_INSTANT,
  encodeCount,
  encodeInstant,
  instantsOf,
  LETTERS,
  SELDOM_LETTERS,
  seldomOf,
} from "../documents/fixed-width.js";

/** @param thenClaim - only where the store has one shard: then all of it is one step */
export async function writeJobs(
  session: Session,
  items: readonly WriteItem[],
  thenClaim?: ClaimNext,
): Promise<WriteReply> {
  let claimed: readonly StoredJob[] = [];
  let unreadable: Unreadable = {};
  const { nowMs, results } = await eachShard(
    session,
    items,
    ({ id }) => id,
    "writes",
    async (shard, given) => {
      const writes = encodeWrites(given);
      const { nowMs: now, reply } = await session.run(
        WRITE,
        shard,
        [...writes, ...encodeRide(thenClaim)],
        "writes",
        // Of two that take anew only one is heard: what the other has taken would be nobody's for a lease.
        () => [...writes, ...encodeRide(thenClaim && { ...thenClaim, kinds: [] })],
      );
      const refusals = new Reply(reply.next());
      const answers = given.map((item) => acceptedAt(item, now));
      while (!refusals.isOver) {
        const place = refusals.number();
        const job = refusals.jobOrNull(given[place]?.id ?? "");
        answers[place] = job === null ? { status: "gone" } : { status: "refused", job };
      }
      if (thenClaim !== undefined) {
        const taken = decodeTaken(new Reply(reply.next()));
        claimed = inOrder(taken.found);
        unreadable = taken.unreadable;
      }
      return { nowMs: now, results: answers };
    },
  );
  return { nowMs, results, ...(thenClaim === undefined ? {} : { claimed, ...unreadable }) };
}

/** The claim that goes along, if any. */
function encodeRide(next: ClaimNext | undefined): readonly string[] {
  return next === undefined ? [] : encodeNext(next, atOnce(next.limit));
}

function acceptedAt({ leaseMs }: WriteItem, nowMs: number): WriteResult {
  return leaseMs === undefined ? { status: "ok" } : { status: "ok", leaseUntil: nowMs + leaseMs };
}

/** What many writes have in common is sent once: servers and drivers spend much of their time on the number of arguments. */
function encodeWrites(items: readonly WriteItem[]): string[] {
  const forms = new Map<string, string>();
  const writes: string[] = [];
  for (const item of items) {
    const form = encodeForm(item);
    let number = forms.get(form);
    if (number === undefined) forms.set(form, (number = String(forms.size + 1)));
    const { history } = item;
    const entries =
      "replace" in history ? `r${history.replace}` : history.append === "" ? "" : `a${history.append}`;
    writes.push(item.id, number, entries, item.output ?? "");
  }
  return [String(items.length), String(forms.size), ...forms.keys(), ...writes];
}

function encodeForm({ guard, patch, leaseMs }: WriteItem): string {
  const { status, version, token, dispatch, expiredLease } = guard;
  return (
    LETTERS[status] +
    (expiredLease === undefined ? ANY_INSTANT : encodeInstant(expiredLease)) +
    LETTERS[patch.status ?? status] +
    `${encodeCount(version)} ${countOrAny(dispatch)} ${countOrAny(patch.version)} ${countOrAny(patch.dispatch)} ` +
    `${countOrAny(patch.attempt)} ${countOrAny(patch.fence)}\n${encodeLine(token)}\n` +
    `${patch.token === undefined ? "" : encodeLine(patch.token)}\n` +
    `${patch.worker === undefined ? "" : encodeLine(patch.worker)}\n` +
    `${leaseMs === undefined ? "" : encodeCount(leaseMs)}\n` +
    `${encodeRuns(patch, leaseMs !== undefined)}\n${encodeAllSeldom(patch)}`
  );
}

function countOrAny(count: number | undefined): string {
  return count === undefined ? "-" : encodeCount(count);
}

/**
 * Instants that change, each run of neighbours as one: letters of its place and its length, then the instants.
 *
 * @param isLeased - the first of all is a lease, whose end the script puts in
 */
function encodeRuns(patch: RecordPatch, isLeased: boolean): string {
  const instants = instantsOf(patch);
  let text = "";
  let run = "";
  let length = 0;
  for (let place = 0; place <= instants.length; place += 1) {
    const value = place === 0 && isLeased ? null : instants[place];
    if (value !== undefined) {
      run += encodeInstant(value);
      length += 1;
    } else if (length > 0) {
      text += `${letter(place - length)}${letter(length - 1)}${run}`;
      run = "";
      length = 0;
    }
  }
  return text;
}

function letter(index: number): string {
  return String.fromCharCode(97 + index);
}

/** `n` in front: nothing but what is cleared, which is nothing to do where nothing is set. */
function encodeAllSeldom(patch: RecordPatch): string {
  const values = seldomOf(patch);
  let text = "";
  let isSet = false;
  for (let place = 0; place < values.length; place += 1) {
    const value = values[place];
    if (value === undefined) continue;
    text += encodeSeldom(SELDOM_LETTERS[place] ?? "", value);
    isSet ||= value !== null;
  }
  if (text === "") return "";
  if (patch.awaiting !== undefined) text += encodeRefs(patch.awaiting);
  return `${isSet ? "s" : "n"}${text}`;
}

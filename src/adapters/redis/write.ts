import type { ClaimNext, StoredJob, WriteItem, WriteReply, WriteResult } from "../../core/ports/store.js";
import type { RecordPatch } from "../../core/record.js";
import { atOnce, eachShard } from "./batch.js";
import { decodeTaken, encodeNext, inOrder } from "./claim-next.js";
import { encodeLine, encodeRefs, encodeSeldom } from "./document.js";
import { Reply } from "./reply.js";
import { WRITE } from "./scripts/write.js";
import type { Session } from "./session.js";
import { ANY_INSTANT, encodeCount, encodeInstant, INSTANTS, LETTERS, SELDOM } from "./slots.js";

const SELDOM_FIELDS = Object.keys(SELDOM) as readonly (keyof typeof SELDOM)[];

/** @param thenClaim - only where the store has one shard: then all of it is one step */
export async function writeJobs(
  session: Session,
  items: readonly WriteItem[],
  thenClaim?: ClaimNext,
): Promise<WriteReply> {
  let claimed: readonly StoredJob[] = [];
  const { nowMs, results } = await eachShard(
    session,
    items,
    ({ id }) => id,
    "writes",
    async (shard, given) => {
      const args = [String(given.length)];
      for (const item of given) encode(args, item);
      if (thenClaim !== undefined) args.push(...encodeNext(thenClaim, atOnce(thenClaim.limit)));
      const { nowMs: now, reply } = await session.run(WRITE, shard, args, "writes");
      const refusals = new Reply(reply.next());
      const answers = given.map((item) => acceptedAt(item, now));
      while (!refusals.isOver) {
        const place = refusals.number();
        const job = refusals.jobOrNull(given[place]?.id ?? "");
        answers[place] = job === null ? { status: "gone" } : { status: "refused", job };
      }
      if (thenClaim !== undefined) claimed = inOrder(decodeTaken(new Reply(reply.next())));
      return { nowMs: now, results: answers };
    },
  );
  return { nowMs, results, ...(thenClaim === undefined ? {} : { claimed }) };
}

function acceptedAt({ leaseMs }: WriteItem, nowMs: number): WriteResult {
  return leaseMs === undefined ? { status: "ok" } : { status: "ok", leaseUntil: nowMs + leaseMs };
}

function encode(args: string[], { id, guard, patch, history, leaseMs, output }: WriteItem): void {
  const { status, version, token, dispatch, expiredLease } = guard;
  const counts = [version, dispatch, patch.version, patch.dispatch, patch.attempt, patch.fence];
  args.push(
    id,
    `${LETTERS[status]}${expiredLease === undefined ? ANY_INSTANT : encodeInstant(expiredLease)}` +
      `${LETTERS[patch.status ?? status]}${counts.map(countOrAny).join(" ")}`,
    encodeLine(token),
    patch.token === undefined ? "" : encodeLine(patch.token),
    patch.worker === undefined ? "" : encodeLine(patch.worker),
    encodeRuns(patch),
    encodeAllSeldom(patch),
    "replace" in history ? `r${history.replace}` : history.append === "" ? "" : `a${history.append}`,
    leaseMs === undefined ? "" : encodeCount(leaseMs),
    output ?? "",
  );
}

function countOrAny(count: number | undefined): string {
  return count === undefined ? "-" : encodeCount(count);
}

/** Instants that change, each run of neighbours as one: letters of its place and its length, then the instants. */
function encodeRuns(patch: RecordPatch): string {
  let text = "";
  let run = "";
  let length = 0;
  for (const [place, field] of INSTANTS.entries()) {
    const value = patch[field];
    if (value !== undefined) {
      run += encodeInstant(value);
      length += 1;
    }
    const isEnd = value === undefined || place === INSTANTS.length - 1;
    if (!isEnd || length === 0) continue;
    const start = (value === undefined ? place : place + 1) - length;
    text += `${letter(start)}${letter(length - 1)}${run}`;
    run = "";
    length = 0;
  }
  return text;
}

function letter(index: number): string {
  return String.fromCharCode(97 + index);
}

/** `n` in front: nothing but what is cleared, which is nothing to do where nothing is set. */
function encodeAllSeldom(patch: RecordPatch): string {
  let text = "";
  let isSet = false;
  for (const field of SELDOM_FIELDS) {
    const value = patch[field];
    if (value === undefined) continue;
    text += encodeSeldom(SELDOM[field], value);
    isSet ||= value !== null;
  }
  if (text === "") return "";
  if (patch.awaiting !== undefined) text += encodeRefs(patch.awaiting);
  return `${isSet ? "s" : "n"}${text}`;
}

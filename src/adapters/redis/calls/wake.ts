import { StoreCorruptError } from "../../../core/errors/errors.js";
import type {
  AdvanceItem,
  AdvanceReply,
  AdvanceResult,
  TakeDueReply,
  TakeDueRequest,
  WakePosition,
} from "../../../core/ports/store.js";
import { readEach } from "../../../core/ports/unreadable.js";
import { allOrUnknown, allUnreadable, atOnce, eachShard, latest, quotas } from "../client/batch.js";
import { decodeCursors, encodeCursor } from "../documents/cursors.js";
import { decodeDocument, encodeLine } from "../documents/document.js";
import type { Reply } from "../documents/reply.js";
import { ADVANCE, TAKE_DUE } from "../scripts/changes.js";
import { PEEK } from "../scripts/operations.js";
import type { Session } from "../client/session.js";
import { encodeBound, encodeInstant, LETTERS } from "../documents/fixed-width.js";

type Due = TakeDueReply["jobs"][number];

/**
 * Postpones what is due. On several shards they are looked at first, so that no more is postponed than is handed out, and
 * the oldest of all come first.
 */
export async function takeDue(session: Session, request: TakeDueRequest): Promise<TakeDueReply> {
  const { holdMs, after } = request;
  const limit = atOnce(request.limit);
  const take = async (shard: number, most: number): Promise<TakeDueReply> => {
    const args = [String(most), String(holdMs), ...placeOf(after)];
    const { nowMs, reply } = await session.run(TAKE_DUE, shard, args, "writes");
    return { nowMs, ...decodeDue(reply, nowMs + holdMs) };
  };
  if (session.shards === 1) return take(0, limit);
  const { nowMs, counts, next } = await countHeads(session, "w", limit, after);
  const wanted = counts.map((most, shard) => ({ most, shard })).filter(({ most }) => most > 0);
  const answers = await allOrUnknown(
    "writes",
    wanted.map(({ shard, most }) => take(shard, most)),
  );
  const jobs = answers.flatMap((answer) => answer.jobs);
  const ordered = jobs.sort((a, b) => a.dueAt - b.dueAt || (a.record.id < b.record.id ? -1 : 1));
  return {
    nowMs: Math.max(nowMs, latest(answers)),
    jobs: ordered,
    ...allUnreadable(answers),
    nextDueAt: earliest([next, ...answers.map((answer) => answer.nextDueAt ?? null)]),
  };
}

/** `null`: never. */
function earliest(instants: readonly (number | null)[]): number | null {
  const known = instants.filter((instant) => instant !== null);
  return known.length === 0 ? null : Math.min(...known);
}

/** An instant of an index; -1: none. */
function instantOf(reply: Reply): number | null {
  const instant = reply.number();
  return instant < 0 ? null : instant;
}

/** How many of the first places of an index, over all shards, lie in each of them. */
export async function countHeads(
  session: Session,
  index: "w" | "p",
  limit: number,
  after?: WakePosition,
): Promise<{
  readonly nowMs: number;
  readonly counts: readonly number[];
  /** The first instant of the index that has not come yet; `null`: none. */
  readonly next: number | null;
}> {
  const args = [index, String(limit), ...placeOf(after)];
  const answers = await allOrUnknown(
    "reads",
    session.places.tags.map((_, shard) => session.run(PEEK, shard, args, "reads")),
  );
  const next: (number | null)[] = [];
  const heads = answers.map(({ reply }) => {
    next.push(instantOf(reply));
    const places: { id: string; at: number }[] = [];
    while (!reply.isOver) places.push({ id: reply.text(), at: reply.number() });
    return places;
  });
  return { nowMs: latest(answers), counts: quotas(heads, limit), next: earliest(next) };
}

function placeOf(after: WakePosition | undefined): readonly [string, string] {
  return after === undefined ? ["", ""] : [String(after.wakeAt), after.id];
}

/**
 * Decoded when the postponement is stored: a job that cannot be read is then out of the way of the next call, and does not
 * stop every pass for good.
 */
function decodeDue(reply: Reply, wakeAt: number): Omit<TakeDueReply, "nowMs"> {
  const nextDueAt = instantOf(reply);
  const places: {
    readonly id: string;
    readonly dueAt: number;
    readonly document: string;
    readonly cursors: unknown;
  }[] = [];
  while (!reply.isOver) {
    places.push({ id: reply.text(), dueAt: reply.number(), document: reply.text(), cursors: reply.next() });
  }
  const { found, unreadable } = readEach(places, ({ id, dueAt, document, cursors }): Due => ({
    record: { ...decodeDocument(id, document).record, wakeAt },
    cursors: decodeCursors(id, cursors),
    dueAt,
  }));
  return { jobs: found, ...unreadable, nextDueAt };
}

export async function advanceJobs(session: Session, items: readonly AdvanceItem[]): Promise<AdvanceReply> {
  return eachShard(
    session,
    items,
    ({ id }) => id,
    "writes",
    async (shard, given) => {
      const { nowMs, reply } = await session.run(ADVANCE, shard, given.flatMap(encode), "writes");
      const results = given.map(({ id }): AdvanceResult => {
        const verdict = reply.number();
        const cursors = decodeCursors(id, reply.next());
        if (verdict === -1) return { status: "gone" };
        if (verdict === -2) throw new StoreCorruptError(id, "an unreadable document");
        return { status: "ok", wake: verdict === 1 ? "written" : "kept", cursors };
      });
      return { nowMs, results };
    },
  );
}

function encode({ id, plannedOn, wakeAt, purgeAt, latestWakeAt, cursors }: AdvanceItem): readonly string[] {
  const given = Object.entries(cursors);
  return [
    id,
    LETTERS[plannedOn.status],
    String(plannedOn.version),
    encodeLine(plannedOn.token),
    encodeInstant(wakeAt),
    encodeInstant(purgeAt),
    encodeBound(latestWakeAt),
    String(given.length),
    ...given.flatMap(([name, cursor]) => [name, encodeCursor(cursor)]),
  ];
}

import { StoreCorruptError } from "../../../core/errors/errors.js";
import type { ClaimNext, ClaimReply, NextReady, StoredJob, Unreadable } from "../../../core/ports/store.js";
import { type ReadEach, readEach } from "../../../core/ports/unreadable.js";
import { allOrUnknown, allUnreadable, atOnce, latest, quotas } from "../client/batch.js";
import { encodeLine } from "../documents/document.js";
import { jobWithInputOrNull, type Reply, type StoredParts } from "../documents/reply.js";
import { CLAIM_READY, PEEK_READY } from "../scripts/claims.js";
import type { Answer, Session } from "../client/session.js";
import { encodeTerms } from "./terms.js";
import { encodeText } from "../documents/text.js";

interface Taken {
  readonly job: StoredJob;
  /** Since when it was ready; -1: held before. */
  readonly dueAt: number;
}

/** A claim as scripts take it. */
export function encodeNext(
  { terms, token, kinds, limit }: ClaimNext,
  most: number = limit,
): readonly string[] {
  const leases = new Map(kinds.map(({ kind, leaseMs }) => [encodeText(kind), leaseMs]));
  return [
    ...encodeTerms(terms),
    encodeLine(token),
    String(most),
    String(Math.max(1, ...leases.values())),
    String(leases.size),
    ...[...leases].flatMap(([kind, leaseMs]) => [kind, String(leaseMs)]),
  ];
}

export function decodeTaken(reply: Reply): ReadEach<Taken> {
  const taken: { readonly id: string; readonly dueAt: number; readonly stored: StoredParts }[] = [];
  while (!reply.isOver) taken.push({ id: reply.text(), dueAt: reply.number(), stored: reply.stored() });
  return readEach(taken, ({ id, dueAt, stored }) => {
    const job = jobWithInputOrNull(id, stored);
    if (job === null) throw new StoreCorruptError(id, "no document");
    return { dueAt, job };
  });
}

/** What was held before comes first, then the oldest. */
export function inOrder(taken: readonly Taken[]): readonly StoredJob[] {
  return [...taken]
    .sort((a, b) => a.dueAt - b.dueAt || (a.job.record.id < b.job.record.id ? -1 : 1))
    .map(({ job }) => job);
}

/**
 * Claims the next ready jobs. On several shards all are looked at first, and then as many are taken of each as lie among
 * the oldest: no shard is passed over, and no more is claimed than was asked for.
 */
export async function claimNext(session: Session, asked: ClaimNext): Promise<ClaimReply> {
  const next = { ...asked, limit: atOnce(asked.limit) };
  const { taken, ready, ...rest } = await (session.shards === 1
    ? take(session, 0, next, next.limit)
    : spread(session, next));
  const told = taken.length < next.limit ? { nextReady: ready } : {};
  return { ...rest, jobs: inOrder(taken), results: [], ...told };
}

async function take(session: Session, shard: number, next: ClaimNext, most: number): Promise<Claimed> {
  const { nowMs, reply } = await session.run(CLAIM_READY, shard, encodeNext(next, most), "writes");
  const ready = readyOf(reply);
  const { found, unreadable } = decodeTaken(reply);
  return { nowMs, ready, taken: found, ...unreadable };
}

/** What is ready next; an empty id: nothing. */
function readyOf(reply: Reply): NextReady | null {
  const next = { id: reply.text(), readyAt: reply.number() };
  return next.id === "" ? null : next;
}

function earliest(all: readonly (NextReady | null)[]): NextReady | null {
  const known = all.filter((next) => next !== null);
  return known.reduce<NextReady | null>((a, b) => (a === null || b.readyAt < a.readyAt ? b : a), null);
}

async function spread(session: Session, next: ClaimNext): Promise<Claimed> {
  const looked = await allOrUnknown("reads", peeks(session, next));
  const heads = looked.map(({ reply }) => decodeHead(reply));
  let left = next.limit;
  const held = heads.map((head) => {
    const most = Math.min(head.held, left);
    left -= most;
    return most;
  });
  const counts = quotas(
    heads.map((head) => head.places),
    left,
  );
  const wanted = held.map((most, shard) => ({ shard, most: most + (counts[shard] ?? 0) }));
  const answers = await allOrUnknown(
    "writes",
    wanted.filter(({ most }) => most > 0).map(({ shard, most }) => take(session, shard, next, most)),
  );
  // Never more than the limit: what is held is counted in one step and answered in the next, and may only get less.
  return {
    nowMs: latest([...looked, ...answers]),
    ready: earliest(heads.map((head) => head.ready)),
    taken: answers.flatMap((answer) => answer.taken),
    ...allUnreadable(answers),
  };
}

function peeks(session: Session, { terms, token, kinds, limit }: ClaimNext): readonly Promise<Answer>[] {
  const args = [
    String(terms.recordVersion),
    encodeLine(token),
    String(limit),
    ...new Set(kinds.map(({ kind }) => encodeText(kind))),
  ];
  return session.places.tags.map((_, shard) => session.run(PEEK_READY, shard, args, "reads"));
}

interface Claimed extends Unreadable {
  readonly nowMs: number;
  readonly ready: NextReady | null;
  readonly taken: readonly Taken[];
}

interface Head {
  readonly ready: NextReady | null;
  readonly held: number;
  readonly places: readonly { readonly id: string; readonly at: number }[];
}

function decodeHead(reply: Reply): Head {
  const ready = readyOf(reply);
  const held = reply.number();
  const places: { id: string; at: number }[] = [];
  while (!reply.isOver) places.push({ id: reply.text(), at: reply.number() });
  return { ready, held, places };
}

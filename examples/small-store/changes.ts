// Every call that changes jobs: what is stored is read, the kit says what becomes of it, and one commit writes that.
import type {
  ClaimNext,
  ClaimReply,
  CreateItem,
  CreateResult,
  Store,
  StoredJob,
  TakeDueReply,
} from "waybill";
import {
  applyAdvance,
  applyBeat,
  applyClaimByMessage,
  applyClaimNext,
  type Applied,
  applyTakeDue,
  applyWrite,
  hotPart,
  isHeldBy,
  type StoredRow,
  withInput,
} from "waybill/store-kit";
import type { Engine } from "./engine.js";
import { hex, idIn, instant, keysIn, notingUnreadable, toldOf, under, upTo } from "./rows.js";
import { transact, type Transaction } from "./transaction.js";

type Changes = Pick<Store, "create" | "write" | "beat" | "claim" | "advance" | "takeDue">;

export function changes(engine: Engine): Changes {
  return {
    create: async ({ nowMs, items }) => {
      const results = await transact(engine, async (tx) => {
        const answers: CreateResult[] = [];
        for (const item of items) answers.push(await createOne(tx, item));
        return answers;
      });
      return { nowMs, results };
    },

    write: async ({ nowMs, items }) => ({
      nowMs,
      results: await change(engine, items, (row, item) => applyWrite(row, item, nowMs)),
    }),

    beat: async ({ nowMs, items }) => ({
      nowMs,
      results: await change(engine, items, (row, item) => applyBeat(row, item, nowMs)),
    }),

    claim: async ({ nowMs, next, byMessage }) => {
      if (next !== undefined) return { nowMs, ...(await claimNext(engine, next, nowMs)), results: [] };
      const { terms, items } = byMessage;
      const apply = (row: StoredRow, item: (typeof items)[number]) =>
        applyClaimByMessage(row, item, terms, nowMs);
      return { nowMs, jobs: [], results: await change(engine, items, apply) };
    },

    advance: async ({ nowMs, items }) => ({ nowMs, results: await change(engine, items, applyAdvance) }),

    takeDue: ({ nowMs, limit, holdMs, after }) =>
      transact(engine, async (tx) => {
        const jobs: TakeDueReply["jobs"][number][] = [];
        const unreadable: string[] = [];
        const passed = after === undefined ? {} : { after: `wake/${instant(after.wakeAt)}/${after.id}` };
        for await (const { key } of keysIn(engine, { ...upTo("wake", nowMs), ...passed })) {
          if (jobs.length === limit) break;
          const met = unreadable.length;
          const before = await tx.row(idIn(key)).catch(notingUnreadable(unreadable));
          if (unreadable.length > met) putOff(tx, key, `wake/${instant(nowMs + holdMs)}`);
          // Since its key was read it may have been removed, or taken by another one.
          if (before === null) continue;
          const { row, result: dueAt } = applyTakeDue(before, holdMs, nowMs);
          if (dueAt === null) continue;
          tx.put(before, row);
          jobs.push({ ...hotPart(row), dueAt });
        }
        return { nowMs, jobs, ...toldOf(unreadable) };
      }),
  };
}

/** A row is there only once by its id and once by its scope: both are read, so both are checked when it is written. */
async function createOne(tx: Transaction, { record, input }: CreateItem): Promise<CreateResult> {
  const [holder = null] = record.scope === null ? [] : await tx.read([`scope/${hex(record.scope)}`]);
  const existing = (await tx.row(record.id)) ?? (holder === null ? null : await tx.row(holder));
  if (existing !== null) return { status: "existing", job: hotPart(existing) };
  tx.put(null, { record, cursors: {}, input, output: null });
  return { status: "created" };
}

/** Guard and effect of each item are evaluated on what is stored, and hold when it is written. */
function change<I extends { readonly id: string }, R>(
  engine: Engine,
  items: readonly I[],
  apply: (row: StoredRow, item: I) => Applied<R>,
): Promise<readonly (R | { readonly status: "gone" })[]> {
  return transact(engine, async (tx) => {
    const rows = await tx.rows(items.map(({ id }) => id));
    return items.map((item, index) => {
      const before = rows[index] ?? null;
      if (before === null) return { status: "gone" };
      const { row, result } = apply(before, item);
      tx.put(before, row);
      return result;
    });
  });
}

/** Of a row that cannot be read only the key can be moved: the call would meet it again at once. */
function putOff(tx: Transaction, key: string, place: string, value = ""): void {
  tx.set(key, null);
  tx.set(`${place}/${idIn(key)}`, value);
}

/** What the token holds already, for a worker that never heard the answer; then the next ready jobs. */
function claimNext(
  engine: Engine,
  next: ClaimNext,
  nowMs: number,
): Promise<Pick<ClaimReply, "jobs" | "unreadable">> {
  const leases = new Map(next.kinds.map(({ kind, leaseMs }) => [kind, leaseMs]));
  return transact(engine, async (tx) => {
    const jobs: StoredJob[] = [];
    const unreadable: string[] = [];
    const readable = (key: string) => tx.row(idIn(key)).catch(notingUnreadable(unreadable));
    for await (const { key } of keysIn(engine, under(`held/${hex(next.token)}/`))) {
      if (jobs.length === next.limit) break;
      const row = await readable(key);
      if (row !== null && isHeldBy(row.record, next.token)) jobs.push(withInput(row));
    }
    for await (const { key, value: kind } of keysIn(engine, upTo("ready", nowMs))) {
      if (jobs.length === next.limit) break;
      const leaseMs = leases.get(kind);
      if (leaseMs === undefined) continue;
      const met = unreadable.length;
      const before = await readable(key);
      if (unreadable.length > met) putOff(tx, key, `ready/${instant(nowMs + leaseMs)}`, kind);
      if (before === null) continue;
      const { row, result: job } = applyClaimNext(before, next, nowMs);
      // Of a newer record format, or not ready any more since its key was read.
      if (job === null) continue;
      tx.put(before, row);
      jobs.push(job);
    }
    return { jobs, ...toldOf(unreadable) };
  });
}

// Calls that only look: what they read is never committed.
import type { ListRequest, Store, StoredJob } from "waybill";
import { hotPart, indexOfStatuses, isListed, type StoredRow } from "waybill/store-kit";
import type { Engine } from "./engine.js";
import { hex, idIn, instant, instantIn, keysIn, notingUnreadable, refPrefix, toldOf, under } from "./rows.js";
import { Transaction } from "./transaction.js";

const MAX_JOBS_BY_REF = 10;
/** Rows that one page looks at: a filter that fits few jobs gives short pages, not long calls. */
const MAX_ROWS_PER_PAGE = 1_000;

export function lookups(engine: Engine): Pick<Store, "read" | "list" | "byRef"> {
  return {
    read: async ({ nowMs, ids, ...asked }) => ({
      nowMs,
      jobs: (await new Transaction(engine).rows(ids)).map((row) =>
        row === null ? null : partsOf(row, asked),
      ),
    }),

    list: async (request) => {
      const { nowMs, limit } = request;
      const tx = new Transaction(engine);
      const jobs: StoredJob[] = [];
      const unreadable: string[] = [];
      let next: ListRequest["after"] | null = null;
      let looked = 0;
      for await (const { key } of keysIn(engine, placesOf(request))) {
        if (jobs.length === limit || looked === MAX_ROWS_PER_PAGE)
          return { nowMs, jobs, next, ...toldOf(unreadable) };
        const row = await tx.row(idIn(key)).catch(notingUnreadable(unreadable));
        if (row !== null && isListed(row, request)) jobs.push(partsOf(row, request));
        next = { createdAt: instantIn(key), id: idIn(key) };
        looked += 1;
      }
      return { nowMs, jobs, next: null, ...toldOf(unreadable) };
    },

    byRef: async ({ nowMs, kind, refKey, owner }) => {
      const tx = new Transaction(engine);
      const jobs: StoredJob[] = [];
      const unreadable: string[] = [];
      const range = { ...under(refPrefix(kind, refKey)), newestFirst: true };
      for await (const { key } of keysIn(engine, range)) {
        if (jobs.length === MAX_JOBS_BY_REF) break;
        const row = await tx.row(idIn(key)).catch(notingUnreadable(unreadable));
        const fits = owner === undefined || row?.record.owner === owner;
        if (fits && row?.record.awaiting?.refKeys.includes(refKey) === true) jobs.push(hotPart(row));
      }
      return { nowMs, jobs, ...toldOf(unreadable) };
    },
  };
}

/** An index by owner or subject would be read here, where there are many jobs of others. */
function placesOf(request: ListRequest): Parameters<typeof keysIn>[1] {
  const { after } = request;
  const index = `${indexFor(request)}/`;
  const passed = after === undefined ? {} : { below: `${index}${instant(after.createdAt)}/${after.id}` };
  return { ...under(index), ...passed, newestFirst: true };
}

function indexFor({ undeliverable, kinds, statuses }: ListRequest): string {
  if (undeliverable === true) return "undelivered";
  const index = indexOfStatuses(statuses);
  if (index === null) return "created";
  const [kind, ...others] = kinds ?? [];
  return kind === undefined || others.length > 0 ? index : `${index} of ${hex(kind)}`;
}

/** Input and output only where they were asked for. */
function partsOf(row: StoredRow, { input, output }: Pick<ListRequest, "input" | "output">): StoredJob {
  return {
    ...hotPart(row),
    ...(input === true && { input: row.input }),
    ...(output === true && { output: row.output }),
  };
}

import type { ListReply, ListRequest, StoredJob } from "../../../core/ports/store.js";
import { indexOfStatuses, type JobRecord } from "../../../core/job/record.js";
import type { HotJob } from "../items/codec.js";
import type { Connection } from "../client/connection.js";
import { UNDELIVERABLE } from "../items/indexed.js";
import { readReadable } from "../items/items.js";
import { place } from "../names.js";
import { withPayloads } from "../items/payload.js";
import {
  ALL,
  EntryReader,
  FAILED,
  everyShard,
  type IndexEntry,
  OWNER,
  type Range,
  SUBJECT,
  UNDELIVERED,
  UNFINISHED,
} from "../items/places.js";
import { encodeText } from "../items/text.js";

/** Entries that one page looks at: a filter that fits few jobs gives short pages, not a long bill. */
const MAX_ENTRIES_PER_PAGE = 1_000;
const MAX_PAGE_SIZE = 100;
const LEAST_FILTERED = 25;

/** One page. The index tells which jobs and in which order; what is answered is read from the table itself, strongly. */
export async function listJobs(
  connection: Connection,
  request: ListRequest,
): Promise<Omit<ListReply, "nowMs">> {
  const { limit } = request;
  const reader = new EntryReader(connection, rangesOf(request));
  const found: HotJob[] = [];
  const unreadable: string[] = [];
  let looked = 0;
  let last: IndexEntry | undefined;
  let isLeft = false;
  while (found.length < limit && looked < MAX_ENTRIES_PER_PAGE) {
    const entries = await entriesFor(reader, request, limit - found.length, MAX_ENTRIES_PER_PAGE - looked);
    if (entries.length === 0) break;
    const read = await readCandidates(connection, entries, request, unreadable);
    for (const { entry, hot } of read) {
      isLeft = found.length >= limit;
      if (isLeft) break;
      if (hot !== null) found.push(hot);
      last = entry;
      looked += 1;
    }
  }
  const jobs = await withPayloads(connection, found, request);
  const isEnd = !isLeft && (await reader.isAtEnd());
  return {
    jobs: jobs.filter((job): job is StoredJob => job !== null),
    ...(unreadable.length === 0 ? {} : { unreadable }),
    next: last === undefined || isEnd ? null : { createdAt: last.at, id: last.id },
  };
}

/** Entries until as many may be wanted as are read in one go: those of another kind are told by the index alone. */
async function entriesFor(
  reader: EntryReader,
  request: ListRequest,
  wanted: number,
  most: number,
): Promise<readonly IndexEntry[]> {
  const entries: IndexEntry[] = [];
  const chunk = chunkOf(request, wanted);
  for (let lacking = chunk; lacking > 0 && entries.length < most;) {
    const more = await reader.take(lacking);
    if (more.length === 0) break;
    entries.push(...more);
    lacking -= more.filter((entry) => mayBeWanted(entry, request)).length;
  }
  return entries;
}

/** Where a filter may leave jobs out, more are looked at in one go than are still wanted. */
function chunkOf({ owner, subject, kinds, statuses }: ListRequest, wanted: number): number {
  const isFiltered = kinds !== undefined || statuses !== undefined || owner === null;
  const least = isFiltered || (owner !== undefined && subject !== undefined) ? LEAST_FILTERED : 1;
  return Math.min(Math.max(wanted, least), MAX_PAGE_SIZE);
}

/** The jobs of index entries; `null`: not one that was asked for. */
async function readCandidates(
  connection: Connection,
  entries: readonly IndexEntry[],
  request: ListRequest,
  unreadable: string[],
): Promise<readonly { readonly entry: IndexEntry; readonly hot: HotJob | null }[]> {
  const candidates = entries.filter((entry) => mayBeWanted(entry, request));
  const { jobs, unreadable: met } = await readReadable(
    connection,
    candidates.map(({ id }) => id),
  );
  unreadable.push(...met);
  const read = new Map(candidates.map((entry, index) => [entry, jobs[index] ?? null]));
  return entries.map((entry) => {
    const hot = read.get(entry) ?? null;
    return { entry, hot: isListed(hot, entry, request) ? hot : null };
  });
}

/** The narrowest index that holds every job asked for. */
function rangesOf({ undeliverable, subject, owner, statuses, after, limit }: ListRequest): readonly Range[] {
  const range = {
    newestFirst: true,
    pageSize: Math.min(limit + 1, MAX_PAGE_SIZE),
    ...(after === undefined ? {} : { below: place(after.createdAt, after.id) }),
  };
  if (undeliverable === true) return [{ ...range, keys: UNDELIVERED, partition: UNDELIVERABLE }];
  if (subject !== undefined) return [{ ...range, keys: SUBJECT, partition: encodeText(subject) }];
  if (owner !== undefined && owner !== null) return [{ ...range, keys: OWNER, partition: encodeText(owner) }];
  const index = indexOfStatuses(statuses);
  const keys = index === null ? ALL : index === "failed" ? FAILED : UNFINISHED;
  return everyShard({ ...range, keys });
}

/** The index of all jobs carries the kind: what is of another is not read. */
function mayBeWanted({ item }: IndexEntry, { kinds }: ListRequest): boolean {
  const kind = item["kind"]?.S;
  return kind === undefined || kinds === undefined || kinds.some((wanted) => encodeText(wanted) === kind);
}

/** An entry that lags behind may be of a job that was removed, and of another that has its id now. */
function isListed(hot: HotJob | null, entry: IndexEntry, request: ListRequest): hot is HotJob {
  if (hot?.job.record.createdAt !== entry.at) return false;
  return isWanted(hot.job.record, request) && (request.undeliverable !== true || hasGivenUp(hot));
}

function isWanted(record: JobRecord, { owner, subject, kinds, statuses }: ListRequest): boolean {
  if (owner !== undefined && record.owner !== owner) return false;
  if (subject !== undefined && record.subject !== subject) return false;
  if (kinds !== undefined && !kinds.includes(record.kind)) return false;
  return statuses === undefined || statuses.includes(record.status);
}

function hasGivenUp({ job }: HotJob): boolean {
  return Object.values(job.cursors).some((cursor) => cursor.exhausted.length > 0);
}

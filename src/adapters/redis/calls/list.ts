import type {
  ByRefReply,
  ByRefRequest,
  ListReply,
  ListRequest,
  StoredJob,
  Unreadable,
} from "../../../core/ports/store.js";
import { readEach } from "../../../core/ports/unreadable.js";
import { indexOfStatuses, type StatusIndex } from "../../../core/job/record.js";
import { allOrUnknown, allUnreadable, latest } from "../client/batch.js";
import { decodeCursors } from "../documents/cursors.js";
import { decodeDocument } from "../documents/document.js";
import { asked, jobOf, nextShown } from "./read.js";
import { BY_REF, LIST } from "../scripts/reads.js";
import type { Session } from "../client/session.js";
import { LETTERS } from "../documents/fixed-width.js";
import { encodeOptional, encodeText } from "../documents/text.js";

/** Jobs that one page looks at: a filter that fits few gives short pages, not a long stop of the server. */
const MAX_JOBS_PER_PAGE = 1_000;
const MAX_JOBS_BY_REF = 10;
/** Whatever it is, and all of them. */
const ANY = "*";

type Place = NonNullable<ListReply["next"]>;

interface Page extends Unreadable {
  readonly nowMs: number;
  readonly jobs: readonly StoredJob[];
  /** Where it ended though more may lie behind it. */
  readonly end: Place | null;
}

export async function listJobs(session: Session, request: ListRequest): Promise<ListReply> {
  const args = encode(request);
  const pages = await allOrUnknown(
    "reads",
    session.places.tags.map((_, shard) => pageOf(session, shard, args, request)),
  );
  const [only] = pages;
  if (pages.length === 1 && only !== undefined) {
    const { end, ...page } = only;
    return { ...page, next: end };
  }
  return merge(pages, request.limit);
}

async function pageOf(
  session: Session,
  shard: number,
  args: readonly string[],
  request: ListRequest,
): Promise<Page> {
  const { nowMs, reply } = await session.run(LIST, shard, args, "reads");
  const at = reply.text();
  const id = reply.text();
  const places: { readonly id: string; readonly shown: ReturnType<typeof nextShown> }[] = [];
  while (!reply.isOver) places.push({ id: reply.text(), shown: nextShown(reply) });
  const { found, unreadable } = readEach(places, (place) => jobOf(place.id, place.shown, request));
  const jobs = found.filter((job) => job !== null);
  return { nowMs, jobs, ...unreadable, end: id === "" ? null : { createdAt: Number(at), id } };
}

/** No further than every shard has looked, so that the next page begins where all of them can go on. */
function merge(pages: readonly Page[], limit: number): ListReply {
  const ends = pages.flatMap(({ end }) => end ?? []).sort(newestFirst);
  const [boundary] = ends;
  const all = pages
    .flatMap(({ jobs }) => jobs)
    .filter(({ record }) => boundary === undefined || newestFirst(record, boundary) <= 0)
    .sort((a, b) => newestFirst(a.record, b.record));
  const jobs = all.slice(0, limit);
  const last = jobs[jobs.length - 1]?.record;
  const cut = all.length > limit && last !== undefined ? { createdAt: last.createdAt, id: last.id } : null;
  return { nowMs: latest(pages), jobs, ...allUnreadable(pages), next: cut ?? boundary ?? null };
}

function newestFirst(a: Place, b: Place): number {
  return b.createdAt - a.createdAt || (a.id === b.id ? 0 : a.id > b.id ? -1 : 1);
}

function encode(request: ListRequest): readonly string[] {
  const { limit, after, owner, subject, kinds, statuses } = request;
  const { index, isWhole } = pathOf(request);
  // A name that no kind has: nothing fits an empty list.
  const kept = kinds?.length === 0 ? [""] : (kinds ?? []);
  return [
    ...asked(request),
    String(limit),
    // Without a filter every job that is seen is on the page: no more need be looked at.
    String(isWhole ? limit : MAX_JOBS_PER_PAGE),
    after === undefined ? "" : String(after.createdAt),
    after?.id ?? "",
    owner === undefined ? ANY : encodeOptional(owner),
    subject === undefined ? ANY : encodeOptional(subject),
    // A letter that no status has: nothing fits an empty list.
    statuses === undefined ? "" : `-${statuses.map((status) => LETTERS[status]).join("")}`,
    String(kept.length),
    ...kept.map(encodeText),
    ...index,
  ];
}

/** Of the indexes by status and kind. */
const PREFIXES: Readonly<Record<StatusIndex, string>> = { unfinished: "e:", failed: "z:" };

function isWholeIndex(statuses: ListRequest["statuses"] = []): boolean {
  return statuses.includes("FAILED") || new Set(statuses).size === UNFINISHED;
}

/** PENDING, QUEUED and PROCESSING. */
const UNFINISHED = 3;

interface Path {
  readonly index: readonly string[];
  /** Every job in it is wanted. */
  readonly isWhole: boolean;
}

/** The narrowest indexes that hold every job asked for. */
function pathOf({ undeliverable, subject, owner, kinds, statuses }: ListRequest): Path {
  const filters = [subject, owner, kinds, statuses].filter((filter) => filter !== undefined).length;
  if (undeliverable === true) return { index: ["u"], isWhole: filters === 0 };
  if (subject !== undefined) return { index: [`s:${encodeText(subject)}`], isWhole: filters === 1 };
  if (owner !== undefined && owner !== null) {
    return { index: [`n:${encodeText(owner)}`], isWhole: filters === 1 };
  }
  const sparse = indexOfStatuses(statuses);
  const prefix = sparse === null ? "k:" : PREFIXES[sparse];
  // Of what is unfinished a single status may be wanted.
  const left = sparse !== null && isWholeIndex(statuses) ? filters - 1 : filters;
  if (kinds !== undefined) {
    return {
      index: [...new Set(kinds)].map((kind) => `${prefix}${encodeText(kind)}`),
      isWhole: left === 1,
    };
  }
  return { index: [`${ANY}${prefix}`], isWhole: left === 0 };
}

export async function jobsByRef(
  session: Session,
  { kind, refKey, owner }: ByRefRequest,
): Promise<ByRefReply> {
  const args = [
    `${encodeText(kind)}\t${encodeText(refKey)}`,
    owner === undefined ? ANY : encodeOptional(owner),
  ];
  const answers = await allOrUnknown(
    "reads",
    session.places.tags.map((_, shard) => session.run(BY_REF, shard, args, "reads")),
  );
  const places: { readonly id: string; readonly document: string; readonly cursors: unknown }[] = [];
  for (const { reply } of answers) {
    while (!reply.isOver) places.push({ id: reply.text(), document: reply.text(), cursors: reply.next() });
  }
  const { found, unreadable } = readEach(places, ({ id, document, cursors }): StoredJob => ({
    record: decodeDocument(id, document).record,
    cursors: decodeCursors(id, cursors),
  }));
  const jobs = [...found].sort((a, b) => newestFirst(a.record, b.record));
  return { nowMs: latest(answers), jobs: jobs.slice(0, MAX_JOBS_BY_REF), ...unreadable };
}

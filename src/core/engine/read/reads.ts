import type { Definition } from "../../definition.js";
import { StoreUnavailableError, WaybillError } from "../../errors/errors.js";
import { historyOf } from "../../job/history.js";
import { parseJsonText } from "../../json/json-text.js";
import { type JobStatus, STATUSES } from "../../job/lifecycle.js";
import type { StoredJob } from "../../ports/store.js";
import type { JobRecord } from "../../job/record.js";
import type { JobEvent } from "../../job/event.js";
import { eventsOf } from "../announce/events.js";
import type { Core } from "../context.js";
import { ANYBODY, isOf, ownerOf, type Whose } from "../../options/owner-option.js";
import { jobOf, listedJobOf, type ListedRuntimeJob, type RuntimeJob } from "./job.js";
import { checkText, isId, requireText } from "../compose/option-checks.js";
import type { DispatchState } from "../submit/dispatch.js";
import { decodePage, encodePage } from "./page.js";

/** The definition of a kind; `undefined` for one that only other processes know: its jobs are shown with their status as word. */
function definitionOf(core: Core, kind: string): Definition | undefined {
  return core.definitions.get(kind);
}

/** Which job a call may find: any, or only one of a kind and of somebody's. */
export interface Asked {
  readonly kind: string | null;
  readonly whose: Whose;
}

/** Code of the server, about any job. */
export const ANY_JOB: Asked = { kind: null, whose: ANYBODY };

/**
 * The stored job of an id; `null` when there is none. A malformed id, a job of another kind than asked for and a job of
 * another owner are no different from none: every method about one job finds it here.
 */
export async function find(
  core: Core,
  id: string,
  { kind, whose }: Asked,
  parts: { readonly input?: boolean; readonly output?: boolean } = { input: true },
): Promise<StoredJob | null> {
  if (!isId(id)) return null;
  const stored = await core.gateway.read(id, parts);
  if (stored === null || (kind !== null && stored.record.kind !== kind)) return null;
  return isOf(whose, stored.record.owner) ? stored : null;
}

/** The job as stored. */
export async function get(
  core: Core,
  id: string,
  kind: string | null,
  whose: Whose = ANYBODY,
): Promise<RuntimeJob | null> {
  const stored = await find(core, id, { kind, whose }, { input: true, output: true });
  return stored === null ? null : jobOf(definitionOf(core, stored.record.kind), stored);
}

/**
 * The job as a change has left it: the input of one that was found without, and what a COMPLETED one yielded, are read
 * after it.
 *
 * @param state - what the caller knows of the hand-over; else it is told from the record
 * @throws StoreUnavailableError `outcome: "applied"` when they cannot be read, or were removed since
 */
export async function shown(core: Core, known: StoredJob, state?: DispatchState): Promise<RuntimeJob> {
  const { id, kind } = known.record;
  if (isWhole(known)) return jobOf(definitionOf(core, kind), known, state);
  return asStored(core, known, `The change of job ${id} is stored`);
}

/**
 * A job that is known to be stored, as it is by now. Of one that was removed since it says what is known, if that is all.
 *
 * @param said - begins the sentence where that cannot be told
 * @throws StoreUnavailableError `outcome: "applied"`
 */
export async function asStored(core: Core, known: StoredJob, said: string): Promise<RuntimeJob> {
  const { id, kind } = known.record;
  let trouble: { readonly why: string; readonly cause?: unknown };
  try {
    const stored = await core.gateway.read(id, { input: true, output: true });
    if (stored !== null || isWhole(known)) return jobOf(definitionOf(core, kind), stored ?? known);
    trouble = { why: "was removed by its retention before it was read" };
  } catch (cause) {
    trouble = { why: "could not be read", cause };
  }
  const { why, cause } = trouble;
  throw new StoreUnavailableError(`${said}, but the job ${why}.`, { outcome: "applied", jobId: id, cause });
}

/** Whether nothing is left to read: a COMPLETED job without what it yielded would be none. */
function isWhole({ record, input }: StoredJob): boolean {
  return input !== undefined && record.status !== "COMPLETED";
}

/** The newest job of a kind about a subject. */
export async function latest(
  core: Core,
  definition: Definition,
  subject: string,
  whose: Whose,
): Promise<RuntimeJob | null> {
  // Left out, it would find anybody's job.
  requireText("subject", subject);
  const { jobs } = await core.gateway.call("list", (store, request) =>
    store.list({
      ...request,
      subject,
      ...(whose === ANYBODY ? {} : { owner: whose }),
      kinds: [definition.kind],
      limit: 1,
      input: true,
      output: true,
    }),
  );
  const [stored] = jobs;
  return stored === undefined ? null : jobOf(definition, stored);
}

export interface RuntimeListFilter {
  readonly kind?: string | undefined;
  readonly status?: JobStatus | readonly JobStatus[] | undefined;
  /** A word of the kind's; needs `kind`. */
  readonly word?: string | undefined;
  readonly owner?: string | null | undefined;
  readonly subject?: string | undefined;
  /** 1–100. @default 50 */
  readonly limit?: number | undefined;
  /** `next` of the page before. */
  readonly cursor?: string | undefined;
}

export interface RuntimePage<T> {
  readonly items: readonly T[];
  /** For the next page; `null`: this was the last. A page may be short before it. */
  readonly next: string | null;
}

const MOST_LISTED = 100;

/** Jobs, newest first, without input and output. */
export async function list(core: Core, filter: RuntimeListFilter): Promise<RuntimePage<ListedRuntimeJob>> {
  const { kind, subject, limit = 50 } = filter;
  const whose = ownerOf(filter);
  if (kind === undefined && whose === ANYBODY && subject === undefined) {
    throw new WaybillError("config.invalid", "list needs at least one of kind, owner and subject.");
  }
  checkLimit(limit);
  checkText("kind", kind);
  checkText("subject", subject);
  const statuses = statusFilter(core, filter);
  const after = decodePage(filter.cursor);
  if (statuses?.length === 0) return { items: [], next: null };
  const reply = await core.gateway.call("list", (store, request) =>
    store.list({
      ...request,
      limit,
      // Large, and shown by none of these: read only where a kind makes its messages out of it.
      input: messagesReadInput(core, kind),
      ...(kind === undefined ? {} : { kinds: [kind] }),
      ...(whose === ANYBODY ? {} : { owner: whose }),
      ...(subject === undefined ? {} : { subject }),
      ...(statuses === null ? {} : { statuses }),
      ...(after === null ? {} : { after }),
    }),
  );
  const items = reply.jobs
    .map((stored) => listedJobOf(definitionOf(core, stored.record.kind), stored))
    // A word may stand for a phase or a reason, which no index knows.
    .filter((job) => filter.word === undefined || job.word === filter.word);
  return { items, next: encodePage(reply.next) };
}

/** Whether messages of a kind, or of any that this process knows, read the input. */
function messagesReadInput(core: Core, kind: string | undefined): boolean {
  if (kind !== undefined) return definitionOf(core, kind)?.messagesReadInput ?? false;
  return [...core.definitions.values()].some((definition) => definition.messagesReadInput);
}

function checkLimit(limit: number): void {
  if (Number.isInteger(limit) && limit >= 1 && limit <= MOST_LISTED) return;
  throw new WaybillError("config.invalid", `limit must be a whole number from 1 to ${String(MOST_LISTED)}.`);
}

function isStatuses(given: unknown): boolean {
  return Array.isArray(given) && given.every((one) => STATUSES.includes(one as JobStatus));
}

function statusFilter(core: Core, { status, word, kind }: RuntimeListFilter): readonly JobStatus[] | null {
  const asked = status === undefined ? null : typeof status === "string" ? [status] : status;
  if (status !== undefined && !isStatuses(asked)) {
    throw new WaybillError("config.invalid", `status must be of ${STATUSES.join(", ")}.`);
  }
  if (word === undefined) return asked;
  const definition = kind === undefined ? undefined : definitionOf(core, kind);
  if (definition === undefined) {
    throw new WaybillError("config.invalid", "list by word needs the kind that the word belongs to.");
  }
  const meant = definition.statusesOf(word);
  if (meant.length === 0) throw new WaybillError("config.invalid", `${definition.kind} has no such word.`);
  return asked === null ? meant : meant.filter((one) => asked.includes(one));
}

export interface RuntimeHistory {
  /** One event per entry, oldest first: what every notifier is told. */
  readonly events: readonly JobEvent[];
  /** Older entries that were trimmed and handed to `onTrim`. */
  readonly trimmed: number;
}

/** The audit trail of a job; `null`: no such job. */
export async function history(
  core: Core,
  id: string,
  asked: Asked = ANY_JOB,
): Promise<RuntimeHistory | null> {
  const stored = await find(core, id, asked);
  if (stored === null) return null;
  const { record } = stored;
  return {
    events: eventsOf(definitionOf(core, record.kind), record, historyOf(record), inputOf(stored)),
    trimmed: record.historyTrimmed,
  };
}

function inputOf(stored: StoredJob): unknown {
  return stored.input === undefined ? undefined : parseJsonText(stored.input);
}

/** Something that a notifier never got through. */
export interface Undelivered {
  readonly jobId: string;
  readonly kind: string;
  readonly notifier: string;
  /** The versions that were given up. */
  readonly versions: readonly number[];
  /** Why the last of them was. */
  readonly reason: string | null;
  readonly since: Date | null;
}

/** A message that was put aside. */
export interface RuntimeParked {
  readonly id: string;
  readonly queue: string;
  readonly body: string;
  readonly reason: string;
  readonly at: Date;
}

/** Messages that were put aside, in the order of their ids. */
export async function parked(
  core: Core,
  { limit = 50, cursor }: { readonly limit?: number | undefined; readonly cursor?: string | undefined },
): Promise<{ readonly items: readonly RuntimeParked[]; readonly next: string | null }> {
  checkLimit(limit);
  if (cursor !== undefined && !PARKED_ID.test(cursor)) {
    throw new WaybillError("config.invalid", "The cursor is not one that parked returned.");
  }
  const { messages } = await core.gateway.call("parked", (store, request) =>
    store.parked({ ...request, limit, ...(cursor === undefined ? {} : { after: cursor }) }),
  );
  const items = messages.map((message) => ({ ...message, at: new Date(message.at) }));
  return { items, next: items.length < limit ? null : (items[items.length - 1]?.id ?? null) };
}

/** As the core makes them: a hash. */
const PARKED_ID = /^[0-9a-f]{64}$/;

/** When the oldest of them happened; `null`: it was trimmed. */
function sinceOf(record: JobRecord, versions: readonly number[]): Date | null {
  const oldest = historyOf(record).find(({ version }) => versions.includes(version));
  return oldest === undefined ? null : new Date(oldest.at);
}

/** What notifiers gave up, newest jobs first. */
export async function undelivered(
  core: Core,
  { limit = 50, cursor }: { readonly limit?: number | undefined; readonly cursor?: string | undefined },
): Promise<{ readonly items: readonly Undelivered[]; readonly next: string | null }> {
  checkLimit(limit);
  const after = decodePage(cursor);
  const reply = await core.gateway.call("list", (store, request) =>
    store.list({
      ...request,
      undeliverable: true,
      limit,
      ...(after === null ? {} : { after }),
    }),
  );
  const items = reply.jobs.flatMap(({ record, cursors }) =>
    Object.entries(cursors)
      .filter(([, { exhausted }]) => exhausted.length > 0)
      .map(([notifier, { exhausted, reason }]) => ({
        jobId: record.id,
        kind: record.kind,
        notifier,
        versions: exhausted,
        reason,
        since: sinceOf(record, exhausted),
      })),
  );
  return { items, next: encodePage(reply.next) };
}

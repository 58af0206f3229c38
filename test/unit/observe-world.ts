import { z } from "zod";
import { interceptStore } from "../../src/testing/faults/intercept-store.js";
import { memoryStore } from "../../src/adapters/memory/store.js";
import { createWaybill } from "../../src/core/create-waybill.js";
import { defineJob } from "../../src/core/define/define-job.js";
import { StoreUnavailableError } from "../../src/core/errors/errors.js";
import type { JobStatus } from "../../src/core/job/lifecycle.js";
import type { Feed, FeedHint } from "../../src/core/ports/feed.js";
import type {
  ListRequest,
  ReadRequest,
  Store,
  StoreCapabilities,
  StoredJob,
} from "../../src/core/ports/store.js";
import type { JobRecord } from "../../src/core/job/record.js";
import { fakeClock } from "../../src/testing/fake-clock.js";
import { sampleJob } from "../../src/testing/sample-jobs.js";
import { recordingLogger } from "../support/engine.js";

export const work = defineJob({
  kind: "sample.work",
  input: z.object({ secret: z.string() }),
  output: z.object({ done: z.string() }),
  progress: z.object({ done: z.number() }),
});
export const other = defineJob({ kind: "sample.other", input: z.object({}) });
/** A kind whose messages speak of its input. */
const greeting = defineJob({
  kind: "sample.greeting",
  input: z.object({ to: z.string() }),
  messages: { PENDING: ({ input }) => `For ${input.to}` },
});
/** A kind that cannot show what was stored before its output and progress were changed. */
export const rows = defineJob({
  kind: "sample.rows",
  input: z.object({}),
  output: z.object({ rows: z.array(z.string()) }),
  progress: z.object({ rows: z.array(z.string()) }),
  project: {
    output: ({ rows }) => ({ count: rows.length }),
    progress: ({ rows }) => ({ count: rows.length }),
  },
});

const INPUTS: Readonly<Record<string, string>> = {
  "sample.work": JSON.stringify({ secret: "canary-input" }),
  "sample.other": "{}",
  "sample.greeting": JSON.stringify({ to: "ann" }),
};

/** One job of one read, and what of it was asked for. */
export interface ReadOfJob {
  readonly id: string;
  readonly input: boolean;
  readonly output: boolean;
}

/**
 * One Waybill over a store that the test writes by hand, as if other processes did, and a feed that it speaks through: what
 * is stored, what is hinted and what is answered when are told apart.
 */
export function observeWorld(
  options: {
    readonly feed?: boolean;
    readonly shared?: boolean;
    readonly capabilities?: Partial<StoreCapabilities>;
  } = {},
) {
  const clock = fakeClock();
  const stored = new Map<string, StoredJob>();
  const reads: ReadOfJob[] = [];
  const calls = { read: 0, list: 0, listedInputs: 0 };
  const trouble = { reads: false, lists: false, subscribe: false, delayMs: () => 0 };
  const { logger, lines } = recordingLogger();

  const answer = async <T>(isBroken: boolean, value: () => T): Promise<T> => {
    if (isBroken) throw new StoreUnavailableError("The store is away.", { outcome: "not_applied" });
    // What is read is what is stored when the call arrives; the answer may take its time.
    const read = value();
    const delayMs = trouble.delayMs();
    if (delayMs > 0) await new Promise<void>((resolve) => void clock.timer(delayMs, resolve));
    return read;
  };
  const part = (row: StoredJob, { input, output }: Pick<ReadRequest, "input" | "output">): StoredJob => ({
    record: row.record,
    cursors: row.cursors,
    ...(input === true ? { input: INPUTS[row.record.kind] ?? "{}" } : {}),
    ...(output === true ? { output: row.output ?? null } : {}),
  });

  const base = memoryStore();
  const store: Store = {
    ...interceptStore(base, (_method, _items, call) => call()),
    capabilities: {
      ...base.capabilities,
      ...options.capabilities,
      shared: options.shared ?? true,
      maxBatch: 250,
    },
    ready: () => base.ready(),
    close: () => base.close(),
    read: (request) =>
      answer(trouble.reads, () => {
        calls.read += 1;
        const wanted = { input: request.input === true, output: request.output === true };
        reads.push(...request.ids.map((id) => ({ id, ...wanted })));
        return {
          nowMs: clock.now(),
          jobs: request.ids.map((id) => {
            const row = stored.get(id);
            return row === undefined ? null : part(row, request);
          }),
        };
      }),
    list: (request) =>
      answer(trouble.lists, () => {
        calls.list += 1;
        if (request.input === true) calls.listedInputs += 1;
        const fits = [...stored.values()].filter(({ record }) => isListed(record, request));
        fits.sort((a, b) => newestFirst(a.record, b.record));
        const jobs = fits.slice(0, request.limit).map((row) => part(row, request));
        const last = jobs.at(-1)?.record;
        return {
          nowMs: clock.now(),
          jobs,
          next: fits.length > jobs.length && last ? { createdAt: last.createdAt, id: last.id } : null,
        };
      }),
  };

  const listeners = new Map<(hint: FeedHint) => void, (() => void) | undefined>();
  const feed: Feed = {
    publish: async () => undefined,
    subscribe: async (listener, { onGap } = {}) => {
      if (trouble.subscribe) throw new Error("the feed is away");
      listeners.set(listener, onGap);
      return async () => void listeners.delete(listener);
    },
    close: async () => undefined,
  };
  const waybill = createWaybill({
    jobs: [work, other, greeting, rows],
    store,
    clock,
    logger,
    ...(options.feed === false ? {} : { feed }),
  });

  const hintOf = ({ id, kind, version, owner, subject }: JobRecord): FeedHint => ({
    id,
    kind,
    version,
    owner,
    subject,
  });
  const hint = (record: JobRecord): void => {
    for (const listener of listeners.keys()) listener(hintOf(record));
  };
  const write = (id: string, over: Partial<JobRecord> = {}, output?: string): JobRecord => {
    const before = stored.get(id)?.record;
    const fresh = sampleJob({ id, owner: "ann", createdAt: clock.now(), ...over }, clock.now());
    const record: JobRecord =
      before === undefined
        ? fresh
        : { ...before, version: before.version + 1, updatedAt: clock.now(), ...over };
    stored.set(id, { record, cursors: {}, ...(output === undefined ? {} : { output }) });
    return record;
  };
  return {
    clock,
    waybill,
    store,
    rows: stored,
    reads,
    calls,
    trouble,
    log: lines,
    listeners,
    hint,
    hintOf,
    /** Writes a job, or a next version of it, and tells nobody. */
    write,
    /** Writes and tells the feed. */
    put: (id: string, over: Partial<JobRecord> = {}, output?: string): JobRecord => {
      const record = write(id, over, output);
      hint(record);
      return record;
    },
    gap: (): void => {
      for (const onGap of listeners.values()) onGap?.();
    },
  };
}

export type ObserveWorld = ReturnType<typeof observeWorld>;

export function ended(status: JobStatus, at: number): Partial<JobRecord> {
  return { status, startedAt: at, finishedAt: at };
}

function newestFirst(a: JobRecord, b: JobRecord): number {
  return b.createdAt - a.createdAt || (a.id < b.id ? 1 : -1);
}

function isListed(record: JobRecord, { owner, subject, kinds, statuses, after }: ListRequest): boolean {
  if (owner !== undefined && record.owner !== owner) return false;
  if (subject !== undefined && record.subject !== subject) return false;
  if (kinds !== undefined && !kinds.includes(record.kind)) return false;
  if (statuses !== undefined && !statuses.includes(record.status)) return false;
  if (after === undefined) return true;
  return record.createdAt < after.createdAt || (record.createdAt === after.createdAt && record.id < after.id);
}

/** Observes, and keeps what was told, as a reader applies it. */
export function observing(
  at: ObserveWorld,
  filter: Parameters<ObserveWorld["waybill"]["observe"]>[0],
  options: Parameters<ObserveWorld["waybill"]["observe"]>[1] = {},
) {
  const changes = at.waybill.observe(filter, options)[Symbol.asyncIterator]();
  const told: Told[] = [];
  const room = new Map<string, number>();
  const steps: string[] = [];
  const reader = { isPaused: false, resume: (): void => undefined };
  const finished = (async () => {
    for (;;) {
      if (reader.isPaused) await new Promise<void>((resolve) => (reader.resume = resolve));
      const next = await changes.next();
      if (next.done === true) return;
      told.push(next.value);
      for (const id of next.value.gone) room.delete(id);
      for (const { id, version, status } of next.value.jobs) {
        if (version <= (room.get(id) ?? 0) && !next.value.reset) steps.push(`${id} back to ${version}`);
        room.set(id, version);
        steps.push(`${id} ${status} ${version}`);
      }
    }
  })();
  return {
    told,
    room,
    steps,
    finished,
    stop: () => changes.return?.(),
    pause: () => (reader.isPaused = true),
    resume: () => {
      reader.isPaused = false;
      reader.resume();
    },
  };
}

type Told =
  ReturnType<ObserveWorld["waybill"]["observe"]> extends AsyncIterable<infer Changes> ? Changes : never;

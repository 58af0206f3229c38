import { storedRefKeys } from "../../src/core/engine/ref-key.js";
import { z } from "zod";
import { memoryQueue, type MemoryQueue, type MemoryQueueOptions } from "../../src/adapters/memory/queue.js";
import { memoryStore } from "../../src/adapters/memory/store.js";
import { claimTerms } from "../../src/core/decide/claim.js";
import { awaitExternal, complete, fail } from "../../src/core/decide/finish.js";
import { defineJob } from "../../src/core/define/define-job.js";
import type { Definition } from "../../src/core/definition.js";
import { applyCommand } from "../../src/core/engine/store/apply.js";
import type { Announcement, Core } from "../../src/core/engine/context.js";
import { createDispatcher, type Dispatcher } from "../../src/core/engine/submit/dispatch.js";
import { createRuntime, type Runtime, type RuntimeOptions } from "../../src/core/engine/compose/runtime.js";
import { type RuntimeSubmitOptions, submit } from "../../src/core/engine/submit/submit.js";
import type { RuntimeJob } from "../../src/core/engine/read/job.js";
import type { HistoryEntry } from "../../src/core/job/history.js";
import { toJsonText } from "../../src/core/json/json-text.js";
import type { Logger } from "../../src/core/environment/logger.js";
import type { AnyStore, StoredJob } from "../../src/core/ports/store.js";
import type { Snapshot } from "../../src/core/job/record.js";
import { unwrap } from "../../src/core/errors/result.js";
import {
  type CountingQueue,
  countingQueue,
  type CountingStore,
  countingStore,
} from "../../src/testing/counting.js";
import { fakeClock, type FakeClock } from "../../src/testing/fake-clock.js";
import { createFaults, type Faults } from "../../src/testing/faults/faults.js";
import { seededIds } from "../../src/testing/seeded-ids.js";

/** A plain kind, with words, phases and progress. */
export const mail = defineJob({
  kind: "mail.send",
  input: z.object({ to: z.string(), note: z.string().optional() }),
  output: z.object({ sent: z.number() }),
  progress: z.object({ done: z.number(), total: z.number() }),
  phases: ["rendering", "sending"],
  percent: (progress) => progress.done / progress.total,
  words: {
    PENDING: "waiting",
    QUEUED: "waiting",
    PROCESSING: { default: "working", sending: "on its way" },
    COMPLETED: "sent",
    FAILED: { default: "broken", cancelled: "withdrawn" },
  },
  subject: (input) => `to:${input.to}`,
});

/** A kind with external work. */
const recover = defineJob({
  kind: "dr.recover",
  input: z.object({ plan: z.string() }),
  output: z.object({ ready: z.number() }),
  external: z.object({ region: z.string(), ids: z.array(z.string()) }),
  progress: z.object({ ready: z.number() }),
  phases: ["launching", "converting"],
  subject: (input) => `plan:${input.plan}`,
  refKeys: ({ ids }) => ids,
});

export const mailKind: Definition = mail["~definition"];
export const recoverKind: Definition = recover["~definition"];

/** One line of a log. */
export interface LogLine {
  readonly level: keyof Logger;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

export function recordingLogger(): { readonly logger: Logger; readonly lines: LogLine[] } {
  const lines: LogLine[] = [];
  const at =
    (level: keyof Logger) =>
    (message: string, fields: Readonly<Record<string, unknown>> = {}): void => {
      lines.push({ level, message, fields });
    };
  return { lines, logger: { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") } };
}

export interface WorldOptions extends Partial<Omit<RuntimeOptions, "queue" | "clock">> {
  /** `true`: a memory queue, as the default queue. */
  readonly queue?: boolean | MemoryQueueOptions;
  readonly clock?: FakeClock;
  readonly seed?: number;
}

/** One process: a runtime on parts that count, break and stand still on demand. */
export interface World {
  readonly clock: FakeClock;
  readonly faults: Faults;
  /** Round trips to the store, those that break too. */
  readonly trips: CountingStore;
  readonly sends: CountingQueue;
  readonly queue: MemoryQueue;
  readonly runtime: Runtime;
  /** As the runtime's, with its announcements and archived entries recorded. */
  readonly core: Core;
  readonly dispatcher: Dispatcher;
  readonly announced: Announcement[];
  readonly archived: { readonly jobId: string; readonly entries: readonly HistoryEntry[] }[];
  readonly log: LogLine[];
  /** Runs until the promise settles; time moves only as far as timers need. */
  run<T>(promise: Promise<T>): Promise<T>;
}

/** @param inner - the store below the faults; two worlds with one store are two processes */
export function world(options: WorldOptions = {}, inner: AnyStore = memoryStore()): World {
  const { queue: queueOption, clock = fakeClock(), seed = 1, ...rest } = options;
  const faults = createFaults({ clock, seed });
  const trips = countingStore(faults.wrapStore(inner));
  const queue = memoryQueue({ clock, ...(typeof queueOption === "object" ? queueOption : {}) });
  const sends = countingQueue(faults.wrapQueue(queue));
  const { logger, lines } = recordingLogger();
  const announced: Announcement[] = [];
  const archived: World["archived"] = [];
  const runtime = createRuntime({
    jobs: [mailKind, recoverKind],
    store: trips.store,
    ...(queueOption === undefined || queueOption === false ? {} : { queue: sends.queue }),
    logger,
    clock,
    ids: seededIds(seed),
    ...rest,
  });
  const core: Core = {
    ...runtime.core,
    announce(change) {
      announced.push(change);
      runtime.core.announce(change);
    },
    archive(jobId, entries) {
      archived.push({ jobId, entries });
      runtime.core.archive(jobId, entries);
    },
  };
  const run = <T>(promise: Promise<T>): Promise<T> => clock.runUntil(promise);
  const dispatcher = createDispatcher(core);
  return {
    clock,
    faults,
    trips,
    sends,
    queue,
    runtime,
    core,
    dispatcher,
    announced,
    archived,
    log: lines,
    run,
  };
}

/** Submits and gives the job back; throws what was refused. */
export async function submitted(
  at: World,
  input: unknown = { to: "ann" },
  options: RuntimeSubmitOptions = {},
  definition: Definition = mailKind,
): Promise<RuntimeJob> {
  return unwrap(await at.run(submit(at.core, at.dispatcher, definition, input, options)));
}

/** What is stored of a job, with everything. */
export async function stored(at: World, id: string): Promise<StoredJob> {
  const found = await at.run(at.core.gateway.read(id, { input: true, output: true }));
  if (found === null) throw new Error(`there is no job ${id}`);
  return found;
}

/** Takes a job as a worker would, by a message. */
export async function claimed(at: World, id: string, token = `token-of-${id}`): Promise<Snapshot> {
  const { record } = await stored(at, id);
  const terms = claimTerms("tester", at.core.ids.transition(), at.core.policy);
  const item = { id, dispatch: record.dispatch, token, leaseMs: 30_000 };
  const result = await at.run(at.core.gateway.claim(item, terms));
  if (result.status !== "ok") throw new Error(`the claim of ${id} was ${result.status}`);
  return { record: result.job.record, cursors: result.job.cursors };
}

/** Ends a claimed job COMPLETED. */
export async function completed(at: World, held: Snapshot, output: unknown = { sent: 1 }): Promise<Snapshot> {
  const text = toJsonText(output, { maxBytes: 10_000 });
  if (!text.ok) throw new Error("the output is no JSON");
  const token = held.record.token ?? "";
  return changed(at, held, (seen, context) => complete(seen, { token, output: text.text }, context));
}

/** Ends a claimed job FAILED. */
export async function failedFor(at: World, held: Snapshot, message = "no luck"): Promise<Snapshot> {
  const token = held.record.token ?? "";
  const failure = { reason: "error", message } as const;
  return changed(at, held, (seen, context) => fail(seen, { token, failure }, context));
}

/** Lets a claimed job wait for external work. */
export async function tracked(
  at: World,
  held: Snapshot,
  ref: { readonly region: string; readonly ids: readonly string[] },
  cancellable = true,
): Promise<Snapshot> {
  const now = at.clock.now();
  const token = held.record.token ?? "";
  const refKeys = storedRefKeys(recoverKind, ref);
  const awaiting = { ref, refKeys, deadlineAt: now + 86_400_000, nextPollAt: now + 30_000, cancellable };
  return changed(at, held, (seen, context) => awaitExternal(seen, { token, awaiting }, context));
}

/** Applies a command that must be accepted. */
export async function changed(
  at: World,
  snapshot: Snapshot,
  decide: Parameters<typeof applyCommand>[2],
): Promise<Snapshot> {
  const applied = await at.run(applyCommand(at.core, snapshot, decide));
  if (applied.status !== "applied") throw new Error(`the command was ${applied.status}`);
  return applied.snapshot;
}

/** The error that a promise rejects with. */
export async function rejection(at: World, promise: Promise<unknown>): Promise<Error> {
  const outcome = at.run(promise).then(
    () => new Error("it was expected to reject"),
    (error: unknown) => error,
  );
  const error = await outcome;
  if (error instanceof Error) return error;
  throw new Error("it rejected with something that is no error");
}

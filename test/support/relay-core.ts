import { memoryQueue, type MemoryQueue } from "../../src/adapters/memory/queue.js";
import { memoryStore } from "../../src/adapters/memory/store.js";
import { claimTerms } from "../../src/core/decide/claim.js";
import { awaitExternal, complete } from "../../src/core/decide/finish.js";
import { DEFAULT_POLICY, type Policy } from "../../src/core/defaults.js";
import type { Definition } from "../../src/core/definition.js";
import { applyCommand } from "../../src/core/engine/store/apply.js";
import { type Announcement, type Core, DEFAULT_QUEUE } from "../../src/core/engine/context.js";
import { createDispatcher, type Dispatcher } from "../../src/core/engine/submit/dispatch.js";
import { createGateway } from "../../src/core/engine/store/gateway.js";
import {
  createReconciler,
  type PassOptions,
  type Reconciler,
} from "../../src/core/engine/reconcile/reconciler.js";
import type { PublishAttempt } from "../../src/core/engine/relay/attempt.js";
import { createRelay, type Relay } from "../../src/core/engine/relay/relay.js";
import { createReentry } from "../../src/core/engine/reentry.js";
import { createUnserved } from "../../src/core/engine/unserved.js";
import { storeTime } from "../../src/core/engine/store/store-time.js";
import { submit, type RuntimeSubmitOptions } from "../../src/core/engine/submit/submit.js";
import type { PollAnswer, PollContext, RuntimeHandler } from "../../src/core/handler.js";
import { decodeHistory } from "../../src/core/job/history.js";
import type { Notifier } from "../../src/core/ports/notifier.js";
import type { Queue } from "../../src/core/ports/queue.js";
import type { Store, StoredJob } from "../../src/core/ports/store.js";
import type { Snapshot } from "../../src/core/job/record.js";
import type { PortCall } from "../../src/core/environment/telemetry.js";
import { createFaults, type Faults } from "../../src/testing/faults/faults.js";
import { fakeClock, type FakeClock } from "../../src/testing/fake-clock.js";
import { seededIds } from "../../src/testing/seeded-ids.js";

/** A kind without checks; `given` sets single parts. */
export function kind(name: string, given: Partial<Definition> = {}): Definition {
  return {
    kind: name,
    madeAt: () => "",
    external: true,
    phases: ["launching", "converting"],
    queue: null,
    handOver: null,
    retry: {},
    leaseMs: null,
    deadlineMs: null,
    retainMs: null,
    expectedMs: null,
    project: { output: null, progress: null, metadata: null, actor: null },
    messagesReadInput: false,
    checkInput: async (value) => ({ ok: true, value }),
    checkOutput: async (value) => ({ ok: true, value }),
    checkProgress: async (value) => ({ ok: true, value }),
    checkRef: async (value) => ({ ok: true, value }),
    subjectOf: () => null,
    percentOf: () => null,
    refKeysOf: () => ["ref-1"],
    wordOf: ({ status, phase }) =>
      phase === null ? status.toLowerCase() : `${status.toLowerCase()}:${phase}`,
    statusesOf: () => [],
    messageOf: ({ status }) => `It is ${status}.`,
    ...given,
  };
}

export const WORK = kind("test.work");

export function handlerOf(
  definition: Definition,
  poll: ((context: PollContext) => Promise<PollAnswer>) | null,
  given: Partial<RuntimeHandler> = {},
): RuntimeHandler {
  const base = { definition, run: async () => null, poll, cancel: null, pollEveryMs: null, timeoutMs: null };
  return { ...base, ...given };
}

export interface ProcessOptions {
  readonly notifiers?: Readonly<Record<string, Notifier>>;
  /** Names of notifiers that other processes serve. */
  readonly elsewhere?: readonly string[];
  readonly retired?: readonly string[];
  /** `false`: this process has no queue. */
  readonly queue?: Queue | false;
  readonly definitions?: readonly Definition[];
  readonly handlers?: readonly RuntimeHandler[];
  /** Changes made here are not published from here. */
  readonly mute?: boolean;
  readonly policy?: Partial<Policy>;
}

/** One process of the system under test. */
export interface Process {
  readonly core: Core;
  readonly dispatcher: Dispatcher;
  readonly relay: Relay;
  readonly reconciler: Reconciler;
  readonly announced: Announcement[];
  readonly warnings: { readonly message: string; readonly fields: Readonly<Record<string, unknown>> }[];
  readonly counted: string[];
  readonly attempts: PublishAttempt[];
  /** What telemetry was told of publishes that failed. */
  readonly errors: unknown[];
  pass(options?: Partial<PassOptions>): ReturnType<Reconciler["pass"]>;
  submit(definition?: Definition, options?: RuntimeSubmitOptions, input?: unknown): Promise<string>;
  /** Claims a job under a token of the same name. */
  claim(id: string, token?: string, leaseMs?: number): Promise<Snapshot>;
  /** Ends a claim with open external work. */
  track(
    snapshot: Snapshot,
    given?: { deadlineMs?: number; pollMs?: number; cancellable?: boolean },
  ): Promise<Snapshot>;
  complete(snapshot: Snapshot): Promise<Snapshot>;
}

export interface World {
  readonly clock: FakeClock;
  readonly faults: Faults;
  readonly queue: MemoryQueue;
  readonly store: Store;
  process(options?: ProcessOptions): Process;
  read(id: string): Promise<StoredJob>;
  edges(id: string): Promise<readonly string[]>;
  /** Lets a promise come to its end, as far as time has to pass for it. */
  run<T>(promise: Promise<T>): Promise<T>;
}

export function world(wrap: (store: Store) => Store = (store) => store): World {
  const clock = fakeClock();
  const faults = createFaults({ clock });
  const inner = memoryStore();
  const store = wrap(faults.wrapStore(inner));
  const queue = memoryQueue({ clock, maxReceives: 2, random: () => 0 });
  let seed = 1;
  const read = async (id: string): Promise<StoredJob> => {
    const { jobs } = await inner.read({ nowMs: clock.now(), ids: [id], output: true });
    const [job] = jobs;
    if (job === undefined || job === null) throw new Error(`no job ${id}`);
    return job;
  };
  return {
    clock,
    faults,
    queue,
    store,
    read,
    run: (promise) => clock.runUntil(promise),
    edges: async (id) => decodeHistory((await read(id)).record.history).map((entry) => entry.edge),
    process: (options = {}) => makeProcess({ clock, faults, store, queue, seed: seed++ }, options),
  };
}

interface Shared {
  readonly clock: FakeClock;
  readonly faults: Faults;
  readonly store: Store;
  readonly queue: Queue;
  readonly seed: number;
}

function makeProcess({ clock, faults, store, queue, seed }: Shared, options: ProcessOptions): Process {
  const time = storeTime(clock, store.capabilities.clock);
  const definitions = options.definitions ?? [WORK];
  const announced: Announcement[] = [];
  const warnings: Process["warnings"] = [];
  const counted: string[] = [];
  const attempts: PublishAttempt[] = [];
  const errors: unknown[] = [];
  const telemetry = {
    start:
      ({ port }: PortCall) =>
      ({ error }: { readonly error?: unknown }): void => {
        if (port === "notifier" && error !== undefined) errors.push(error);
      },
    count: (name: string, by: number) => void counted.push(...Array<string>(by).fill(name)),
  };
  const quiet = (): void => undefined;
  const note = (message: string, fields: Readonly<Record<string, unknown>> = {}): void => {
    warnings.push({ message, fields });
  };
  const used = options.queue === false ? null : (options.queue ?? faults.wrapQueue(queue));
  const core: Core = {
    gateway: createGateway({ store, clock, time, telemetry, timeoutMs: 30_000, slowMs: 2_000 }),
    queues: new Map(used === null ? [] : [[DEFAULT_QUEUE, used]]),
    notifiers: new Map(Object.entries(options.notifiers ?? {})),
    notifierNames: [...Object.keys(options.notifiers ?? {}), ...(options.elsewhere ?? [])],
    retired: new Set(options.retired ?? []),
    definitions: new Map(definitions.map((each) => [each.kind, each])),
    policy: { ...DEFAULT_POLICY, ...options.policy },
    clock,
    time,
    ids: seededIds(seed),
    logger: { debug: quiet, info: quiet, warn: note, error: note },
    telemetry,
    callbacks: null,
    announce: (change) => {
      announced.push(change);
      if (options.mute !== true && change.entries.length > 0) relay.kick(change.snapshot);
    },
    archive: quiet,
    tellParked: quiet,
    tellPublish: (attempt) => void attempts.push(attempt),
    reentry: createReentry(),
    tellUnshowable: () => undefined,
    unserved: createUnserved(clock, 120_000),
  };
  const dispatcher = createDispatcher(core);
  const relay = createRelay(core);
  const reconciler = createReconciler(core, dispatcher, relay);
  const handlers = new Map((options.handlers ?? []).map((each) => [each.definition.kind, each]));
  const must = async (applied: ReturnType<typeof applyCommand>): Promise<Snapshot> => {
    const result = await applied;
    if (result.status !== "applied") throw new Error(`not applied: ${result.status}`);
    return result.snapshot;
  };
  return {
    core,
    dispatcher,
    relay,
    reconciler,
    announced,
    warnings,
    counted,
    attempts,
    errors,
    pass: (given = {}) => clock.runUntil(reconciler.pass({ handlers, budgetMs: 60_000, ...given })),
    submit: async (definition = definitions[0] ?? WORK, given = {}, input = {}) => {
      const result = await clock.runUntil(submit(core, dispatcher, definition, input, given));
      if (!result.ok) throw result.error;
      return result.value.id;
    },
    claim: async (id, token = "token-1", leaseMs = 30_000) => {
      const terms = claimTerms("worker", core.ids.transition(), core.policy);
      const result = await clock.runUntil(core.gateway.claim({ id, dispatch: 99, token, leaseMs }, terms));
      if (result.status !== "ok") throw new Error(`claim ${result.status}`);
      const snapshot = { record: result.job.record, cursors: result.job.cursors };
      core.announce({ snapshot, entries: decodeHistory(snapshot.record.history).slice(-1) });
      return snapshot;
    },
    track: (snapshot, { deadlineMs = 3_600_000, pollMs = 30_000, cancellable = true } = {}) =>
      clock.runUntil(
        must(
          applyCommand(core, snapshot, (seen, context) => {
            const token = snapshot.record.token ?? "";
            const { now } = context;
            const awaiting = {
              ref: "ref-1",
              refKeys: ["ref-1"],
              deadlineAt: now + deadlineMs,
              nextPollAt: now + pollMs,
              cancellable,
            };
            return awaitExternal(seen, { token, awaiting }, context);
          }),
        ),
      ),
    complete: (snapshot) =>
      clock.runUntil(
        must(
          applyCommand(core, snapshot, (seen, context) =>
            complete(seen, { token: snapshot.record.token ?? "", output: '"out"' }, context),
          ),
        ),
      ),
  };
}

import { memoryStore } from "../../src/adapters/memory/store.js";
import { DEFAULT_POLICY, type Policy } from "../../src/core/defaults.js";
import type { Checked, Definition } from "../../src/core/definition.js";
import type { Announcement, Core } from "../../src/core/engine/context.js";
import { createDispatcher, type Dispatcher } from "../../src/core/engine/submit/dispatch.js";
import { createGateway } from "../../src/core/engine/store/gateway.js";
import { createReentry } from "../../src/core/engine/reentry.js";
import { createUnserved } from "../../src/core/engine/unserved.js";
import { storeTime } from "../../src/core/engine/store/store-time.js";
import { submit, type RuntimeSubmitOptions } from "../../src/core/engine/submit/submit.js";
import { decodeHistory, type HistoryEntry } from "../../src/core/job/history.js";
import type { RunContext, RuntimeHandler } from "../../src/core/handler.js";
import type { Ids } from "../../src/core/environment/ids.js";
import type { Clock } from "../../src/core/environment/clock.js";
import type { Queue } from "../../src/core/ports/queue.js";
import type { AnyStore } from "../../src/core/ports/store.js";
import type { JobRecord } from "../../src/core/job/record.js";
import type { Counter, PortCall, Telemetry } from "../../src/core/environment/telemetry.js";
import { type FakeClock, fakeClock } from "../../src/testing/fake-clock.js";
import { seededIds } from "../../src/testing/seeded-ids.js";

const valid = async (value: unknown): Promise<Checked> => ({ ok: true, value });

/** A definition that accepts everything, but for what is given. */
export function fakeDefinition(given: Partial<Definition> & Pick<Definition, "kind">): Definition {
  return {
    madeAt: () => "",
    external: false,
    phases: [],
    queue: null,
    handOver: null,
    retry: {},
    leaseMs: null,
    deadlineMs: null,
    retainMs: null,
    expectedMs: null,
    project: { output: null, progress: null, metadata: null, actor: null },
    messagesReadInput: false,
    checkInput: valid,
    checkOutput: valid,
    checkProgress: valid,
    checkRef: valid,
    subjectOf: () => null,
    percentOf: () => null,
    refKeysOf: () => [],
    wordOf: ({ status }) => status,
    statusesOf: () => [],
    messageOf: ({ status }) => status,
    ...given,
  };
}

/** A handler of a definition. */
export function fakeHandler(
  definition: Definition,
  run: (context: RunContext) => unknown,
  given: Partial<RuntimeHandler> = {},
): RuntimeHandler {
  return {
    definition,
    run: async (context) => run(context),
    poll: null,
    cancel: null,
    pollEveryMs: null,
    timeoutMs: null,
    ...given,
  };
}

/** What was logged, counted, announced and archived. */
export interface Heard {
  readonly logs: { readonly level: string; readonly message: string; readonly fields: unknown }[];
  readonly counts: Partial<Record<Counter, number>>;
  readonly calls: PortCall[];
  readonly announced: Announcement[];
  readonly archived: { readonly jobId: string; readonly entries: readonly HistoryEntry[] }[];
}

export interface TestCore {
  readonly core: Core;
  readonly clock: FakeClock;
  readonly store: AnyStore;
  readonly dispatcher: Dispatcher;
  readonly heard: Heard;
  /** Records a job and hands it over; its id. */
  submit(definition: Definition, input?: unknown, options?: RuntimeSubmitOptions): Promise<string>;
  /** The record as stored. @throws where there is none */
  record(id: string): Promise<JobRecord>;
  /** The stored output as text; `null`: none. */
  output(id: string): Promise<string | null>;
  /** Edges of the history, in order. */
  edges(id: string): Promise<readonly string[]>;
}

export interface TestCoreOptions {
  readonly definitions: readonly Definition[];
  readonly clock?: FakeClock;
  /** What the core sees instead of the fake clock itself. */
  readonly seenClock?: Clock;
  readonly store?: AnyStore;
  readonly queues?: Readonly<Record<string, Queue>>;
  readonly policy?: Partial<Policy>;
  readonly ids?: Ids;
  readonly telemetry?: Telemetry;
}

/** A core put together by hand: fake clock, seeded ids, memory store, and everything that it says kept. */
export function testCore(options: TestCoreOptions): TestCore {
  const clock = options.clock ?? fakeClock();
  const seen = options.seenClock ?? clock;
  const store = options.store ?? memoryStore();
  const time = storeTime(seen, store.capabilities.clock);
  const heard: Heard = { logs: [], counts: {}, calls: [], announced: [], archived: [] };
  const log =
    (level: string) =>
    (message: string, fields?: unknown): void => {
      heard.logs.push({ level, message, fields });
    };
  const telemetry: Telemetry = options.telemetry ?? {
    start(call) {
      heard.calls.push(call);
      return undefined;
    },
    count(counter, by) {
      heard.counts[counter] = (heard.counts[counter] ?? 0) + by;
    },
  };
  const core: Core = {
    gateway: createGateway({ store, clock: seen, time, telemetry, timeoutMs: 30_000, slowMs: 2_000 }),
    queues: new Map(Object.entries(options.queues ?? {})),
    notifiers: new Map(),
    notifierNames: [],
    retired: new Set(),
    definitions: new Map(options.definitions.map((definition) => [definition.kind, definition])),
    policy: { ...DEFAULT_POLICY, ...options.policy },
    clock: seen,
    time,
    ids: options.ids ?? seededIds(1),
    logger: { debug: log("debug"), info: log("info"), warn: log("warn"), error: log("error") },
    telemetry,
    callbacks: null,
    announce(change) {
      heard.announced.push(change);
    },
    tellPublish: () => undefined,
    tellParked() {
      // Who tests the hook composes a Waybill.
    },
    reentry: createReentry(),
    tellUnshowable: () => undefined,
    unserved: createUnserved(clock, 120_000),
    archive(jobId, entries) {
      heard.archived.push({ jobId, entries });
    },
  };
  const dispatcher = createDispatcher(core);
  const read = async (id: string) => {
    const { jobs } = await store.read({ nowMs: clock.now(), ids: [id], output: true });
    const [job] = jobs;
    if (job === null || job === undefined) throw new Error(`There is no job ${id}.`);
    return job;
  };
  return {
    core,
    clock,
    store,
    dispatcher,
    heard,
    async submit(definition, input = {}, given = {}) {
      const result = await clock.runUntil(submit(core, dispatcher, definition, input, given));
      if (!result.ok) throw result.error;
      return result.value.id;
    },
    record: async (id) => (await read(id)).record,
    output: async (id) => (await read(id)).output ?? null,
    edges: async (id) => decodeHistory((await read(id)).record.history).map((entry) => entry.edge),
  };
}

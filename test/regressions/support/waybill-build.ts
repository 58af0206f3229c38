import { z } from "zod";
import { memoryQueue } from "../../../src/adapters/memory/queue.js";
import { memoryStore } from "../../../src/adapters/memory/store.js";
import { createWaybill } from "../../../src/core/create-waybill.js";
import { defineJob } from "../../../src/core/define/define-job.js";
import { StoreUnavailableError } from "../../../src/core/errors/errors.js";
import type { Logger } from "../../../src/core/environment/logger.js";
import type { Queue } from "../../../src/core/ports/queue.js";
import type { AnyStore } from "../../../src/core/ports/store.js";
import { sqliteStore } from "../../../src/sqlite.js";
import { interceptStore, type StoreMethod } from "../../../src/testing/faults/intercept-store.js";
import { seededIds } from "../../../src/testing/seeded-ids.js";
import { openDatabase } from "../../integration/sqlite-driver.js";
import { Link, NoAnswer } from "./link.js";
import { MEANS, type Means } from "./means.js";
import type { Build, Process, System, SystemOptions, Truth, Work, Worker } from "./system.js";
import { fakeTime, ProcessClock, type Time } from "./time.js";

/** Where the jobs of one system are. */
export interface Place {
  readonly time: Time;
  readonly means: Means;
  /** The store of one process. */
  connect(): Promise<AnyStore>;
  close(): Promise<void>;
}

const quiet = (): void => undefined;
const SILENT: Logger = { debug: quiet, info: quiet, warn: quiet, error: quiet };

export function sampleKind({ leaseMs, retainMs }: Means) {
  return defineJob({
    kind: "regression.sample",
    input: z.object({}),
    output: z.string(),
    leaseMs,
    retainMs,
    // Retries are part of the stories, the wait before them is not.
    retry: { baseMs: 1, capMs: 1 },
  });
}

/** Its work goes on outside, without a worker. */
function externalKind({ leaseMs, retainMs }: Means) {
  return defineJob({
    kind: "regression.external",
    input: z.object({}),
    output: z.string(),
    external: z.string(),
    leaseMs,
    retainMs,
  });
}

/** A read whose answer is lost has changed nothing. */
const READS: ReadonlySet<StoreMethod> = new Set(["read", "list", "byRef", "parked", "health", "ready"]);

/** A store behind the process's own link. */
function linked(store: AnyStore, link: Link): AnyStore {
  return interceptStore(store, async (method, _items, call) => {
    try {
      return await link.carry(call);
    } catch (error) {
      if (!(error instanceof NoAnswer)) throw error;
      throw new StoreUnavailableError("The store did not answer.", {
        outcome: error.applied && !READS.has(method) ? "unknown" : "not_applied",
        cause: error,
      });
    }
  });
}

/** Everything that one process is made of. */
function compose(place: Place, store: AnyStore, queue: Queue | null, clock: ProcessClock, seed: number) {
  const [plain, external] = [sampleKind(place.means), externalKind(place.means)];
  const composition = {
    jobs: [plain, external] as const,
    store,
    ...(queue === null ? {} : { queue }),
    clock,
    ids: seededIds(seed),
    logger: SILENT,
    policy: { takeDueHoldMs: place.means.pollMs },
  };
  return { plain, external, waybill: createWaybill(composition) };
}

type Composed = ReturnType<typeof compose>;

function workOn({ plain, external, waybill }: Composed, name: string, means: Means, does: Work): Worker {
  const recorded: string[] = [];
  waybill.on("job.completed", (event) => recorded.push(event.jobId));
  const handlers = [
    plain.handle(async ({ job, signal }) => does({ jobId: job.id, by: name, signal })),
    external.handle({
      run: async ({ job, signal, track }) => track(await does({ jobId: job.id, by: name, signal })),
      poll: async () => ({ state: "open" }),
    }),
  ];
  // Who repairs is a process of its own in these stories, so that they can say when it comes.
  const worker = waybill.worker(handlers, {
    concurrency: 1,
    reconcile: false,
    name,
    pollIntervalMs: means.pollMs,
    shutdownTimeoutMs: means.shutdownMs,
  });
  void worker.run();
  return { stop: () => worker.stop(), recorded };
}

/** What users and operators do through one process. */
function callsOn({ plain, external, waybill }: Composed, isExternal: boolean) {
  return {
    submit: async (key?: string) => {
      const options = key === undefined ? {} : { idempotencyKey: key };
      const submitted = isExternal
        ? waybill.submit(external, {}, options)
        : waybill.submit(plain, {}, options);
      return (await submitted.unwrap()).id;
    },
    show: async (id: string) => {
      const job = await waybill.get(id);
      if (job === null) throw new Error("there is no such job");
      return job.status;
    },
    cancel: async (id: string) => ((await waybill.cancel(id)).ok ? "cancelled" : "refused"),
    repair: async () => {
      await waybill.reconcile();
    },
  } as const;
}

async function truthOf(store: AnyStore, nowMs: number, id: string): Promise<Truth | null> {
  const { jobs } = await store.read({ nowMs, ids: [id], output: true });
  const [job] = jobs;
  if (job === null || job === undefined) return null;
  const output = job.output ?? null;
  return { status: job.record.status, output: output === null ? null : (JSON.parse(output) as string) };
}

export async function open(
  place: Place,
  { queue: withQueue = false, external = false }: SystemOptions = {},
): Promise<System> {
  const { time, means } = place;
  const queue = withQueue ? memoryQueue({ clock: time.clock, visibilityMs: means.leaseMs }) : null;
  const admin = await place.connect();
  await admin.migrate?.();
  const processes: Process[] = [];
  const process = async (name: string): Promise<Process> => {
    const link = new Link();
    const clock = new ProcessClock(time.clock);
    const store = linked(await place.connect(), link);
    const composed = compose(place, store, queue, clock, processes.length + 1);
    const made: Process = {
      name,
      link,
      ...callsOn(composed, external),
      work: (does) => workOn(composed, name, means, does),
      freeze: () => {
        link.freeze();
        clock.freeze();
      },
      thaw: () => {
        clock.thaw();
        link.thaw();
      },
    };
    processes.push(made);
    return made;
  };
  return {
    ...means,
    time,
    process,
    truth: (id) => truthOf(admin, time.clock.now(), id),
    messages: () => (queue === null ? null : queue.depth() + queue.inFlight()),
    close: async () => {
      // Workers that nobody stopped must not go on using what is closed: libsql ends the process for it.
      for (const one of processes) one.freeze();
      await place.close();
    },
  };
}

const ON_MEMORY: Build = {
  name: "Waybill on the memory store",
  open: async (options) => {
    const store = memoryStore();
    const place: Place = {
      time: fakeTime(),
      means: MEANS.fake,
      connect: async () => store,
      close: async () => undefined,
    };
    return open(place, options);
  },
};

const ON_SQLITE: Build = {
  name: "Waybill on SQLite",
  open: async (options) => {
    const db = openDatabase(":memory:");
    const store = sqliteStore({ db });
    const place: Place = {
      time: fakeTime(),
      means: MEANS.fake,
      connect: async () => store,
      close: async () => {
        db.close();
      },
    };
    return open(place, options);
  },
};

/** Our builds that need no server. */
export const EMBEDDED: readonly Build[] = [ON_MEMORY, ON_SQLITE];

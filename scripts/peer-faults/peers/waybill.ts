import { createWaybill, defineJob } from "waybill";
import type { AnyStore, Store } from "../../../src/core/ports/store.js";
import { type Input, inputOf, QUEUE, type Side, type StoredJob } from "../peer.js";

const schema = <T>() => ({
  "~standard": {
    version: 1 as const,
    vendor: "faults",
    validate: (value: unknown) => ({ value: value as T }),
    types: undefined as { readonly input: T; readonly output: T } | undefined,
  },
});

interface Output {
  readonly mark: string;
}

const work = defineJob({ kind: "faults.work", input: schema<Input>(), output: schema<Output>() });

const STATES: Readonly<Record<string, StoredJob["state"]>> = {
  PENDING: "waiting",
  QUEUED: "waiting",
  PROCESSING: "running",
  COMPLETED: "completed",
  FAILED: "failed",
};

interface Means {
  readonly store: AnyStore;
  readonly prepare: () => Promise<void>;
  /** A transaction of the application; `null`: the store takes none. */
  readonly within:
    ((ends: "commit" | "rollback", use: (tx: object) => Promise<void>) => Promise<void>) | null;
  readonly close: () => Promise<void>;
}

/** Waybill with its defaults, handing jobs over by the store itself. */
export function waybillSide({ store, prepare, within, close }: Means): Side {
  const waybill = createWaybill({
    jobs: [work],
    // Which transactions the store takes is known by whoever made it.
    store: store as Store<object>,
    logger: { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined },
  });
  return {
    prepare,
    add: async (n, key) => {
      const options = key === undefined ? {} : { idempotencyKey: key };
      await waybill.submit(work, inputOf(n), { subject: QUEUE, ...options }).unwrap();
    },
    addWithin:
      within === null
        ? null
        : (n, ends) =>
            within(ends, async (tx) => {
              await waybill.submit(work, inputOf(n), { subject: QUEUE, tx }).unwrap();
            }),
    work: async (concurrency, run) => {
      const handler = work.handle(async ({ input }) => (await run(input.n)) as Output);
      void waybill.worker([handler], { concurrency }).run();
    },
    hear: async (n, heard) => {
      const [job] = (await jobs()).filter(({ input }) => input.n === n);
      if (job === undefined) throw new Error(`no job ${n}`);
      void waybill.result(work, job.id).then(heard, () => undefined);
    },
    stored: async () =>
      (await jobs()).map((job) => ({
        n: job.input.n,
        state: STATES[job.status] ?? "failed",
        output: job.status === "COMPLETED" ? JSON.stringify(job.output) : null,
      })),
    lapse: null,
    close: async () => {
      await waybill.close();
      await close();
    },
  };

  async function jobs(): Promise<readonly NonNullable<Awaited<ReturnType<typeof read>>>[]> {
    const ids: string[] = [];
    let cursor: string | null = null;
    do {
      const page: { readonly items: readonly { readonly id: string }[]; readonly next: string | null } =
        await waybill.list({ kind: work.kind, limit: 100, ...(cursor === null ? {} : { cursor }) });
      ids.push(...page.items.map(({ id }) => id));
      cursor = page.next;
    } while (cursor !== null);
    return (await Promise.all(ids.map(read))).filter((job) => job !== null);
  }

  function read(id: string) {
    return waybill.get(work, id);
  }
}

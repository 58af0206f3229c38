/* eslint-disable @typescript-eslint/no-floating-promises -- a type test calls nothing */
import { type } from "arktype";
import { expectTypeOf } from "vitest";
import { z } from "zod";
import type { Job, JobOf } from "../../src/core/api/job.js";
import type { CreateWaybill } from "../../src/core/api/options.js";
import type { JobHistory } from "../../src/core/api/event.js";
import type { SubmitRefusal } from "../../src/core/api/submit.js";
import type { CancelRefusal, RerunRefusal, Waybill } from "../../src/core/api/waybill.js";
import { defineJob } from "../../src/core/define/define-job.js";
import type { JobAlreadyFinal, JobCannotCancel, JobNotFound } from "../../src/core/errors/errors.js";
import { defineNotifier, type Notifier } from "../../src/core/ports/notifier.js";
import type { Queue } from "../../src/core/ports/queue.js";
import type { Store, StoreCapabilities } from "../../src/core/ports/store.js";
import type { Result } from "../../src/core/errors/result.js";
import { ingest, mail, recover } from "./sample-jobs.js";

interface Client {
  query(sql: string): Promise<unknown>;
}
interface StoreWithoutQueue extends Store {
  readonly capabilities: StoreCapabilities & { readonly queue: false };
}

declare const createWaybill: CreateWaybill;
declare const store: Store;
declare const postgres: Store<Client>;
declare const noQueueStore: StoreWithoutQueue;
declare const queue: Queue;
declare const notifier: Notifier;
declare const client: Client;

// ---- composition -----------------------------------------------------------------------------------------------------------

const jobs = [recover, ingest, mail] as const;
const waybill = createWaybill({ jobs: [recover, ingest, mail], store, queues: { slow: queue } });
expectTypeOf(waybill).toEqualTypeOf<
  Waybill<typeof recover | typeof ingest | typeof mail, { tx: never; queue: "slow"; notifier: never }>
>();
const withTx = createWaybill({ jobs: [ingest], store: postgres });
expectTypeOf(withTx).toEqualTypeOf<Waybill<typeof ingest, { tx: Client; queue: never; notifier: never }>>();
createWaybill({
  jobs,
  store,
  queue,
  queues: { slow: queue, other: queue },
  notifiers: { ui: notifier },
  retired: ["old"],
});
createWaybill({
  jobs: [ingest],
  store,
  queue: undefined,
  queues: undefined,
  notifiers: undefined,
  retired: undefined,
  feed: undefined,
  logger: undefined,
  telemetry: undefined,
  clock: undefined,
  newId: undefined,
  policy: undefined,
  onTrim: undefined,
});

// @ts-expect-error -- two jobs are of the kind "mail.send"
createWaybill({ jobs: [mail, ingest, defineJob({ kind: "mail.send", input: z.object({}) })], store });
// @ts-expect-error -- the queue "slow" of recover is missing
createWaybill({ jobs: [recover], store });
// @ts-expect-error -- and under this name
createWaybill({ jobs: [recover], store, queues: { fast: queue } });
// @ts-expect-error -- "default" is the queue that the option queue gives
createWaybill({ jobs: [ingest], store, queues: { default: queue } });
// @ts-expect-error -- a store is a must
createWaybill({ jobs: [ingest] });
// @ts-expect-error -- a queue is no store
createWaybill({ jobs: [ingest], store: queue });
// @ts-expect-error -- this store is no queue, and none is given
createWaybill({ jobs: [ingest], store: noQueueStore });
createWaybill({ jobs: [ingest], store: noQueueStore, queue });
createWaybill({ jobs: [recover], store: noQueueStore, queues: { slow: queue } });
// @ts-expect-error -- ingest goes through no named queue
createWaybill({ jobs: [recover, ingest], store: noQueueStore, queues: { slow: queue } });
// @ts-expect-error -- no such option
createWaybill({ jobs: [ingest], store, notifier });
createWaybill({
  jobs: [ingest],
  store,
  notifiers: { ui: { publish: async () => [], kinds: ["document.ingest"] } },
});
createWaybill({
  jobs: [ingest],
  store,
  // @ts-expect-error -- the notifier filters by the kind "mail.send", which is not among jobs
  notifiers: { ui: { publish: async () => [], kinds: ["mail.send"] } },
});
createWaybill({
  jobs: [ingest],
  store,
  // @ts-expect-error -- nor where a factory has made it
  notifiers: { ui: defineNotifier({ publish: async () => [], kinds: ["mail.send"] }) },
});
const ofMail = defineNotifier({ publish: async () => [], kinds: ["mail.send"] });
expectTypeOf(ofMail).toEqualTypeOf<Notifier<"mail.send">>();
// @ts-expect-error -- nor where it was made before
createWaybill({ jobs: [ingest], store, notifiers: { ui: ofMail } });
createWaybill({
  jobs: [ingest, mail],
  store,
  notifiers: { ui: ofMail, all: defineNotifier({ publish: async () => [] }) },
});
// @ts-expect-error -- no such event
createWaybill({ jobs: [ingest], store, notifiers: { ui: { publish: async () => [], on: ["job.done"] } } });

// ---- submit ----------------------------------------------------------------------------------------------------------------

const submitted = waybill.submit(
  ingest,
  { documentId: "d-1" },
  { idempotencyKey: "k", owner: "o", metadata: { a: [1] } },
);
expectTypeOf(submitted.unwrap()).toEqualTypeOf<Promise<Job<typeof ingest>>>();
expectTypeOf(await submitted).toEqualTypeOf<Result<Job<typeof ingest>, SubmitRefusal>>();
waybill.submit(ingest, { documentId: "d-1" }, { subject: undefined, tx: undefined });

// @ts-expect-error -- undefined would widen the scope of a key: the owner's id, null, or nothing
waybill.submit(ingest, { documentId: "d-1" }, { owner: undefined });
waybill.submit(ingest, { documentId: "d-1" }, { owner: null });
// @ts-expect-error -- a typing error in the input
waybill.submit(ingest, { documentIt: "d-1" });
// @ts-expect-error -- a field too many
waybill.submit(ingest, { documentId: "d-1", pgaes: 2 });
// @ts-expect-error -- a field missing
waybill.submit(ingest, {});
const stranger = defineJob({ kind: "stranger", input: z.object({}) });
// @ts-expect-error -- a kind that is not among jobs
waybill.submit(stranger, {});
// @ts-expect-error -- metadata is JSON
waybill.submit(ingest, { documentId: "d-1" }, { metadata: new Map() });

withTx.submit(ingest, { documentId: "d-1" }, { tx: client });
// @ts-expect-error -- this store takes no transaction of the caller
waybill.submit(ingest, { documentId: "d-1" }, { tx: client });
// @ts-expect-error -- not a transaction of this store
withTx.submit(ingest, { documentId: "d-1" }, { tx: "begin" });

const many = waybill.submitMany(mail, [{ input: { to: "a" } }, { input: { to: "b" }, idempotencyKey: "k" }]);
expectTypeOf(await many).toEqualTypeOf<readonly Result<Job<typeof mail>, SubmitRefusal>[]>();
// @ts-expect-error -- each is checked
waybill.submitMany(mail, [{ input: { to: 1 } }]);

// ---- results: no is an answer, and is looked at -----------------------------------------------------------------------------

const cancelled = await waybill.cancel("job-1", { reason: "not needed" });
expectTypeOf(cancelled).toEqualTypeOf<
  Result<JobOf<typeof recover | typeof ingest | typeof mail>, CancelRefusal>
>();
// @ts-expect-error -- the job is there when the answer was yes
cancelled.value;
if (!cancelled.ok) {
  expectTypeOf(cancelled.error).toEqualTypeOf<JobNotFound | JobAlreadyFinal | JobCannotCancel>();
  expectTypeOf(cancelled.error.code).toEqualTypeOf<
    "job.not_found" | "job.already_final" | "job.cannot_cancel"
  >();
  // @ts-expect-error -- closed: cancel never says this
  cancelled.error.code === "input.invalid";
}
// @ts-expect-error -- an answer is no job
waybill.cancel("job-1").status;

expectTypeOf(await waybill.rerun(recover, "job-1", { input: { planId: "p", type: "DRILL" } })).toEqualTypeOf<
  Result<Job<typeof recover>, RerunRefusal>
>();
waybill.rerun("job-1");
// @ts-expect-error -- a corrected input needs its kind
waybill.rerun("job-1", { input: {} });
// @ts-expect-error -- and must fit it
waybill.rerun(recover, "job-1", { input: { planId: 1 } });

waybill.report(recover, { ref: { drsJobIds: ["j"] } }, { state: "done", output: { ready: 6 } });
waybill.report(recover, { ref: "j" }, { state: "failed", message: "launch failed" });
waybill.report(recover, { token: "v1" }, { state: "done", output: { ready: 6 } });
// @ts-expect-error -- by the reference or by the token
waybill.report(recover, { ref: "j", token: "v1" }, { state: "failed", message: "launch failed" });
// @ts-expect-error -- done needs its output
waybill.report(recover, { ref: "j" }, { state: "done" });
// @ts-expect-error -- nothing external in this kind
waybill.report(ingest, { ref: "j" }, { state: "failed", message: "x" });

// ---- reads -----------------------------------------------------------------------------------------------------------------

expectTypeOf(await waybill.get("job-1")).toEqualTypeOf<JobOf<
  typeof recover | typeof ingest | typeof mail
> | null>();
expectTypeOf(await waybill.get(ingest, "job-1")).toEqualTypeOf<Job<typeof ingest> | null>();
expectTypeOf(await waybill.latest(ingest, "document:1")).toEqualTypeOf<Job<typeof ingest> | null>();
expectTypeOf(await waybill.result(recover, "job-1")).toEqualTypeOf<{ ready: number }>();
expectTypeOf(await waybill.result(mail, "job-1", { timeoutMs: 5_000 })).toEqualTypeOf<null>();
// @ts-expect-error -- it may not be there
(await waybill.get("job-1")).status;

expectTypeOf(await waybill.history(ingest, "job-1", { owner: "o" })).toEqualTypeOf<JobHistory<
  typeof ingest
> | null>();
expectTypeOf(await waybill.cancel(ingest, "job-1")).toEqualTypeOf<
  Result<Job<typeof ingest>, CancelRefusal>
>();
expectTypeOf(await waybill.dispatch(ingest, "job-1", { owner: null })).toEqualTypeOf<
  Result<Job<typeof ingest>, JobNotFound>
>();
declare const session: { readonly userId: string } | null;
// @ts-expect-error -- without a session it would be everybody's
waybill.get(ingest, "job-1", { owner: session?.userId });
// @ts-expect-error -- the same of a list
waybill.list({ kind: "dr.recover", owner: session?.userId });
// @ts-expect-error -- and of everything else
waybill.watch("job-1", { owner: undefined });
waybill.rerun("job-1", { idempotencyKey: "k", owner: "o" });

const page = await waybill.list({ kind: "dr.recover", word: "LAUNCHING", status: ["PROCESSING", "FAILED"] });
expectTypeOf(page.items[0]!.kind).toEqualTypeOf<"dr.recover">();
expectTypeOf((await waybill.list({ owner: "o" })).items[0]!.kind).toEqualTypeOf<
  "dr.recover" | "document.ingest" | "mail.send"
>();
// @ts-expect-error -- no such kind
waybill.list({ kind: "dr.recove" });
// @ts-expect-error -- not a word of that kind
waybill.list({ kind: "dr.recover", word: "READY" });

for await (const seen of waybill.watch(recover, "job-1", { signal: AbortSignal.timeout(1_000) })) {
  if (seen.status === "COMPLETED") expectTypeOf(seen.output.ready).toEqualTypeOf<number>();
}
const stop = waybill.on("job.completed", (event) => {
  expectTypeOf(event.type).toEqualTypeOf<"job.completed">();
  expectTypeOf(event.kind).toEqualTypeOf<"dr.recover" | "document.ingest" | "mail.send">();
});
expectTypeOf(stop).toEqualTypeOf<() => void>();
// @ts-expect-error -- no such event
waybill.on("job.done", () => {});

// ---- notifiers by their names ----------------------------------------------------------------------------------------------

const told = createWaybill({ jobs: [ingest], store, notifiers: { ui: notifier, audit: notifier } });
const [given] = (await told.undelivered()).items;
expectTypeOf(given!.notifier).toEqualTypeOf<"ui" | "audit">();
await told.redeliver(given!).unwrap();
// @ts-expect-error -- not a notifier of this Waybill
told.redeliver({ jobId: "job-1", notifier: "uii" });

// ---- asked for by a module: what it does not name, it does not need ---------------------------------------------------------

withTx satisfies Waybill<typeof ingest>;
withTx satisfies Waybill<typeof ingest, { tx: Client }>;
told satisfies Waybill<typeof ingest, { notifier: "ui" | "audit" }>;
waybill satisfies Waybill<typeof ingest>;
waybill satisfies Waybill<typeof ingest | typeof mail, { queue: "slow" }>;
waybill satisfies Pick<Waybill<typeof mail>, "get" | "watch" | "list" | "observe" | "on" | "cancel">;
declare const own: Waybill<typeof mail>;
expectTypeOf(await own.get("job-1")).toEqualTypeOf<Job<typeof mail> | null>();
// @ts-expect-error -- a kind that was not asked for
own.submit(ingest, { documentId: "d-1" });
// @ts-expect-error -- a kind that is not there
withTx satisfies Waybill<typeof ingest | typeof mail>;
// @ts-expect-error -- this store takes no transaction of the caller
waybill satisfies Waybill<typeof ingest, { tx: Client }>;
// @ts-expect-error -- no such notifier
told satisfies Waybill<typeof ingest, { notifier: "other" }>;

// ---- workers ---------------------------------------------------------------------------------------------------------------

const mailHandler = mail.handle(async () => {});
const ingestHandler = ingest.handle(async () => ({ chunks: 1 }));
await waybill.worker([mailHandler, ingestHandler], { concurrency: 10, queues: ["slow"] }).run();
await waybill.reconcile({ handlers: [mailHandler], budgetMs: 5_000 });
// @ts-expect-error -- a kind that is not among jobs
waybill.worker([stranger.handle(async () => {})]);
// @ts-expect-error -- not a queue of this Waybill
waybill.worker([mailHandler], { queues: ["fast"] });
// @ts-expect-error -- the store is its queue: none has a name
withTx.worker([ingestHandler], { queues: ["default"] });
const queued = createWaybill({ jobs: [ingest, recover], store, queue, queues: { slow: queue } });
queued.worker([ingestHandler], { queues: ["default", "slow"] });
queued satisfies Waybill<typeof ingest, { queue: "default" }>;
declare const perhaps: Queue | undefined;
createWaybill({ jobs: [ingest], store, queue: perhaps }).worker([ingestHandler], { queues: ["default"] });
createWaybill({ jobs: [ingest], store: noQueueStore, queue }).worker([ingestHandler], {
  queues: ["default"],
});
// @ts-expect-error -- a definition is no handler
waybill.worker([mail]);

// A definition made in place has the same types as one made before.
const inPlace = createWaybill({
  jobs: [defineJob({ kind: "mail.send", input: type({ to: "string" }) })],
  store,
});
expectTypeOf(inPlace).toEqualTypeOf<Waybill<typeof mail, { tx: never; queue: never; notifier: never }>>();
expectTypeOf(inPlace[Symbol.asyncDispose]()).toEqualTypeOf<Promise<void>>();

import { expectTypeOf } from "vitest";
import type { Job, JobOf, ListedJob } from "../../src/core/api/job.js";
import {
  type JobView,
  type JobViewJson,
  toListedView,
  toView,
  viewFromJson,
} from "../../src/core/api/view.js";
import type { AnyDef } from "../../src/core/define/any-def.js";
import type { FailureReason } from "../../src/core/job/record.js";
import { exported, ingest, mail, recover } from "./sample-jobs.js";

// ---- one kind: ask for the status, and the rest follows ---------------------------------------------------------------------

declare const job: Job<typeof recover>;

expectTypeOf(job.kind).toEqualTypeOf<"dr.recover">();
expectTypeOf(job.input.type).toEqualTypeOf<"DRILL" | "RECOVERY" | "FAILBACK">();
expectTypeOf(job.durationMs).toEqualTypeOf<number | null>();
// @ts-expect-error -- there is an output when it is COMPLETED, and only then
job.output;
// @ts-expect-error -- there is a failure when it is FAILED, and only then
job.failure;
// @ts-expect-error -- the token of a claim is a secret
job.token;
// @ts-expect-error -- a job is read, never written
const write = (mine: Job<typeof recover>): void => void (mine.version = 1);

switch (job.status) {
  case "PENDING":
    expectTypeOf(job.retryAt).toEqualTypeOf<Date | null>();
    expectTypeOf(job.dispatch).toEqualTypeOf<"unconfirmed" | "deferred">();
    expectTypeOf(job.word).toEqualTypeOf<"IN_PROGRESS">();
    break;
  case "QUEUED":
    expectTypeOf(job.lastError!.message).toEqualTypeOf<string>();
    expectTypeOf(job.dispatch).toEqualTypeOf<"confirmed">();
    break;
  case "PROCESSING":
    expectTypeOf(job.phase).toEqualTypeOf<"submitted" | "launching" | "converting" | null>();
    expectTypeOf(job.progress).toEqualTypeOf<{ total: number; ready: number } | null>();
    expectTypeOf(job.awaiting!.ref).toEqualTypeOf<{ drsJobIds: string[] }>();
    expectTypeOf(job.word).toEqualTypeOf<"SUBMITTED" | "LAUNCHING" | "CONVERTING">();
    expectTypeOf(recover.word(job)).toEqualTypeOf<"SUBMITTED" | "LAUNCHING" | "CONVERTING">();
    break;
  case "COMPLETED":
    expectTypeOf(job.output).toEqualTypeOf<{ ready: number }>();
    expectTypeOf(job.durationMs).toEqualTypeOf<number>();
    expectTypeOf(recover.word(job)).toEqualTypeOf<"COMPLETED">();
    // @ts-expect-error -- and no phase any more
    job.phase;
    break;
  case "FAILED":
    expectTypeOf(job.failure.reason).toEqualTypeOf<FailureReason>();
    expectTypeOf(recover.word(job)).toEqualTypeOf<"FAILED" | "CANCELLED">();
    break;
  default:
    expectTypeOf(job).toEqualTypeOf<never>();
}
// @ts-expect-error -- not a status
if (job.status === "DONE") throw new Error();

declare const simple: Job<typeof mail>;
if (simple.status === "PROCESSING") {
  expectTypeOf(simple.phase).toEqualTypeOf<null>();
  expectTypeOf(simple.progress).toEqualTypeOf<null>();
  expectTypeOf(simple.awaiting).toEqualTypeOf<null>();
}
if (simple.status === "COMPLETED") expectTypeOf(simple.output).toEqualTypeOf<null>();

// ---- several kinds: ask for kind and status ---------------------------------------------------------------------------------

declare const either: JobOf<typeof recover | typeof ingest>;
expectTypeOf(either.kind).toEqualTypeOf<"dr.recover" | "document.ingest">();
if (either.status === "COMPLETED" && either.kind === "document.ingest") {
  expectTypeOf(either.output).toEqualTypeOf<{ chunks: number }>();
}
// @ts-expect-error -- the kind is not known yet
if (either.status === "COMPLETED") either.output.chunks;

// Every definition is one.
const any: readonly AnyDef[] = [recover, ingest, mail];

// ---- lists leave the output out ---------------------------------------------------------------------------------------------

declare const listed: ListedJob<typeof recover>;
// @ts-expect-error -- `get` has both
listed.input;
// @ts-expect-error -- `get` has it
if (listed.status === "COMPLETED") listed.output;
if (listed.status === "FAILED") expectTypeOf(listed.failure.reason).toEqualTypeOf<FailureReason>();

// ---- what leaves the server -------------------------------------------------------------------------------------------------

const view = toView(recover, job);
expectTypeOf(view).toEqualTypeOf<JobView<typeof recover>>();
// @ts-expect-error -- no input leaves
view.input;
if (view.status === "PROCESSING") {
  expectTypeOf(view.phase).toEqualTypeOf<"submitted" | "launching" | "converting" | null>();
  // @ts-expect-error -- no worker leaves
  view.worker;
  // @ts-expect-error -- and no reference
  view.awaiting?.ref;
}
if (view.status === "COMPLETED") expectTypeOf(view.output).toEqualTypeOf<{ ready: number }>();
if (view.status === "PENDING") expectTypeOf(view.lastError!.message).toEqualTypeOf<string | null>();
expectTypeOf(recover.word(view)).toEqualTypeOf<
  "IN_PROGRESS" | "SUBMITTED" | "LAUNCHING" | "CONVERTING" | "COMPLETED" | "FAILED" | "CANCELLED"
>();
// @ts-expect-error -- a job of another kind
toView(ingest, job);

// A projection is in the types of views, of their JSON, and of what lists show.
declare const sealed: Job<typeof exported>;
const shown = toView(exported, sealed);
if (shown.status === "COMPLETED") {
  expectTypeOf(shown.output).toEqualTypeOf<{ rows: number }>();
  // @ts-expect-error -- an internal field does not leave
  shown.output.bucket;
}
if (shown.status === "PROCESSING") expectTypeOf(shown.progress).toEqualTypeOf<number | null>();
if (shown.status === "FAILED") expectTypeOf(shown.progress).toEqualTypeOf<number | null>();
expectTypeOf(shown.metadata).toEqualTypeOf<{ given: boolean } | undefined>();
expectTypeOf(view.metadata).toEqualTypeOf<undefined>();
declare const sealedWire: JobViewJson<typeof exported>;
if (sealedWire.status === "COMPLETED") expectTypeOf(sealedWire.output).toEqualTypeOf<{ rows: number }>();
const row = toListedView(recover, listed);
// @ts-expect-error -- lists have no output to show
if (row.status === "COMPLETED") row.output;
if (row.status === "FAILED") expectTypeOf(row.failure.reason).toEqualTypeOf<FailureReason>();
// @ts-expect-error -- a listed job is no whole job
toView(recover, listed);

declare const wire: JobViewJson<typeof recover>;
expectTypeOf(wire.createdAt).toEqualTypeOf<string>();
expectTypeOf(wire.finishedAt).toEqualTypeOf<string | null>();
if (wire.status === "COMPLETED") expectTypeOf(wire.output).toEqualTypeOf<{ ready: number }>();
expectTypeOf(viewFromJson(recover, wire)).toEqualTypeOf<JobView<typeof recover>>();

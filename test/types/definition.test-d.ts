/* eslint-disable @typescript-eslint/no-unsafe-return -- what must not compile has no type */
import { type } from "arktype";
import * as v from "valibot";
import { expectTypeOf } from "vitest";
import { z } from "zod";
import type { TypesOf } from "../../src/core/define/any-def.js";
import { defineJob } from "../../src/core/define/define-job.js";
import { steps } from "../../src/core/define/steps.js";
import type { Json } from "../../src/core/json/json.js";
import { type ingest, mail, recover } from "./sample-jobs.js";

// ---- types follow from schemas of every library -----------------------------------------------------------------------------

expectTypeOf<TypesOf<typeof recover>>().toEqualTypeOf<{
  kind: "dr.recover";
  input: { planId: string; type: "DRILL" | "RECOVERY" | "FAILBACK" };
  parsed: { planId: string; type: "DRILL" | "RECOVERY" | "FAILBACK" };
  output: { ready: number };
  progress: { total: number; ready: number };
  phase: "submitted" | "launching" | "converting";
  ref: { drsJobIds: string[] };
  words: {
    readonly PENDING: "IN_PROGRESS";
    readonly QUEUED: "IN_PROGRESS";
    readonly PROCESSING: "SUBMITTED" | "LAUNCHING" | "CONVERTING";
    readonly COMPLETED: "COMPLETED";
    readonly FAILED: "FAILED" | "CANCELLED";
  };
  queue: "slow";
  handOver: "queue";
  project: { output: never; progress: never; metadata: never };
}>();

type Ingest = TypesOf<typeof ingest>;
expectTypeOf<Ingest["input"]>().toEqualTypeOf<{ documentId: string; pages?: number | undefined }>();
expectTypeOf<Ingest["parsed"]>().toEqualTypeOf<{ documentId: string; pages: number }>();
expectTypeOf<Ingest["words"]["PROCESSING"]>().toEqualTypeOf<"PROCESSING">();

type Mail = TypesOf<typeof mail>;
expectTypeOf<Mail["input"]>().toEqualTypeOf<{ to: string }>();
expectTypeOf<Mail["output"]>().toEqualTypeOf<null>();
expectTypeOf<Mail["progress"]>().toEqualTypeOf<never>();
expectTypeOf<Mail["phase"]>().toEqualTypeOf<never>();
expectTypeOf<Mail["ref"]>().toEqualTypeOf<never>();
expectTypeOf<Mail["queue"]>().toEqualTypeOf<null>();

// ---- `undefined` is as good as left out ------------------------------------------------------------------------------------

const nothing = defineJob({
  kind: "mail.send",
  input: type({ to: "string" }),
  output: undefined,
  progress: undefined,
  phases: undefined,
  external: undefined,
  words: undefined,
  messages: undefined,
  project: undefined,
  subject: undefined,
  percent: undefined,
  expectedMs: undefined,
  retry: undefined,
  leaseMs: undefined,
  deadlineMs: undefined,
  retainMs: undefined,
  queue: undefined,
  refKeys: undefined,
});
expectTypeOf(nothing).toEqualTypeOf(mail);

// ---- an option that is wrong does not compile ------------------------------------------------------------------------------

const input = z.object({ name: z.string() });

// @ts-expect-error -- a schema is a must
defineJob({ kind: "k" });
// @ts-expect-error -- a plain object is no schema
defineJob({ kind: "k", input: { name: "string" } });
// @ts-expect-error -- no such option
defineJob({ kind: "k", input, ouput: input });
// @ts-expect-error -- the subject is derived from the input
defineJob({ kind: "k", input, subject: (given) => given.nmae });
// @ts-expect-error -- and so are messages
defineJob({ kind: "k", input, messages: { QUEUED: (job) => job.input.nmae } });
// @ts-expect-error -- no such phase
defineJob({ kind: "k", input, phases: ["a"], messages: { PROCESSING: { b: "x" } } });
defineJob({
  kind: "k",
  input,
  progress: z.object({ total: z.number() }),
  // @ts-expect-error -- percent is derived from the progress
  percent: (progress) => progress.totl,
});

// ---- words are total -------------------------------------------------------------------------------------------------------

const words = { PENDING: "p", QUEUED: "q", PROCESSING: "r", COMPLETED: "c", FAILED: "f" } as const;

// @ts-expect-error -- QUEUED would leak into a vocabulary that has other words
defineJob({ kind: "k", input, words: { PENDING: "p", PROCESSING: "r", COMPLETED: "c", FAILED: "f" } });
// @ts-expect-error -- words.PROCESSING: "b" is not a phase
defineJob({ kind: "k", input, phases: ["a"], words: { ...words, PROCESSING: { default: "r", b: "x" } } });
// @ts-expect-error -- words.PROCESSING: "b" is not a phase, where there are none
defineJob({ kind: "k", input, words: { ...words, PROCESSING: { default: "r", b: "x" } } });
// @ts-expect-error -- a default is a must
defineJob({ kind: "k", input, phases: ["a"], words: { ...words, PROCESSING: { a: "x" } } });
// @ts-expect-error -- words.FAILED: "oops" is not a failure reason
defineJob({ kind: "k", input, words: { ...words, FAILED: { default: "f", oops: "x" } } });
// @ts-expect-error -- words: "DONE" is not a status
defineJob({ kind: "k", input, words: { ...words, DONE: "d" } });

expectTypeOf(recover.statuses("IN_PROGRESS")).toEqualTypeOf<
  readonly ["PENDING" | "QUEUED", ...("PENDING" | "QUEUED")[]]
>();
expectTypeOf(recover.statuses("LAUNCHING")).toEqualTypeOf<readonly ["PROCESSING", ..."PROCESSING"[]]>();
// @ts-expect-error -- not a word of the kind
recover.statuses("READY");

// ---- what leaves the server ------------------------------------------------------------------------------------------------

const projecting = defineJob({
  kind: "k",
  input,
  output: z.object({ rows: z.number(), bucket: z.string() }),
  progress: z.object({ done: z.number(), host: z.string() }),
  project: {
    output: (output) => ({ rows: output.rows }),
    progress: ({ done }) => ({ done }),
    metadata: () => ({ page: 1 }),
    actor: () => null,
  },
});
expectTypeOf<TypesOf<typeof projecting>["project"]>().toEqualTypeOf<{
  output: { rows: number };
  progress: { done: number };
  metadata: { page: number };
}>();
const oneProjected = defineJob({
  kind: "k",
  input,
  output: input,
  project: { output: (output) => output.name },
});
expectTypeOf<TypesOf<typeof oneProjected>["project"]>().toEqualTypeOf<{
  output: string;
  progress: never;
  metadata: never;
}>();
// @ts-expect-error -- project.output is given the output
defineJob({ kind: "k", input, output: input, project: { output: (output) => output.nmae } });
// @ts-expect-error -- project.output must survive JSON: a Date does not
defineJob({ kind: "k", input, output: input, project: { output: () => ({ at: new Date(0) }) } });
// @ts-expect-error -- there is no such part
defineJob({ kind: "k", input, project: { input: () => null } });

// ---- JSON honesty ----------------------------------------------------------------------------------------------------------

// Each directive stands above the one property that is wrong: nothing else in the call may fail.
defineJob({
  kind: "k",
  input,
  // @ts-expect-error -- output must survive JSON: "inner.at" does not
  output: z.object({ inner: z.object({ at: z.date() }) }),
});
defineJob({
  kind: "k",
  // @ts-expect-error -- input must survive JSON: "n" does not
  input: z.object({ n: z.bigint() }),
});
defineJob({
  kind: "k",
  input,
  // @ts-expect-error -- progress must survive JSON: "seen" does not
  progress: v.object({ seen: v.set(v.string()) }),
});
defineJob({
  kind: "k",
  input,
  // @ts-expect-error -- external must survive JSON: "at" does not
  external: type({ at: "Date" }),
});
defineJob({
  kind: "k",
  input,
  // @ts-expect-error -- output must survive JSON: "list[].at" does not
  output: z.object({ list: z.array(z.object({ at: z.date() })) }),
});
defineJob({
  kind: "k",
  input,
  // @ts-expect-error -- JSON has no undefined in arrays
  output: z.array(z.string().optional()),
});
defineJob({
  kind: "k",
  input,
  // @ts-expect-error -- and none as a whole: leave output out instead
  output: z.undefined(),
});
defineJob({
  kind: "k",
  input,
  // @ts-expect-error -- nor void, of which a handler's `undefined` is stored as null and refused by the schema
  output: z.void(),
});
defineJob({
  kind: "k",
  input,
  // @ts-expect-error -- output must survive JSON: "nothing" does not
  output: z.object({ nothing: z.void() }),
});
defineJob({
  kind: "k",
  input,
  // @ts-expect-error -- output must not be transformed by its schema
  output: z.string().transform(Number),
});
interface Deep {
  readonly name: string;
  readonly child?: Deep | undefined;
  readonly bytes: Uint8Array;
}
defineJob({
  kind: "k",
  input,
  // @ts-expect-error -- interfaces are looked into, recursive ones too
  output: z.custom<Deep>(),
});

interface Tree {
  readonly name: string;
  readonly children: readonly Tree[];
}
// What survives is taken as it is: optional, recursive, unknown, JSON itself, and an input that its schema transforms.
defineJob({ kind: "k", input, output: z.object({ a: z.string().optional(), b: z.number().nullable() }) });
defineJob({ kind: "k", input, output: z.custom<Tree>() });
defineJob({ kind: "k", input, output: z.json() });
defineJob({ kind: "k", input, output: z.custom<Json>() });
defineJob({ kind: "k", input, output: z.unknown() });
defineJob({ kind: "k", input, output: z.any() });
defineJob({ kind: "k", input: z.object({ at: z.iso.datetime().transform((text) => new Date(text)) }) });
defineJob({ kind: "k", input: z.object({ at: z.coerce.date() }) });

// ---- steps -----------------------------------------------------------------------------------------------------------------

expectTypeOf(steps(recover, { status: "PENDING" })[0]!.phase).toEqualTypeOf<
  "submitted" | "launching" | "converting"
>();
steps(
  recover,
  { status: "PENDING" },
  { submitted: "Sent", launching: "Launching", converting: "Converting" },
);
// @ts-expect-error -- every phase has a label
steps(recover, { status: "PENDING" }, { submitted: "Sent", launching: "Launching" });
// @ts-expect-error -- and nothing else has
steps(recover, { status: "PENDING" }, { submitted: "S", launching: "L", converting: "C", gone: "G" });
expectTypeOf(steps(recover, { status: "PENDING" })[0]!.state).toEqualTypeOf<"done" | "current" | "open">();

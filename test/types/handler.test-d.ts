/* eslint-disable @typescript-eslint/no-unsafe-return, @typescript-eslint/no-unsafe-call -- what must not compile has no type */
import { expectTypeOf } from "vitest";
import { z } from "zod";
import { defineJob } from "../../src/core/define/define-job.js";
import type { Handler } from "../../src/core/define/handler.js";
import type { Json } from "../../src/core/json/json.js";
import { ingest, mail, recover } from "./sample-jobs.js";

// ---- plain kinds -----------------------------------------------------------------------------------------------------------

const ingestHandler = ingest.handle(
  async ({ input, phase, job, attempt, fence, signal, key, checkpoint, lastCheckpoint, warn }) => {
    expectTypeOf(input).toEqualTypeOf<{ documentId: string; pages: number }>();
    expectTypeOf(job.input).toEqualTypeOf<{ documentId: string; pages?: number | undefined }>();
    expectTypeOf(job.status).toEqualTypeOf<"PROCESSING">();
    expectTypeOf(attempt).toEqualTypeOf<number>();
    expectTypeOf(fence).toEqualTypeOf<number>();
    expectTypeOf(signal).toEqualTypeOf<AbortSignal>();
    expectTypeOf(key("parse")).toEqualTypeOf<string>();
    expectTypeOf(lastCheckpoint).toEqualTypeOf<Json>();
    phase("parsing", "Reading");
    warn("page.blurred", "Page 3 is hard to read");
    await checkpoint({ page: 3 });
    return { chunks: input.pages };
  },
);
expectTypeOf(ingestHandler).toEqualTypeOf<Handler<typeof ingest>>();
expectTypeOf(ingestHandler.kind).toEqualTypeOf<"document.ingest">();

ingest.handle({ run: () => ({ chunks: 1 }) });
mail.handle(async () => {});
mail.handle(() => undefined);
mail.handle({ run: async () => null });

// @ts-expect-error -- the output is a must
ingest.handle(async () => {});
// @ts-expect-error -- and must fit
ingest.handle(async () => ({ chunks: "12" }));
// @ts-expect-error -- a kind without output yields nothing
mail.handle(async () => 12);
// @ts-expect-error -- not a phase of this kind
ingest.handle(({ phase }) => (phase("launching"), { chunks: 1 }));
mail.handle(({ phase }) => {
  // @ts-expect-error -- a kind without phases has none to enter
  phase("a");
});
mail.handle(({ progress }) => {
  // @ts-expect-error -- a kind without progress has none to say
  progress({ done: 1 });
});
// @ts-expect-error -- nothing external, nothing to track
ingest.handle(({ track }) => track("x"));
// @ts-expect-error -- and nobody to call back
ingest.handle(async ({ callbackToken }) => (await callbackToken(), { chunks: 1 }));
// @ts-expect-error -- and nothing to poll
ingest.handle({ run: () => ({ chunks: 1 }), poll: async () => ({ state: "done", output: { chunks: 1 } }) });
// @ts-expect-error -- progress must be JSON too
ingest.handle(async ({ checkpoint }) => (await checkpoint(new Map()), { chunks: 1 }));

// An output of any type is an output: it must be given, and may be anything.
const anything = defineJob({ kind: "k", input: z.object({}), output: z.any() });
anything.handle(() => ({ chunks: 1 }));
anything.handle(async () => "chunks");
const anythingElsewhere = defineJob({
  kind: "k",
  input: z.object({}),
  output: z.any(),
  external: z.string(),
});
anythingElsewhere.handle({
  run: ({ done }) => done({ chunks: 1 }),
  poll: () => ({ state: "done", output: { chunks: 1 } }),
});

// ---- kinds with external work: submitted is not done ------------------------------------------------------------------------

recover.handle({
  run: async ({ input, key, track, done, phase, progress, callbackToken }) => {
    expectTypeOf(await callbackToken({ ttlMs: 60_000 })).toEqualTypeOf<string>();
    phase("launching");
    progress({ total: 6, ready: 0 }, { etaAt: new Date(), allowDecrease: true });
    // @ts-expect-error -- not an option
    progress({ total: 6, ready: 0 }, { etaat: null });
    return input.type === "DRILL" ? done({ ready: 0 }) : track({ drsJobIds: [key("launch")] });
  },
  poll: async ({ ref, job, fence, signal, cancelRequested }) => {
    expectTypeOf(ref).toEqualTypeOf<{ drsJobIds: string[] }>();
    expectTypeOf(job.input.planId).toEqualTypeOf<string>();
    expectTypeOf(fence).toEqualTypeOf<number>();
    expectTypeOf(signal).toEqualTypeOf<AbortSignal>();
    if (cancelRequested) return { state: "failed", message: "stopped", code: "drs.stopped", expose: true };
    if (ref.drsJobIds.length === 0) return { state: "done", output: { ready: 6 } };
    return {
      state: "open",
      phase: "converting",
      progress: { total: 6, ready: 1 },
      etaAt: new Date(),
      nextPollMs: 5_000,
    };
  },
  cancel: async ({ ref, reason }) => {
    expectTypeOf(ref).toEqualTypeOf<{ drsJobIds: string[] }>();
    expectTypeOf(reason).toEqualTypeOf<string | null>();
  },
  pollEveryMs: 30_000,
  timeoutMs: undefined,
});

const poll = async () => ({ state: "open" }) as const;

recover.handle({
  // @ts-expect-error -- a plain value where track is due: the lying status
  run: async () => ({ ready: 6 }),
  poll,
});
// @ts-expect-error -- somebody must prove the outcome
recover.handle({ run: async ({ done }) => done({ ready: 0 }) });
// @ts-expect-error -- a function alone cannot poll
recover.handle(async ({ done }: { done: (output: { ready: number }) => never }) => done({ ready: 0 }));
recover.handle({
  // @ts-expect-error -- the reference must fit
  run: async ({ track }) => track({ drsJobIds: [1] }),
  poll,
});
recover.handle({
  // @ts-expect-error -- the output must fit
  run: async ({ done }) => done({ ready: "all" }),
  poll,
});
recover.handle({
  run: async ({ done }) => done({ ready: 0 }),
  // @ts-expect-error -- done needs its output
  poll: async () => ({ state: "done" }),
});
recover.handle({
  run: async ({ done }) => done({ ready: 0 }),
  // @ts-expect-error -- failed needs its message
  poll: async () => ({ state: "failed" }),
});
recover.handle({
  run: async ({ done }) => done({ ready: 0 }),
  // @ts-expect-error -- not a phase of this kind
  poll: async () => ({ state: "open", phase: "parsing" }),
});

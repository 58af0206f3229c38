import { defineJob } from "waybill";
import { z } from "zod";

/** What its handler will do with a job: the seed alone decides. */
const planned = z.object({
  /** What each step takes. */
  stepsMs: z.array(z.number()),
  /** Attempts that fail before one succeeds. */
  failures: z.number(),
  ending: z.enum(["done", "permanent"]),
  /** Goes on although its signal was aborted: a process that wakes up late and tries to finish. */
  deaf: z.boolean(),
  /** Of tracked work. */
  outsideMs: z.number(),
  outsideEnds: z.enum(["done", "failed"]),
});

/** What its handler will do with a job. */
export type Plan = z.infer<typeof planned>;

/** An output says whose it is: the claim that it names must have left its end outside the store. */
const output = z.object({ by: z.enum(["run", "poll"]), life: z.string(), fence: z.number() });

export type TortureOutput = z.infer<typeof output>;

const common = {
  input: planned,
  output,
  progress: z.object({ done: z.number(), total: z.number() }),
  phases: ["working", "ending"] as const,
  // Many attempts: a job that meets every kill still ends by its own plan.
  retry: { maxAttempts: 8, baseMs: 40, capMs: 400 },
};

export const plain = defineJob({ ...common, kind: "torture.plain" });
/** Fails some times, for good now and then. */
export const flaky = defineJob({ ...common, kind: "torture.flaky" });
/** So few attempts that failures use them up. */
export const brittle = defineJob({
  ...common,
  kind: "torture.brittle",
  retry: { ...common.retry, maxAttempts: 3 },
});
/** Stores how far it got after each step. */
export const stepwise = defineJob({ ...common, kind: "torture.stepwise" });
/** Goes on outside after its handler. */
export const tracked = defineJob({
  ...common,
  kind: "torture.tracked",
  external: z.object({ operation: z.string() }),
});

export const KINDS = [plain, flaky, brittle, stepwise, tracked] as const;
export type TortureKind = (typeof KINDS)[number];

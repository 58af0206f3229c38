import type { StandardSchemaV1 } from "@standard-schema/spec";
import { defineJob } from "../../src/core/define/define-job.js";

/** How a job will go: the handler does what its input says, so that a seed alone decides. */
export interface Plan {
  /** Which submit it came from. */
  readonly call: number;
  /** What each step takes. */
  readonly stepsMs: readonly number[];
  /** Attempts that fail before one succeeds. */
  readonly failures: number;
  readonly ending: "done" | "permanent" | "retry" | "track";
  /** Goes on although its signal was aborted. */
  readonly deaf: boolean;
  /** Of tracked work. */
  readonly outsideMs: number;
  readonly outsideEnds: "done" | "failed" | "rerun";
}

interface Counted {
  readonly done: number;
  readonly total: number;
}

interface Reference {
  readonly op: string;
}

function schema<T>(accepts: (value: T) => boolean = () => true): StandardSchemaV1<T, T> {
  return {
    "~standard": {
      version: 1,
      vendor: "simulation",
      validate: (value) =>
        accepts(value as T) ? { value: value as T } : { issues: [{ message: "is not accepted" }] },
    },
  };
}

const plan = schema<Plan>(({ call }) => typeof call === "number" && call >= 0);
const text = schema<string>((value) => typeof value === "string");
const counted = schema<Counted>();
const reference = schema<Reference>();
const retry = { maxAttempts: 3, baseMs: 200, capMs: 4_000 };
const percent = ({ done, total }: Counted): number => done / total;

export const plainStore = defineJob({
  kind: "plain.store",
  input: plan,
  output: text,
  progress: counted,
  percent,
  phases: ["first", "second"],
  leaseMs: 6_000,
  retry,
  retainMs: 40_000,
});

export const plainQueue = defineJob({
  kind: "plain.queue",
  input: plan,
  output: text,
  progress: counted,
  percent,
  phases: ["first", "second"],
  leaseMs: 6_000,
  retry,
  queue: "main",
  retainMs: 600_000,
});

export const plainFifo = defineJob({
  kind: "plain.fifo",
  input: plan,
  output: text,
  progress: counted,
  percent,
  phases: ["first", "second"],
  leaseMs: 4_000,
  retry: { ...retry, maxAttempts: 2 },
  queue: "fifo",
  subject: ({ call }) => `subject:${String(call % 4)}`,
});

export const outsideStore = defineJob({
  kind: "outside.store",
  input: plan,
  output: text,
  progress: counted,
  percent,
  phases: ["first", "second"],
  external: reference,
  leaseMs: 6_000,
  retry,
});

export const outsideQueue = defineJob({
  kind: "outside.queue",
  input: plan,
  output: text,
  progress: counted,
  percent,
  phases: ["first", "second"],
  external: reference,
  leaseMs: 6_000,
  retry,
  queue: "main",
});
export const OUTSIDE = [outsideStore, outsideQueue] as const;
export const KINDS = [plainStore, plainQueue, plainFifo, outsideStore, outsideQueue] as const;
export type Kind = (typeof KINDS)[number];

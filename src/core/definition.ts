import type { Json } from "./json/json.js";
import type { JobStatus } from "./job/lifecycle.js";
import type { FailureReason } from "./job/record.js";

/** One thing that is wrong with a value. Never the value itself. */
export interface Issue {
  /** `a.b.0`; "" for the value as a whole. */
  readonly path: string;
  readonly message: string;
}

/** A checked value, or what is wrong with it. */
export type Checked<T = unknown> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly issues: readonly Issue[] };

/** What a word or a default message is derived from. */
export interface Facts {
  readonly status: JobStatus;
  readonly phase: string | null;
  readonly failureReason: FailureReason | null;
}

/**
 * What the kind's `project` makes of parts of a job before they leave the server; `null`: output and progress leave whole,
 * metadata and actor not at all. The application's own functions: `shown.ts` judges what they give.
 */
export interface Projection {
  readonly output: ((output: unknown) => unknown) | null;
  readonly progress: ((progress: unknown) => unknown) | null;
  readonly metadata: ((metadata: unknown) => unknown) | null;
  readonly actor: ((actor: unknown) => unknown) | null;
}

/**
 * What the engine needs of a kind, without its types: what `defineJob` makes, and all that the engine knows of it.
 * Isomorphic: a browser holds it too.
 */
export interface Definition {
  readonly kind: string;
  /** The stack of where it was made, as the engine writes stacks: text only when asked, since that is what costs. */
  readonly madeAt: () => unknown;
  /** A handler may (must, unless it returns `done`) return `track(ref)`. */
  readonly external: boolean;
  readonly phases: readonly string[];
  /** The named queue of the kind; `null`: the composition's default. */
  readonly queue: string | null;
  /** `own`: the application hands its jobs over and claims them by id. */
  readonly handOver: "own" | null;
  readonly retry: { readonly maxAttempts?: number; readonly baseMs?: number; readonly capMs?: number };
  readonly leaseMs: number | null;
  readonly deadlineMs: number | null;
  readonly retainMs: number | null;
  readonly expectedMs: number | null;
  readonly project: Projection;
  /** Whether default messages read the input: it is then read for them. */
  readonly messagesReadInput: boolean;
  checkInput(value: unknown): Checked | Promise<Checked>;
  checkOutput(value: unknown): Checked | Promise<Checked>;
  checkProgress(value: unknown): Promise<Checked>;
  checkRef(value: unknown): Promise<Checked>;
  /** The subject that an input is about; `null`: none. */
  subjectOf(input: unknown): string | null;
  /** 0–1; `null`: not known. Never throws. */
  percentOf(progress: Json): number | null;
  /** What the kind declares that an outside event may know of the work: at most 100 keys of at most 256 characters. */
  refKeysOf(ref: Json): readonly string[];
  wordOf(facts: Facts): string;
  /** The statuses that a word may stand for; empty: not a word of the kind. */
  statusesOf(word: string): readonly JobStatus[];
  /** The default public message; never throws. `input` is the stored input where `messagesReadInput`, else `undefined`. */
  messageOf(facts: Facts, input: unknown): string;
}

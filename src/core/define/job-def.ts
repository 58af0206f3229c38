import type { JobStatus } from "../job/lifecycle.js";
import type { FailureReason } from "../job/record.js";
import type { Schema, SchemaOutput } from "../schema/standard.js";
import type { AnyDef, JobTypes } from "./any-def.js";
import type { Handler, ImplementationOf } from "./handler.js";
import type { WordsOption } from "./job-options.js";

/** A kind of job, made by `defineJob`. Its one type parameter is plain data. */
export interface JobDef<T extends JobTypes> extends AnyDef {
  readonly kind: T["kind"];
  /** In order. */
  readonly phases: readonly T["phase"][];
  readonly "~types"?: T | undefined;

  /** The application's word for the status of a job, or of its view. */
  word<S extends JobStatus>(job: {
    readonly status: S;
    readonly phase?: string | null | undefined;
    readonly failure?: { readonly reason: FailureReason } | undefined;
  }): T["words"][S];

  /** The statuses that a word may stand for: for filters. */
  statuses<Word extends T["words"][JobStatus]>(
    word: Word,
  ): readonly [
    { [S in JobStatus]: Word extends T["words"][S] ? S : never }[JobStatus],
    ...{ [S in JobStatus]: Word extends T["words"][S] ? S : never }[JobStatus][],
  ];

  /** Joins the definition with how it is done. On the server only. */
  handle(implementation: ImplementationOf<JobDef<T>>): Handler<JobDef<T>>;
}

/** What a schema makes of a value; `Otherwise` where it is left out. */
export type OutputOr<S extends Schema | undefined, Otherwise> = [S] extends [undefined]
  ? Otherwise
  : SchemaOutput<NonNullable<S>>;

type WordIn<W> = W extends string ? W : W[keyof W];

/** The words that `words` gives each status; without it, the status itself. */
export type WordsOf<W extends WordsOption | undefined> = [W] extends [undefined]
  ? // Asked this way round, it holds without strictNullChecks too, where `undefined` extends whatever is asked for.
    { readonly [S in JobStatus]: S }
  : { readonly [S in JobStatus]: WordIn<NonNullable<W>[S]> & string };

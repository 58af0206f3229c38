import type { Stored, SurvivesJson } from "../schema/json-honest.js";
import type { Schema, SchemaInput, SchemaOutput } from "../schema/standard.js";
import type { TypeProblem } from "../schema/type-problem.js";
import type { JobStatus } from "../job/lifecycle.js";
import type { Json } from "../json/json.js";
import type { FailureReason } from "../job/record.js";

/** The application's words for the five statuses, all of them; two may also depend on phase or failure reason. */
export interface WordsOption {
  readonly PENDING: string;
  readonly QUEUED: string;
  readonly PROCESSING: string | ({ readonly default: string } & Readonly<Record<string, string>>);
  readonly COMPLETED: string;
  readonly FAILED: string | ({ readonly default: string } & { readonly [R in FailureReason]?: string });
}

/** `unknown` where a schema is left out. */
type StoredBy<Option extends string, S extends Schema | undefined> = S extends Schema
  ? Stored<Option, SchemaInput<S>, SchemaOutput<S>>
  : unknown;

type KeysOf<T> = T extends string ? never : keyof T;

/** `unknown`, or the sentence that names the key that is no status, phase or failure reason. */
export type WordsFit<W extends WordsOption | undefined, Phase extends string> = W extends WordsOption
  ? WordsProblem<W, Phase>
  : unknown;

type WordsProblem<W extends WordsOption, Phase extends string> = [Exclude<keyof W, JobStatus>] extends [never]
  ? [Exclude<KeysOf<W["PROCESSING"]>, Phase | "default">] extends [never]
    ? [Exclude<KeysOf<W["FAILED"]>, FailureReason | "default">] extends [never]
      ? unknown
      : TypeProblem<`words.FAILED: "${Exclude<KeysOf<W["FAILED"]>, FailureReason | "default"> & string}" is not a failure reason`>
    : TypeProblem<`words.PROCESSING: "${Exclude<KeysOf<W["PROCESSING"]>, Phase | "default"> & string}" is not a phase`>
  : TypeProblem<`words: "${Exclude<keyof W, JobStatus> & string}" is not a status`>;

/** What a message may be made of. */
export interface MessageView<Input = unknown, Phase extends string = string> {
  /** As submitted. */
  readonly input: Input;
  readonly status: JobStatus;
  readonly phase: Phase | null;
  /** Why it failed; `null` unless FAILED. */
  readonly reason: FailureReason | null;
}

/** A message for users: text, or a function that makes it. */
export type Message<Input, Phase extends string> = string | ((job: MessageView<Input, Phase>) => string);

type MessagesBy<Input, Phase extends string, Key extends string> =
  Message<Input, Phase> | { readonly [K in Key | "default"]?: Message<Input, Phase> | undefined };

/** Messages for users where none was given with a change; what is left out has a plain default. */
export interface MessagesOption<Input, Phase extends string> {
  readonly PENDING?: Message<Input, Phase> | undefined;
  readonly QUEUED?: Message<Input, Phase> | undefined;
  readonly PROCESSING?: MessagesBy<Input, Phase, Phase> | undefined;
  readonly COMPLETED?: Message<Input, Phase> | undefined;
  readonly FAILED?: MessagesBy<Input, Phase, FailureReason> | undefined;
}

/**
 * What of a job leaves the server, in views and events, on every channel. Each function is given what is stored, and gives
 * JSON. Left out: output and progress leave whole, metadata and actor not at all.
 *
 * Jobs that were stored before a change of the kind are given too. A job for which one throws is left out of lists that are
 * observed or asked for over HTTP, which the log says once per job; by its id it is an error.
 */
export interface ProjectOption<O extends Schema | undefined, P extends Schema | undefined, OV, PV, MV> {
  readonly output?:
    ((output: SchemaOutput<NonNullable<O>>) => OV & SurvivesJson<"project.output", OV>) | undefined;
  readonly progress?:
    ((progress: SchemaOutput<NonNullable<P>>) => PV & SurvivesJson<"project.progress", PV>) | undefined;
  readonly metadata?: ((metadata: Json) => MV & SurvivesJson<"project.metadata", MV>) | undefined;
  /** Who submitted, cancelled or ran again, in events. `null`: this one is not named. */
  readonly actor?: ((actor: string) => string | null) | undefined;
}

/** How often and when a failed attempt is followed by another. */
export interface RetryOption {
  /** @default 3 */
  readonly maxAttempts?: number | undefined;
  /** The first wait; doubles at each further attempt, with full jitter. @default 1_000 // 1 s */
  readonly baseMs?: number | undefined;
  /** The longest wait. @default 300_000 // 5 min, or `baseMs` where that is longer */
  readonly capMs?: number | undefined;
}

/** What a kind needs whose jobs the application hands over itself. */
export type HandOverFits<H extends "queue" | "own"> = [H] extends ["own"]
  ? { readonly deadlineMs: number; readonly queue?: undefined }
  : unknown;

/** What a kind of job is: schemas, words, phases and policy. Isomorphic: nothing of it belongs to the server alone. */
export interface JobOptions<
  K extends string,
  I extends Schema,
  O extends Schema | undefined,
  P extends Schema | undefined,
  F extends string,
  R extends Schema | undefined,
  W extends WordsOption | undefined,
  Q extends string | undefined,
  OV,
  PV,
  MV,
  H extends "queue" | "own",
> {
  /** Names the kind, for ever: `[A-Za-z0-9_-]+`, parts joined by dots. */
  readonly kind: K;
  /**
   * What a job is given. `submit` stores as JSON what the schema makes of it, and the worker checks that again: a default is
   * made once. Where a check would not take it as it is (a transform, a Date), what was given is stored, with the defaults
   * that it lacked. At most what the store takes (16 MiB; DynamoDB 400 kB), or `policy.maxPayloadBytes` where that is less.
   */
  readonly input: I & SurvivesJson<"input", SchemaInput<I>>;
  /**
   * What a job yields, as the schema makes it: a key that it strips is not stored. Left out: nothing, and `output` of a
   * COMPLETED job is `null`. As large as an input may be; a larger one ends the job FAILED with `result_unstorable`.
   */
  readonly output?: (O & StoredBy<"output", O>) | undefined;
  /** Counters while it runs. */
  readonly progress?: (P & StoredBy<"progress", P>) | undefined;
  /** Labels inside PROCESSING, in order. */
  readonly phases?: readonly F[] | undefined;
  /** What names work outside that goes on after the handler: it must then return `track(ref)` or `done(output)`. */
  readonly external?: (R & StoredBy<"external", R>) | undefined;
  /** The application's words for the five statuses. @default the statuses themselves */
  readonly words?: (W & WordsFit<NoInfer<W>, NoInfer<F>>) | undefined;
  readonly messages?: MessagesOption<SchemaInput<I>, NoInfer<F>> | undefined;
  readonly project?: ProjectOption<O, P, OV, PV, MV> | undefined;
  /** The application's own thing that a job is about, at most 256 characters: `plan:42`. */
  readonly subject?: ((input: SchemaOutput<I>) => string | null | undefined) | undefined;
  /** How far it is, 0–1. */
  readonly percent?: ((progress: SchemaOutput<NonNullable<P>>) => number | null | undefined) | undefined;
  /** How long it usually takes, for an ETA before anything better is known. */
  readonly expectedMs?: number | undefined;
  readonly retry?: RetryOption | undefined;
  /** How long a claim holds without a sign of life. @default 30_000 // 30 s */
  readonly leaseMs?: number | undefined;
  /** From submit to the end; after it the job is FAILED with `deadline_exceeded`. @default none */
  readonly deadlineMs?: number | undefined;
  /**
   * How long a settled job is kept, at least twice `policy.watchEveryMs` (20 s), so that whoever watches sees its end;
   * `Number.POSITIVE_INFINITY`: for ever. @default 604_800_000 // 7 days
   */
  readonly retainMs?: number | undefined;
  /**
   * Who hands its jobs over. `"own"`: the application, by a message of its own, and takes each with `waybill.claim`: such a
   * job is PENDING until it is claimed, also after a retry, a lapse or a release. It needs `deadlineMs`, since nobody else
   * would notice that the application's message got lost, and takes no `queue`. @default "queue"
   */
  readonly handOver?: H | undefined;
  /** The named queue, among `queues` of `createWaybill`. @default the composition's own */
  readonly queue?: Q | undefined;
  /**
   * What an outside event may know of the work, at most 100 keys of 256 characters; each should name one job. Left out, an
   * event names a job by its whole reference only.
   */
  readonly refKeys?: ((ref: SchemaOutput<NonNullable<R>>) => readonly (string | number)[]) | undefined;
}

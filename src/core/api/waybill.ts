import type { Clock } from "../environment/clock.js";
import type {
  AnyDef,
  DefOf,
  DefOfKind,
  ExternalDef,
  KindOf,
  OwnDef,
  TypesOf,
  WordOf,
} from "../define/any-def.js";
import type { Poll } from "../define/handler-context.js";
import type {
  InputInvalid,
  JobAlreadyFinal,
  JobCannotCancel,
  JobNotFailed,
  JobNotFound,
  NotifierUnknown,
  WaybillError,
} from "../errors/errors.js";
import type { EventType } from "../job/event.js";
import type { JobStatus } from "../job/lifecycle.js";
import type { JobChanges } from "../live/changes.js";
import type { Logger } from "../environment/logger.js";
import type { OwnerOption } from "../options/owner-option.js";
import type { AsyncResult, Result } from "../errors/result.js";
import type { Claim, ClaimOptions, ClaimRefused } from "./claim.js";
import type { EventOf, JobHistory } from "./event.js";
import type { Job, JobOf, ListedJobOf } from "./job.js";
import type { ObserveFilter, ObserveOptions } from "./observe.js";
import type { Relay, RelayOptions } from "./relay.js";
import type { SubmitItem, SubmitOptions, SubmitRefusal } from "./submit.js";
import type { JobViewOf } from "./view.js";
import type { HandlerFor, Intake, IntakeOptions, Worker, WorkerOptions } from "./worker.js";

declare global {
  // For projects whose `lib` does not know explicit resource management yet.
  interface SymbolConstructor {
    readonly asyncDispose: unique symbol;
  }
}

/** Why `cancel` said no. */
export type CancelRefusal = JobNotFound | JobAlreadyFinal | JobCannotCancel;
/** Why `recall` said no: `job.claimed` is run at this moment. */
export type RecallRefusal = JobNotFound | JobAlreadyFinal | WaybillError<"job.claimed">;
/** Why `rerun` said no. */
export type RerunRefusal = JobNotFound | JobNotFailed | SubmitRefusal;
/** Why `report` said no. `retryable` is the whole rule for an event source: tell it again if so, else drop it. */
export type ReportRefusal =
  | JobNotFound
  | JobAlreadyFinal
  | InputInvalid
  | WaybillError<"job.not_awaiting">
  | WaybillError<"callback.invalid">
  | WaybillError<"ref.ambiguous">;

/** Which jobs to list; at least one of `kind`, `owner` and `subject`. */
export interface ListFilter<D extends AnyDef, K extends KindOf<D> = KindOf<D>> extends OwnerOption {
  readonly kind?: K | undefined;
  readonly status?: JobStatus | readonly JobStatus[] | undefined;
  /** Needs `kind`. */
  readonly word?: WordOf<DefOf<D, K>> | undefined;
  readonly subject?: string | undefined;
  /** 1–100. @default 50 */
  readonly limit?: number | undefined;
  /** `next` of the page before. */
  readonly cursor?: string | undefined;
}

/** A part of a list, in its order. */
export interface Page<T> {
  readonly items: readonly T[];
  /** For the next page; `null`: this was the last. A page may be short before it. */
  readonly next: string | null;
}

/** What a notifier gave up; its name is one that is not known here where only other processes have it. */
export interface Undelivered<Name extends string = string> {
  readonly jobId: string;
  readonly kind: string;
  readonly notifier: Name;
  /** The versions that were given up. */
  readonly versions: readonly number[];
  /** Why the last of them was, or the last try since; at most 200 characters. */
  readonly reason: string | null;
  /** When the oldest of them happened; `null`: its entry was trimmed. */
  readonly since: Date | null;
}

/**
 * A message that could not be read, or whose job is unknown, as it was put aside; or a stored record that cannot be read, with
 * the queue `(store)` and its id as the body. Kept for `policy.parkedRetainMs`, 14 days.
 */
export interface ParkedItem {
  readonly id: string;
  /** The name of the queue that it came from. */
  readonly queue: string;
  /** At most 64 KiB; longer bodies are cut. Written by anybody. */
  readonly body: string;
  readonly reason: string;
  readonly at: Date;
}

/** What one pass of reconciliation did. */
export interface ReconcileReport {
  /** Records that were due. */
  readonly looked: number;
  /** Due records that this process could not serve: it lacks their handler, queue, notifier or definition. */
  readonly unserved: number;
  /** All that was due was looked at, be it unserved; `false`: the budget ran out first. */
  readonly complete: boolean;
}

/** Whether the promises are being kept. Alarm on the first two, on anything above 0 in `parked` and `undeliverable`, and on lost writes. */
export interface Health {
  /** Since a reconciler last ran; `null`: none ever did. */
  readonly reconcilerLagMs: number | null;
  /** How long the oldest record has been due; 0: none is. */
  readonly oldestOverdueMs: number;
  /** How long the oldest job in the store's own queue has been ready; 0: none is. */
  readonly oldestReadyMs: number;
  /** How long the oldest job past its retention has waited to be removed; 0: none does, or the store cannot tell. */
  readonly oldestExpiredMs: number;
  /** Jobs that the last reconciler met and could not serve: it lacks their handler, queue, notifier or definition. */
  readonly unserved: number;
  /** Messages that could not be read. */
  readonly parked: number;
  /** Jobs with an event that a notifier gave up. */
  readonly undeliverable: number;
  /** Calls that the store had acknowledged and lost, and how long ago that was last found out; `null`: none that it knows of. */
  readonly lostWrites: { readonly calls: number; readonly agoMs: number } | null;
}

/** How a job is watched. */
export interface WatchOptions extends OwnerOption {
  /** Ends what waits, without an error. */
  readonly signal?: AbortSignal | undefined;
}

/** How a result is waited for; where its signal aborts first, the wait rejects with the signal's reason. */
export interface ResultOptions extends WatchOptions {
  /** @default unbounded */
  readonly timeoutMs?: number | undefined;
}

/** A request to cancel. */
export interface CancelOptions extends OwnerOption {
  /** Told to whoever waits. */
  readonly reason?: string | undefined;
  /** Who asks, for the history. */
  readonly actor?: string | undefined;
}

/** Options of a rerun. `owner` is that of the failed job; the new one has the same. */
export interface RerunOptions extends OwnerOption {
  /** Who asks, for the history. */
  readonly actor?: string | undefined;
  /** Asked again with the same key: the same new job. */
  readonly idempotencyKey?: string | undefined;
}

/**
 * Of which external work an event tells: what `track` was given, or any one of its declared keys; or the token that its run
 * made with `callbackToken`.
 */
export type ReportTarget<D extends AnyDef> =
  | { readonly ref: TypesOf<D>["ref"] | string | number; readonly token?: undefined }
  | { readonly token: string; readonly ref?: undefined };

/** What a Waybill is put together from beside its kinds, as types; each may be left out. */
export interface WaybillParts {
  /** The transaction that the store takes. Left out: none is passed. */
  readonly tx?: unknown;
  /** The names of queues, `"default"` among them. Left out: any. */
  readonly queue?: string;
  /** The names of notifiers. Left out: any. */
  readonly notifier?: string;
}

/** One of the parts; `Otherwise` where it is left out. */
type Part<Parts extends WaybillParts, Name extends keyof WaybillParts, Otherwise> = Name extends keyof Parts
  ? Parts[Name]
  : Otherwise;

/** What the parts that stand on a Waybill (routes, gateways) need of it beside its methods. */
export interface Composition<Defs extends AnyDef, Tx = never> {
  readonly kinds: ReadonlySet<string>;
  readonly logger: Logger;
  readonly clock: Clock;
  /** What a token of a callback is about; `null`: it was not signed here, or has expired. */
  readonly callbackOf: (token: string) => { readonly kind: string } | null;
  /** Says in the log, once per job, that it cannot be shown and is left out of lists. */
  readonly tellUnshowable: (job: { readonly id: string; readonly kind: string }, error: unknown) => void;
  /** Types only; never a value. Whoever asks for some kinds takes a composition that has more. */
  readonly "~defs"?: ((defs: Defs, tx: Tx) => void) | undefined;
}

/**
 * Keeps one record per job, and never lies about it.
 *
 * A method about one job takes its id alone, or its kind before it: then a job of another kind is as unknown as none. With
 * `owner` another's job is as unknown as none too, and so is an id that no job can have: reads give `null`, commands
 * `job.not_found`.
 *
 * A module may ask for less than there is: what it takes for a `Waybill<typeof a>` may have more kinds, and any parts that it
 * does not name. It then holds the ids of its own jobs; whose kind is not sure, it asks for with the kind.
 *
 * A method whose answer can be no gives an `AsyncResult`: `Err` means that Waybill decided no and nothing was written.
 * Every method throws (a `WaybillError`) on misuse, when something cannot be reached, or when the outcome is not known:
 * `outcome` says which. What a schema of the application's throws by itself passes through as it is.
 */
// eslint-disable-next-line @typescript-eslint/no-empty-object-type -- no part is said
export type Waybill<Defs extends AnyDef, Parts extends WaybillParts = {}> = WaybillMethods<
  Defs,
  Part<Parts, "tx", never>,
  Part<Parts, "queue", string> & string,
  Part<Parts, "notifier", string> & string
>;

/** The methods of a `Waybill`, by its kinds and its parts. */
export interface WaybillMethods<
  Defs extends AnyDef,
  Tx = never,
  QueueName extends string = string,
  NotifierName extends string = string,
> {
  /** Validates, records, hands over. Once it resolves with a job, the job is durable and will be run. */
  submit<D extends DefOfKind<KindOf<Defs>>, T extends Tx = Tx>(
    def: D,
    input: TypesOf<D>["input"],
    options?: SubmitOptions<T>,
  ): AsyncResult<Job<D>, SubmitRefusal>;
  /** As `submit`, for many in few round trips; an answer for each, in order. */
  submitMany<D extends DefOfKind<KindOf<Defs>>>(
    def: D,
    items: readonly SubmitItem<D>[],
  ): Promise<readonly Result<Job<D>, SubmitRefusal>[]>;
  /**
   * Hands a job over that was submitted inside a transaction, after its commit. Left out, the reconciler does it, and so it does
   * where this throws (`store.unavailable`): the job is committed, and whoever submitted it may be told so.
   */
  dispatch<D extends DefOfKind<KindOf<Defs>>>(
    def: D,
    id: string,
    options?: OwnerOption,
  ): AsyncResult<Job<D>, JobNotFound>;
  dispatch<D extends Defs = Defs>(id: string, options?: OwnerOption): AsyncResult<JobOf<D>, JobNotFound>;

  /** Strong: sees every change answered before. `null`: no such job. */
  get<D extends DefOfKind<KindOf<Defs>>>(def: D, id: string, options?: OwnerOption): Promise<Job<D> | null>;
  get<D extends Defs = Defs>(id: string, options?: OwnerOption): Promise<JobOf<D> | null>;
  /** The newest job of a kind about a subject. */
  latest<D extends DefOfKind<KindOf<Defs>>>(
    def: D,
    subject: string,
    options?: OwnerOption,
  ): Promise<Job<D> | null>;
  /** Newest first, without input and output. */
  list<const K extends KindOf<Defs> = KindOf<Defs>, D extends Defs = Defs>(
    filter: ListFilter<D, K>,
  ): Promise<Page<ListedJobOf<DefOf<D, K>>>>;
  /** `null`: no such job. */
  history<D extends DefOfKind<KindOf<Defs>>>(
    def: D,
    id: string,
    options?: OwnerOption,
  ): Promise<JobHistory<D> | null>;
  history<D extends Defs = Defs>(id: string, options?: OwnerOption): Promise<JobHistory<D> | null>;

  /** At once before a job is run; else a request, which the handler's `signal` or `cancel` carries out. */
  cancel<D extends DefOfKind<KindOf<Defs>>>(
    def: D,
    id: string,
    options?: CancelOptions,
  ): AsyncResult<Job<D>, CancelRefusal>;
  cancel<D extends Defs = Defs>(id: string, options?: CancelOptions): AsyncResult<JobOf<D>, CancelRefusal>;
  /**
   * Calls the message of a QUEUED job back, on an operator's word that its queue lost it, and hands the job over again. Should
   * the older message still come, it is acknowledged and nothing is done. A job that waits in the store, or that is about to be
   * sent, is answered as it is. Without it such a job is sent again by itself after `policy.redispatchAfterMs`.
   */
  recall<D extends Defs = Defs>(
    id: string,
    options?: Pick<CancelOptions, "actor">,
  ): AsyncResult<JobOf<D>, RecallRefusal>;
  /** Runs a FAILED job again as a new job, of its subject and owner, that names its origin; by its kind also with new input. */
  rerun<D extends DefOfKind<KindOf<Defs>>>(
    def: D,
    id: string,
    options?: RerunOptions & { readonly input?: TypesOf<D>["input"] | undefined },
  ): AsyncResult<Job<D>, RerunRefusal>;
  rerun<D extends Defs = Defs>(id: string, options?: RerunOptions): AsyncResult<JobOf<D>, RerunRefusal>;
  /**
   * Tells of external work from an outside event, by a key that the kind declares (`refKeys`), by the whole reference, or by
   * the token of a callback. Early, late and doubled events do no harm; what became of each is the answer: applied; too early
   * (`job.not_awaiting`, the only one to be told again); over, which is `job.already_final` by token and `job.not_found` by
   * reference, since an ended job keeps none; unknown, or of an older launch (`job.not_found`). An event that falls behind
   * what is known (an earlier phase, a lower percent) changes nothing that is shown.
   */
  report<D extends DefOfKind<KindOf<ExternalDef<Defs>>>>(
    def: D,
    target: ReportTarget<D>,
    seen: Poll<D>,
    options?: OwnerOption,
  ): AsyncResult<Job<D>, ReportRefusal>;

  /** The job as it is, then each newer version (a slow reader skips to the newest), to a final status. */
  watch<D extends DefOfKind<KindOf<Defs>>>(def: D, id: string, options?: WatchOptions): AsyncIterable<Job<D>>;
  watch<D extends Defs = Defs>(id: string, options?: WatchOptions): AsyncIterable<JobOf<D>>;
  /**
   * Many jobs as they are, then what changes: the first batch is the snapshot, also an empty one; a slow reader skips to the
   * newest of each job. It does not end by itself. However many observe, a change costs this process one read, without the
   * input (unless the kind's messages read it), and with the output only of a COMPLETED job. What no feed tells of is found
   * by reading: jobs within 10 s (2 s without a feed), lists within 30 s (10 s).
   *
   * @throws {WaybillError} `config.invalid`; `store.unavailable` while the snapshot is read; `waybill.closed`
   */
  observe<const K extends KindOf<Defs> = KindOf<Defs>, D extends Defs = Defs>(
    filter: ObserveFilter<D, K>,
    options?: ObserveOptions,
  ): AsyncIterable<JobChanges<JobViewOf<DefOf<D, K>>>>;
  /** The output, when it is there. @throws {JobFailedError} when it failed @throws {WaitTimeoutError} when it takes longer */
  result<D extends DefOfKind<KindOf<Defs>>>(
    def: D,
    id: string,
    options?: ResultOptions,
  ): Promise<TypesOf<D>["output"]>;
  /** Hears what happens in this process, after it is stored. Returns how to stop. */
  on<E extends EventType, D extends Defs = Defs>(
    type: E,
    listener: (event: EventOf<D, E>) => void,
  ): () => void;

  /** A worker for these handlers; `run` starts it. */
  worker(handlers: readonly HandlerFor<Defs>[], options?: WorkerOptions<QueueName>): Worker;
  /**
   * Claims a job that the application hands over by a message of its own (`handOver: "own"`), for a consumer loop of its own.
   * `Err` says by whom and until when it is held, and whether the message may go.
   */
  claim<D extends DefOfKind<KindOf<OwnDef<Defs>>>>(
    def: D,
    id: string,
    options?: ClaimOptions,
  ): AsyncResult<Claim<D>, ClaimRefused>;
  /** Takes messages that a platform pushes, by the rules of a worker. No handlers will do for dead letters. */
  intake(handlers: readonly HandlerFor<Defs>[], options?: IntakeOptions): Intake<QueueName>;
  /**
   * A relay: the process that only notifies, for those whose jobs are submitted and run where the notifiers are
   * `servedElsewhere()`. It hears the feed and publishes at once; without a feed, and after a failure, it finds what is due
   * by reconciling, and leaves to others what it has no handlers and queues for. More than one lose nothing, and tell most
   * events twice.
   *
   * @throws {WaybillError} `config.invalid`: there is no notifier to publish to
   */
  relay(options?: RelayOptions): Relay;
  /** One pass over everything that is due: from cron, where no worker runs all the time. Safe in any number of processes. */
  reconcile(options?: {
    /** Polls external work of their kinds. */
    readonly handlers?: readonly HandlerFor<Defs>[] | undefined;
    readonly budgetMs?: number | undefined;
    readonly signal?: AbortSignal | undefined;
  }): Promise<ReconcileReport>;
  /** Waits until what happened here has reached notifiers and feed; `false`: not in time, the reconciler goes on. */
  flush(options?: { readonly timeoutMs?: number | undefined }): Promise<boolean>;
  /** Whether the promises are kept, for monitoring: one call of the store. */
  health(): Promise<Health>;
  /** What notifiers gave up, newest jobs first. */
  undelivered(page?: {
    readonly limit?: number | undefined;
    readonly cursor?: string | undefined;
  }): Promise<Page<Undelivered<NotifierName>>>;
  /**
   * Publishes again what a notifier gave up, in order, and takes off the list what is delivered; takes an item of
   * `undelivered` as it is. Returns the versions that were delivered; what failed, or whose entry was trimmed, stays listed.
   * Two calls at once may deliver twice.
   *
   * @throws {WaybillError} `store.unavailable`; with `outcome: "unknown"` it was delivered and may still be listed
   */
  redeliver(what: {
    readonly jobId: string;
    readonly notifier: NotifierName;
    readonly versions?: readonly number[] | undefined;
  }): AsyncResult<{ readonly versions: readonly number[] }, JobNotFound | NotifierUnknown>;
  /** Messages that could not be read and were put aside, in the order of their ids. */
  parked(page?: {
    readonly limit?: number | undefined;
    readonly cursor?: string | undefined;
  }): Promise<Page<ParkedItem>>;
  /**
   * Stops workers, which takes up to their `shutdownTimeoutMs` and some seconds, and frees what Waybill made; never closes a
   * client that was passed in, nor a store, queue, notifier or feed that another open Waybill of this process uses too. Safe to
   * call twice.
   */
  close(): Promise<void>;
  /** For parts of this library. */
  readonly "~composition": Composition<Defs, Tx>;
  [Symbol.asyncDispose](): Promise<void>;
}

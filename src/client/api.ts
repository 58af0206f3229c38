import type { JobView, JobViewOf } from "../core/api/view.js";
import type { AnyDef, DefOf, KindOf, TypesOf } from "../core/define/any-def.js";
import type { JobStatus } from "../core/job/lifecycle.js";
import type { AsyncResult } from "../core/errors/result.js";
import type { ClientRefusal } from "./client-error.js";
import type { Connection, JobChanges, JobsSnapshot, JobSnapshot, Store, TransportName } from "./snapshot.js";
import type { WebSocketConstructor } from "./live/websocket.js";

/** A kind of job: its definition, or its name. */
export type KindArg<K extends string> = K | { readonly kind: K };

/** Where the routes are, who asks, and what of the surroundings is used. */
export interface ClientOptions<D extends AnyDef> {
  /** Where `waybill/http` is: "/jobs", "https://api.example/jobs". The WebSocket gateway is at the same address. */
  readonly baseUrl: string;
  /** The kinds. Left out where the types alone are given: `createClient<typeof ingest | typeof recover>({ … })`. */
  readonly jobs?: readonly D[] | undefined;
  /**
   * The credential, sent as `Bearer`; a function is asked each time one is needed, so that it can give a fresh one. Left
   * out: whoever the cookies say.
   */
  readonly accessToken?: string | (() => string | Promise<string>) | undefined;
  /** Which ways to hear of changes, best first. @default all: "websocket", "sse", "long-poll", "poll" */
  readonly transports?: readonly [TransportName, ...TransportName[]] | undefined;
  /** @default the global one */
  readonly fetch?: typeof fetch | undefined;
  /** @default the global one; where there is none, event streams are used */
  readonly WebSocket?: WebSocketConstructor | undefined;
  /**
   * Where the surroundings have signs of their own that the application is seen again (React Native's `AppState`): called
   * when the client begins to listen, with what to call then; returns how to stop.
   */
  readonly onWake?: ((wake: () => void) => () => void) | undefined;
}

/** A view as lists show it: without output. */
export type ListedView<D extends AnyDef> =
  | Exclude<JobView<D>, { readonly status: "COMPLETED" }>
  | Omit<Extract<JobView<D>, { readonly status: "COMPLETED" }>, "output">;

/** A view of a job of any of several kinds, as lists show it. */
export type ListedViewOf<D extends AnyDef> = D extends AnyDef ? ListedView<D> : never;

/** Which jobs to show: the newest of the caller's. Whose they are is said by the credential alone. */
export interface JobsFilter<K extends string> {
  readonly kind?: KindArg<K> | undefined;
  readonly subject?: string | undefined;
  /** 1–100. @default 100 */
  readonly limit?: number | undefined;
}

/** Which page of jobs to list. */
export interface ListQuery<K extends string> extends JobsFilter<K> {
  readonly status?: JobStatus | readonly JobStatus[] | undefined;
  /** 1–100. @default 50 */
  readonly limit?: number | undefined;
  /** `next` of the page before. */
  readonly cursor?: string | undefined;
}

/** Jobs, newest first. */
export interface Page<T> {
  readonly items: readonly T[];
  /** For the next page; `null`: this was the last. */
  readonly next: string | null;
}

/** A list of jobs that shows and tells changes. */
export interface JobsStore<V> {
  /**
   * Listens, and is told what changed: for caches of the application's own. Told at once (in a microtask) of all that there
   * is, if it is known already; without changes when only `state` is another. Returns how to stop.
   */
  readonly subscribe: (listener: (changes: JobChanges<V>) => void) => () => void;
  /** The same frozen object until something changes. Opens nothing. */
  readonly getSnapshot: () => JobsSnapshot<V>;
}

/** Why `submit` said no; `job.not_found`: the server takes no jobs of the kind from outside. */
export type SubmitRefused = ClientRefusal<
  "input.invalid" | "input.too_large" | "idempotency.conflict" | "id.taken" | "job.not_found"
>;
/** Why `cancel` said no; `input.too_large`: the reason is larger than any body that the server takes. */
export type CancelRefused = ClientRefusal<
  "job.not_found" | "job.already_final" | "job.cannot_cancel" | "input.too_large"
>;
/** Why `rerun` said no. */
export type RerunRefused = ClientRefusal<"job.not_failed" | SubmitRefused["code"]>;

/**
 * Shows jobs as they are stored, whatever the network does, and asks for what people ask for.
 *
 * `submit`, `cancel` and `rerun` give an `AsyncResult`: `Err` means that the server decided no and nothing was written. A
 * call whose answer was lost is repeated by itself, without a second effect; what is thrown (a `ClientError`) in the end
 * says by `outcome` whether it may have been done.
 *
 * A client opens nothing before somebody listens, holds one connection for all stores, and closes it one macrotask after
 * the last listener has gone.
 */
export interface Client<D extends AnyDef> {
  /** One job, by its id. */
  job<K extends KindOf<D>>(kind: KindArg<K>, id: string): Store<JobSnapshot<DefOf<D, K>>>;
  /** The newest job about a subject: also when it is run again, which makes a new job. */
  latest<K extends KindOf<D>>(kind: KindArg<K>, subject: string): Store<JobSnapshot<DefOf<D, K>>>;
  /** The newest jobs of the caller. */
  jobs<K extends KindOf<D> = KindOf<D>>(filter?: JobsFilter<K>): JobsStore<ListedViewOf<DefOf<D, K>>>;
  /** How changes are heard of at present. Listening to it opens nothing. */
  readonly connection: Store<Connection>;

  /** Submits a job. Each call has a key of its own unless one is given, so that its repetitions make one job. */
  submit<K extends KindOf<D>>(
    kind: KindArg<K>,
    input: TypesOf<DefOf<D, K>>["input"],
    options?: { readonly idempotencyKey?: string | undefined },
  ): AsyncResult<JobView<DefOf<D, K>>, SubmitRefused>;
  /** Asks for a job to be cancelled. `reason` is for its history. */
  cancel(
    id: string,
    options?: { readonly reason?: string | undefined },
  ): AsyncResult<JobViewOf<D>, CancelRefused>;
  /** Runs a failed job again, as a new job; however often it is called for one job, there is one. */
  rerun(id: string): AsyncResult<JobViewOf<D>, RerunRefused>;
  /** A page of the caller's jobs, newest first. */
  list<K extends KindOf<D> = KindOf<D>>(query?: ListQuery<K>): Promise<Page<ListedViewOf<DefOf<D, K>>>>;
  /**
   * The job, then each newer view until COMPLETED or FAILED; views that came while nobody took one are skipped. Ends
   * without an error when the signal aborts; throws what the server refuses for good.
   */
  watch<K extends KindOf<D>>(
    kind: KindArg<K>,
    id: string,
    options?: { readonly signal?: AbortSignal | undefined },
  ): AsyncIterable<JobView<DefOf<D, K>>>;

  /** Closes the connection, whoever listens; stores then say so. Safe to call twice. */
  close(): void;
}

import type { PushAnswer, PushedMessage } from "../engine/worker/messages/pushed-message.js";
import type { Handler } from "../define/handler.js";
import type { AnyDef, KindOf } from "../define/any-def.js";

export type { PushAnswer, PushedMessage } from "../engine/worker/messages/pushed-message.js";

/** A handler of one of some kinds. Its kind alone is compared, so that the compiler's complaint is one line. */
export type HandlerFor<Defs extends AnyDef> = Omit<Handler, "kind"> & { readonly kind: KindOf<Defs> };

/** How a worker works. */
export interface WorkerOptions<QueueNames extends string = string> {
  /** Most jobs at a time. @default 10 */
  readonly concurrency?: number | undefined;
  /**
   * Jobs claimed ahead of a free handler: for handlers of milliseconds, where the way to the store takes most of the time.
   * Their leases run meanwhile, and a worker that is killed holds them until these end. Most 500. @default 0
   */
  readonly prefetch?: number | undefined;
  /**
   * The named queues that it receives from; given, it serves these only, and no kinds that the store hands over.
   * @default those of its handlers' kinds, and the store for kinds that name none
   */
  readonly queues?: readonly QueueNames[] | undefined;
  /** Whether it reconciles too. @default true */
  readonly reconcile?: boolean | undefined;
  /**
   * Whether polls of external work are asked for by delayed messages, where the queue delays that long.
   * @default where it does not reconcile
   */
  readonly wakeMessages?: boolean | undefined;
  /**
   * Some other process reconciles all the time: a message whose job another holds may then go before it falls to the dead
   * letters. @default false
   */
  readonly reconciledElsewhere?: boolean | undefined;
  /** How long running handlers are waited for at a stop. @default 30_000 // 30 s */
  readonly shutdownTimeoutMs?: number | undefined;
  /** How often it asks a store or queue that cannot be waited on. @default 1_000 // 1 s */
  readonly pollIntervalMs?: number | undefined;
  /** For people to read: who claims. @default made from process and chance */
  readonly name?: string | undefined;
}

/** A message that was put aside, as it came. Its body was written by anybody. */
export interface ParkedDelivery {
  /** The name of the queue that it came from. */
  readonly queue: string;
  readonly body: string;
  readonly receives: number;
  readonly sentAt: Date | null;
  /** It was among the dead letters. */
  readonly deadLetter: boolean;
}

/** How pushed messages are taken. */
export interface IntakeOptions {
  /** Most jobs at a time, of one call. @default 10 */
  readonly concurrency?: number | undefined;
  /** For people to read: who claims. @default made from chance */
  readonly name?: string | undefined;
  /** Whether polls of external work are asked for by delayed messages, where the queue delays that long. @default true */
  readonly wakeMessages?: boolean | undefined;
  /**
   * Some process reconciles all the time: a message whose job another holds may then go before it falls to the dead letters.
   * @default false
   */
  readonly reconciledElsewhere?: boolean | undefined;
}

/** What one call of the platform may use. */
export interface ProcessOptions<QueueNames extends string = string> {
  /** The queue that the messages come from. @default the one that `source` tells, else the only one */
  readonly queue?: QueueNames | undefined;
  /** The address of that queue, such as an ARN, by which it is found. */
  readonly source?: string | undefined;
  /** How long the platform leaves this call to run, from now. */
  readonly remainingMs: number;
  /**
   * Handlers are told to stop (`ShuttingDown`) at twice this before the end; what still runs is given back, its attempt with
   * it, at this before the end. At most a quarter of `remainingMs` is kept. @default 3_000 // 3 s
   */
  readonly reserveMs?: number | undefined;
}

/**
 * Takes messages that a platform hands over by itself (Lambda, Pub/Sub push, Cloud Tasks, Azure Functions). The rules are
 * those of a worker: a message is acknowledged only with durable proof that nothing is left to do for it. Messages of one
 * group are run one after the other, and after one that is not done the rest of its group is not begun. The answer comes
 * before the end, whatever hangs. Nothing is kept between calls, and calls may overlap.
 */
export interface Intake<QueueNames extends string = string> {
  /** One answer per message, in order. Tell the platform "done" only of what is `acknowledged`. */
  process(
    messages: readonly PushedMessage[],
    options: ProcessOptions<QueueNames>,
  ): Promise<readonly PushAnswer[]>;
  /**
   * The same for dead letters of that queue. A job that no message led to a claim of is handed over again, up to
   * `policy.maxRedrives` times, and then ends FAILED(`dead_lettered`). A letter of a job that is run or over, or of an older
   * hand-over, is acknowledged and the job left alone.
   */
  processDeadLetters(
    messages: readonly PushedMessage[],
    options: ProcessOptions<QueueNames>,
  ): Promise<readonly PushAnswer[]>;
}

/** Runs jobs. */
export interface Worker {
  /**
   * Works until `stop`, or until the signal aborts; resolves when the last handler has ended. Never rejects for a job's error.
   * A second call is the same run.
   *
   * @throws {WaybillError} `waybill.closed` once it was stopped, or Waybill closed
   * @throws {WaybillError} `store.not_migrated` or `config.invalid` when the store says that it cannot be used as it is
   */
  run(options?: { readonly signal?: AbortSignal | undefined }): Promise<void>;
  /**
   * Takes nothing more, and resolves when the last handler has ended, or was given up after `shutdownTimeoutMs` and at most 5 s
   * more: its job is then given back, its attempt with it. Safe to call twice. Awaited by a handler
   * or a poll it resolves at once, since it would wait for itself; on engines other than V8, and from within a timer, that is
   * not seen, and it waits until `shutdownTimeoutMs` is over.
   */
  stop(): Promise<void>;
}

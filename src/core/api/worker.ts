import type { Handler } from "../define/handler.js";
import type { AnyDef, KindOf } from "../define/any-def.js";

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
  /** How long running handlers are waited for at a stop. @default 30_000 // 30 s */
  readonly shutdownTimeoutMs?: number | undefined;
  /** How often it asks a store or queue that cannot be waited on. @default 1_000 // 1 s */
  readonly pollIntervalMs?: number | undefined;
  /** For people to read: who claims. @default made from process and chance */
  readonly name?: string | undefined;
}

/** Runs jobs. */
export interface Worker {
  /** Works until `stop`, or until the signal aborts; resolves when the last handler has ended. Never rejects for a job's error. */
  run(options?: { readonly signal?: AbortSignal | undefined }): Promise<void>;
  /** Takes nothing more, and resolves when the last handler has ended or was given up. Safe to call twice. */
  stop(): Promise<void>;
}

import { type CallbackTokenOptions, done, type RunContext, track } from "../../handler.js";
import type { Json } from "../../json/json.js";
import type { Logger } from "../../environment/logger.js";
import type { StoredJob } from "../../ports/store.js";
import type { RuntimeJob } from "../read/job.js";
import type { LazyAbortSignal } from "./abort-signal.js";
import type { UpdateWriter } from "./updates.js";

/** Whom a handler speaks to: what is asked for is made then. */
export interface ContextHost {
  readonly stored: StoredJob;
  readonly abortSignal: LazyAbortSignal;
  readonly updateWriter: UpdateWriter;
  readonly logger: Logger;
  readonly job: RuntimeJob;
  callbackToken(options: CallbackTokenOptions | undefined): Promise<string>;
}

/** What a handler gets. */
export function handlerContext(host: ContextHost, input: unknown): RunContext {
  return new HandlerContext(host, input);
}

/** Not a private field: a handler may look through a `Proxy` of its context, or at an object made of it. */
const HOST = Symbol("waybill.host");

class HandlerContext implements RunContext {
  /**
   * Made when they are looked at: most handlers need no more than their input. Properties of the object itself, so that a
   * copy of it has them too, by getters that all contexts share: with getters of its own each context would be an object
   * of another shape (measured: three times the memory).
   */
  static readonly #job = shown((host) => host.job);
  static readonly #signal = shown((host) => host.abortSignal.signal);
  static readonly #logger = shown((host) => host.logger);

  declare readonly [HOST]: ContextHost;
  declare readonly job: RuntimeJob;
  declare readonly signal: AbortSignal;
  declare readonly logger: Logger;
  readonly input: unknown;
  readonly attempt: number;
  readonly fence: number;
  readonly phase: RunContext["phase"];
  readonly progress: RunContext["progress"];
  readonly warn: RunContext["warn"];
  readonly key: RunContext["key"];
  readonly checkpoint: RunContext["checkpoint"];
  readonly lastCheckpoint: Json;
  readonly callbackToken: RunContext["callbackToken"];
  readonly track = track;
  readonly done = done;

  constructor(host: ContextHost, input: unknown) {
    const { id, attempt, fence, checkpoint } = host.stored.record;
    // One by one: `defineProperties` takes six times as long.
    Object.defineProperty(this, HOST, { value: host });
    Object.defineProperty(this, "job", HandlerContext.#job);
    Object.defineProperty(this, "signal", HandlerContext.#signal);
    Object.defineProperty(this, "logger", HandlerContext.#logger);
    this.input = input;
    this.attempt = attempt;
    this.fence = fence;
    // Functions of the object itself: a handler may take them apart from it.
    this.phase = (name, message) => {
      host.updateWriter.phase(name, message);
    };
    this.progress = (progress, options) => {
      host.updateWriter.progress(progress, options);
    };
    this.warn = (code, message) => {
      host.updateWriter.warn(code, message);
    };
    // Not the attempt: a repetition must look the same from outside.
    this.key = (step) => `${id}:${step}`;
    this.checkpoint = (value) => host.updateWriter.checkpoint(value);
    this.lastCheckpoint = checkpoint;
    this.callbackToken = (options) => host.callbackToken(options);
  }
}

function shown(of: (host: ContextHost) => unknown): PropertyDescriptor {
  return {
    enumerable: true,
    get(this: HandlerContext) {
      return of(this[HOST]);
    },
  };
}

/** A logger that says which job it speaks of. */
export function jobLogger(logger: Logger, { record }: StoredJob): Logger {
  const about = { jobId: record.id, kind: record.kind, attempt: record.attempt };
  return {
    debug: (message, fields) => {
      logger.debug(message, { ...fields, ...about });
    },
    info: (message, fields) => {
      logger.info(message, { ...fields, ...about });
    },
    warn: (message, fields) => {
      logger.warn(message, { ...fields, ...about });
    },
    error: (message, fields) => {
      logger.error(message, { ...fields, ...about });
    },
  };
}

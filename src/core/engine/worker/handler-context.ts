import { done, type RunContext, track } from "../../handler.js";
import type { Json } from "../../json.js";
import type { Logger } from "../../logger.js";
import type { StoredJob } from "../../ports/store.js";
import type { Definition } from "../../definition.js";
import { jobOf, type RuntimeJob } from "../job.js";
import type { Halt } from "./halt.js";
import type { NewsDesk } from "./news.js";

interface ContextParts {
  readonly definition: Definition;
  readonly stored: StoredJob;
  readonly input: unknown;
  readonly halt: Halt;
  readonly logger: Logger;
  readonly desk: NewsDesk;
}

/** What a handler gets. */
export function handlerContext(parts: ContextParts): RunContext {
  return new HandlerContext(parts);
}

class HandlerContext implements RunContext {
  /**
   * Made when they are looked at: most handlers need no more than their input. Properties of the object itself, so that a
   * copy of it has them too, by getters that all contexts share: with getters of its own each context would be an object
   * of another shape (measured: three times the memory).
   */
  static readonly #job: PropertyDescriptor = {
    enumerable: true,
    get(this: HandlerContext) {
      return (this.#made ??= jobOf(this.#parts.definition, this.#parts.stored));
    },
  };
  static readonly #signal: PropertyDescriptor = {
    enumerable: true,
    get(this: HandlerContext) {
      return this.#parts.halt.signal;
    },
  };

  readonly #parts: ContextParts;
  #made: RuntimeJob | null = null;
  declare readonly job: RuntimeJob;
  declare readonly signal: AbortSignal;
  readonly input: unknown;
  readonly attempt: number;
  readonly fence: number;
  readonly logger: Logger;
  readonly phase: RunContext["phase"];
  readonly progress: RunContext["progress"];
  readonly warn: RunContext["warn"];
  readonly key: RunContext["key"];
  readonly checkpoint: RunContext["checkpoint"];
  readonly lastCheckpoint: Json;
  readonly track = track;
  readonly done = done;

  constructor(parts: ContextParts) {
    const { desk, stored } = parts;
    const { id, attempt, fence, checkpoint } = stored.record;
    this.#parts = parts;
    // One by one: `defineProperties` takes six times as long.
    Object.defineProperty(this, "job", HandlerContext.#job);
    Object.defineProperty(this, "signal", HandlerContext.#signal);
    this.input = parts.input;
    this.attempt = attempt;
    this.fence = fence;
    this.logger = parts.logger;
    // Functions of the object itself: a handler may take them apart from it.
    this.phase = (name, message) => {
      desk.phase(name, message);
    };
    this.progress = (progress) => {
      desk.progress(progress);
    };
    this.warn = (code, message) => {
      desk.warn(code, message);
    };
    // Not the attempt: a repetition must look the same from outside.
    this.key = (step) => `${id}:${step}`;
    this.checkpoint = (value) => desk.checkpoint(value);
    this.lastCheckpoint = checkpoint;
  }
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

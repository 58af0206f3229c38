import { done, type RunContext, track } from "../../handler.js";
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
export function handlerContext({ definition, stored, input, halt, logger, desk }: ContextParts): RunContext {
  const { record } = stored;
  let job: RuntimeJob | null = null;
  return {
    input,
    // Made when it is looked at: most handlers need no more than their input.
    get job() {
      return (job ??= jobOf(definition, stored));
    },
    attempt: record.attempt,
    fence: record.fence,
    get signal() {
      return halt.signal;
    },
    logger,
    phase: (name, message) => {
      desk.phase(name, message);
    },
    progress: (progress) => {
      desk.progress(progress);
    },
    warn: (code, message) => {
      desk.warn(code, message);
    },
    // Not the attempt: a repetition must look the same from outside.
    key: (step) => `${record.id}:${step}`,
    checkpoint: (value) => desk.checkpoint(value),
    lastCheckpoint: record.checkpoint,
    track,
    done,
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

import type { Logger } from "../environment/logger.js";
import { codeOf } from "./context.js";

/** A job that was read and could not be shown, since the kind's own `project` threw or gave no JSON. */
export interface UnshowableJob {
  readonly id: string;
  readonly kind: string;
}

/** Says that a job cannot be shown: once per job, however often it is met. Never throws. */
export type TellUnshowable = (job: UnshowableJob, error: unknown) => void;

/** Beyond it the oldest are forgotten, and said again when they are met again. */
const MOST_REMEMBERED = 10_000;

export function createTellUnshowable(logger: Logger): TellUnshowable {
  const told = new Set<string>();
  return ({ id, kind }, error) => {
    if (told.has(id)) return;
    told.add(id);
    const [oldest] = told;
    if (told.size > MOST_REMEMBERED && oldest !== undefined) told.delete(oldest);
    logger.error("a job cannot be shown, and is left out of lists", { jobId: id, kind, code: codeOf(error) });
  };
}

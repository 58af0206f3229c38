import type { Logger } from "../environment/logger.js";
import { codeOf, type Core } from "./context.js";

/** Beyond it the oldest are forgotten, and said again when they are met again. */
const MOST_REMEMBERED = 10_000;

/** A job cannot be shown where the kind's own `project` threw or gave no JSON: a line for each, however often it is met. */
export function createTellUnshowable(logger: Logger): Core["tellUnshowable"] {
  const told = new Set<string>();
  return ({ id, kind }, error) => {
    if (told.has(id)) return;
    told.add(id);
    const [oldest] = told;
    if (told.size > MOST_REMEMBERED && oldest !== undefined) told.delete(oldest);
    logger.error("a job cannot be shown, and is left out of lists", { jobId: id, kind, code: codeOf(error) });
  };
}

import { codeOf } from "../../context.js";
import { NO_UPDATES, type Updates } from "../../../decide/held.js";
import type { Logger } from "../../../environment/logger.js";
import type { Snapshot } from "../../../job/record.js";
import { isUnstorable, whyUnstorable } from "../../store/unstorable.js";
import type { WrittenOutcome } from "./outcome.js";

type NewsFor = (snapshot: Snapshot) => Updates;

export const noNews: NewsFor = () => NO_UPDATES;

/**
 * Writes an outcome. Where the store can keep it at no time the work is done all the same, and another run would end alike:
 * what the handler said on the way is left out first, and if it was not that, the job fails at once and says why.
 */
export function orUnstorable<T>(
  outcome: WrittenOutcome,
  newsFor: NewsFor,
  write: (outcome: WrittenOutcome, newsFor: NewsFor) => Promise<T>,
  logger: () => Logger,
): Promise<T> {
  return write(outcome, newsFor).catch((error: unknown) => {
    if (!isUnstorable(error)) throw error;
    if (newsFor !== noNews) {
      logger().warn("what a handler said may be what cannot be stored; it was left out", {
        code: codeOf(error),
      });
      return orUnstorable(outcome, noNews, write, logger);
    }
    logger().error("the outcome of a job cannot be stored; the job failed", { code: codeOf(error) });
    const failure = { reason: "result_unstorable", message: whyUnstorable(error) } as const;
    return write({ do: "fail", failure }, noNews);
  });
}

import { sleep } from "../../clock.js";
import { backoffMs } from "../../decide/backoff.js";
import { isWaybillError, StoreUnavailableError } from "../../errors.js";
import type { Core } from "../context.js";

/** A change of one job whose first try had no answer. */
interface Asked<R> {
  readonly jobId: string;
  /** What is not known where doubt stays: "Whether … is not known." */
  readonly what: string;
  readonly giveUpAt: number;
  /** An earlier try, of this call or of one before it, may have been stored already. */
  readonly doubt: boolean;
  /** The same change again, to be recognised where an earlier try was stored; `null`: it cannot be asked again. */
  readonly ask: (() => Promise<R>) | null;
}

/** An answer at last, and whether an earlier try may have been stored before it. */
interface AnsweredLate<R> {
  readonly result: R;
  readonly doubt: boolean;
}

const AGAIN = { baseMs: 50, capMs: 1_000 };

/**
 * Asks again until there is an answer, or until patience ends. A try that may have been stored leaves doubt behind, and
 * whatever goes wrong later (the store was closed, its schema is another one) says nothing about that try.
 *
 * @throws StoreUnavailableError `outcome: "unknown"`, and names the job, once there is doubt; else the last error as it is
 */
export async function askAgain<R>(core: Core, asked: Asked<R>, failed: unknown): Promise<AnsweredLate<R>> {
  const { ask, giveUpAt } = asked;
  let { doubt } = asked;
  for (let tries = 1, error = failed; ; tries += 1) {
    doubt ||= !isWaybillError(error) || error.outcome !== "not_applied";
    const waitMs = 1 + backoffMs(tries, AGAIN, core.ids.random());
    const isOver = ask === null || core.clock.now() + waitMs > giveUpAt;
    if (isOver || !isWaybillError(error, "store.unavailable")) throw doubt ? unknown(asked, error) : error;
    await sleep(core.clock, waitMs, undefined, true);
    try {
      return { result: await ask(), doubt };
    } catch (again) {
      error = again;
    }
  }
}

/** Whether a change was stored could not be found out. */
export function unknown(
  { jobId, what }: Pick<Asked<unknown>, "jobId" | "what">,
  cause: unknown,
): StoreUnavailableError {
  return new StoreUnavailableError(`Whether ${what} is not known.`, {
    outcome: "unknown",
    jobId,
    ...(cause === null ? {} : { cause }),
  });
}

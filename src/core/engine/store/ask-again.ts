import { monotonicNow, sleep } from "../../environment/clock.js";
import { backoffMs } from "../../decide/backoff.js";
import { isWaybillError, StoreUnavailableError } from "../../errors/errors.js";
import type { Core } from "../context.js";

/** Whose change it is, and what is not known where doubt stays: "Whether … is not known." */
interface About {
  readonly jobId: string;
  readonly what: string;
}

/** A call whose first try had no answer. */
interface Asked<R> {
  /** The change of one job; `null`: it changes nothing, and leaves nothing in doubt. */
  readonly about: About | null;
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

const BACKOFF = { baseMs: 50, capMs: 1_000 };

/** How whatever has no answer is asked again, everywhere: soon at first, then more seldom, until patience ends. */
export const AGAIN = {
  /** On the clock of `monotonicNow`. */
  until(core: Pick<Core, "clock" | "policy">, patienceMs: number = core.policy.unknownRetryMs): number {
    return monotonicNow(core.clock) + patienceMs;
  },
  pauseMs(core: Pick<Core, "ids">, tries: number): number {
    return 1 + backoffMs(tries, BACKOFF, core.ids.random());
  },
};

/**
 * Asks again until there is an answer, or until patience ends. A try that may have been stored leaves doubt behind, and
 * whatever goes wrong later (the store was closed, its schema is another one) says nothing about that try.
 *
 * @throws StoreUnavailableError `outcome: "unknown"`, and names the job, once there is doubt; else the last error as it is
 */
export async function askAgain<R>(core: Core, asked: Asked<R>, failed: unknown): Promise<AnsweredLate<R>> {
  const { about, ask, giveUpAt } = asked;
  let { doubt } = asked;
  for (let tries = 1, error = failed; ; tries += 1) {
    doubt ||= !isWaybillError(error) || error.outcome !== "not_applied";
    const waitMs = AGAIN.pauseMs(core, tries);
    // A first try that hung may have used all patience up: it is asked for once more all the same.
    const isOver = ask === null || (monotonicNow(core.clock) + waitMs > giveUpAt && (tries > 1 || !doubt));
    if (isOver || !isPassing(error)) throw doubt && about !== null ? unknown(about, error) : error;
    await sleep(core.clock, waitMs, undefined, true);
    try {
      return { result: await ask(), doubt };
    } catch (again) {
      error = again;
    }
  }
}

/** The same call may have another answer a moment later. */
function isPassing(error: unknown): boolean {
  return isWaybillError(error, "store.unavailable") || isWaybillError(error, "idempotency.pending");
}

/** Whether a change was stored could not be found out. */
export function unknown({ jobId, what }: About, cause: unknown): StoreUnavailableError {
  return new StoreUnavailableError(`Whether ${what} is not known.`, {
    outcome: "unknown",
    jobId,
    ...(cause === null ? {} : { cause }),
  });
}

import { isWaybillError, StoreUnavailableError } from "../../errors/errors.js";
import type { Core } from "../context.js";

/** A reply that took too long says little; of some in a row the quickest is as good as it gets here. */
const MOST_TRIES = 3;

/**
 * Makes sure that the store's clock is known before durations are made into instants with it: a machine's own clock may be
 * anything. One trip in the first call of a process, none after it while replies go on arriving.
 *
 * @throws StoreUnavailableError `outcome: "not_applied"`: nothing was asked for but the time
 */
export async function learnTime(core: Core, tx: unknown): Promise<void> {
  try {
    for (let tries = 0; tries < MOST_TRIES && !core.time.isSure(); tries += 1) {
      await core.gateway.tellTime(tx);
    }
  } catch (cause) {
    if (!isWaybillError(cause, "store.unavailable")) throw cause;
    throw new StoreUnavailableError("The store could not be asked for its clock.", {
      outcome: "not_applied",
      cause,
    });
  }
  core.time.accept();
}

import { sha256Hex } from "../../json/hash.js";
import type { Logger } from "../../environment/logger.js";
import type { Gateway } from "./gateway.js";
import type { StoreTime } from "./store-time.js";

interface SetAsideOptions {
  readonly gateway: () => Pick<Gateway, "call" | "store">;
  readonly time: StoreTime;
  readonly logger: Logger;
}

/** Where a record that cannot be read was found, among the queues of what was put aside. */
const STORE = "(store)";
const REASON = "its stored record cannot be read";
/** Ids that are not put aside again by this process. */
const MOST_REMEMBERED = 10_000;

/**
 * Puts records aside that cannot be read: each is listed and counted with the messages that could not be, until somebody
 * takes it out, and is said once. Never throws and never waits.
 */
export function createSetAside({ gateway, time, logger }: SetAsideOptions): (ids: readonly string[]) => void {
  const known = new Set<string>();
  const park = (ids: readonly string[]): void => {
    const at = time.now();
    const messages = ids.map((id) => {
      return { id: sha256Hex(`${STORE}\n${id}`), queue: STORE, body: id, reason: REASON, at };
    });
    void gateway()
      .call("park", (store, request) => store.park({ ...request, messages }))
      .catch(() => {
        // Met again, it is put aside again.
        for (const id of ids) known.delete(id);
      });
  };
  return (ids) => {
    const met = [...new Set(ids)].filter((id) => !known.has(id));
    if (met.length === 0) return;
    if (known.size > MOST_REMEMBERED) known.clear();
    for (const id of met) {
      known.add(id);
      logger.error("a stored record cannot be read; it was put aside", { jobId: id });
    }
    const { maxBatch } = gateway().store.capabilities;
    for (let start = 0; start < met.length; start += maxBatch) park(met.slice(start, start + maxBatch));
  };
}

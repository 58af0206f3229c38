import { isWaybillError } from "../../errors.js";
import { neutralContext } from "../../neutral-context.js";
import { count } from "../../telemetry.js";
import type { Core } from "../context.js";

/** Says what only the store can know: that it is not fit for use as it is, and that it lost what it had acknowledged. */
export interface StoreWatch {
  /**
   * Asks the store once whether it can be used, and logs what it answers. Nobody waits for it and nothing is stopped: a
   * schema may be brought up while workers already start.
   */
  check(): void;
  close(): void;
}

export function createStoreWatch({ gateway, logger, telemetry }: Core): StoreWatch {
  const { store } = gateway;
  const neutral = neutralContext();
  let checked = false;

  const deaf = store.onLostWrites?.(({ calls }) => {
    count(telemetry, "store_rollback_detected");
    logger.error(
      "the store lost writes that it had acknowledged; jobs go on from what is left, and some may run again",
      { calls },
    );
  });

  const look = async (): Promise<void> => {
    try {
      await store.ready();
    } catch (error) {
      const known = isWaybillError(error);
      // That it cannot be reached is found out, and said, by whoever needs it.
      if (known && (error.code === "store.unavailable" || error.code === "waybill.closed")) return;
      logger.error(known ? error.message : "whether the store can be used could not be found out", {
        code: known ? error.code : "unexpected",
      });
    }
  };

  return {
    check() {
      if (checked) return;
      checked = true;
      void neutral(look);
    },
    close() {
      deaf?.();
    },
  };
}

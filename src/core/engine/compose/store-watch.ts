import type { ErrorCode } from "../../errors/error-codes.js";
import { isWaybillError, type WaybillError } from "../../errors/errors.js";
import { neutralContext } from "../../environment/neutral-context.js";
import { count } from "../../environment/telemetry.js";
import { codeOf, type Core } from "../context.js";

/** Says what only the store can know: that it is not fit for use as it is, and that it lost what it had acknowledged. */
export interface StoreWatch {
  /**
   * Asks the store once whether it can be used, and logs what it answers. Nobody need wait for it. Resolves with the refusal of
   * a store that cannot be used as it is, and is asked anew then; `null`: it can, or could not be asked.
   */
  check(): Promise<WaybillError | null>;
  close(): void;
}

/** Nothing that a worker does would work before somebody has acted. */
const UNFIT: readonly ErrorCode[] = ["store.not_migrated", "config.invalid"];

export function createStoreWatch({ gateway, logger, telemetry }: Core): StoreWatch {
  const { store } = gateway;
  const neutral = neutralContext();
  let asked: Promise<WaybillError | null> | null = null;

  const deaf = store.onLostWrites?.(({ calls }) => {
    count(telemetry, "store_rollback_detected");
    logger.error(
      "the store lost writes that it had acknowledged; jobs go on from what is left, and some may run again",
      { calls },
    );
  });

  const look = async (): Promise<WaybillError | null> => {
    try {
      await store.ready();
      return null;
    } catch (error) {
      const known = isWaybillError(error);
      // That it cannot be reached is found out, and said, by whoever needs it.
      if (known && (error.code === "store.unavailable" || error.code === "waybill.closed")) return null;
      logger.error(known ? error.message : "whether the store can be used could not be found out", {
        code: codeOf(error),
      });
      // Whatever else it says, nobody knows that it will not work.
      return known && UNFIT.includes(error.code) ? error : null;
    }
  };

  return {
    check() {
      asked ??= neutral(look).then((refusal) => {
        if (refusal !== null) asked = null;
        return refusal;
      });
      return asked;
    },
    close() {
      deaf?.();
    },
  };
}

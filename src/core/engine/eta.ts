import { LAST_INSTANT } from "../decide/eta.js";
import type { Definition } from "../definition.js";
import type { Core } from "./context.js";

/** An instant that was said: one that is over is now; `null`: nobody knows any more; `undefined`: as said before. */
export function etaOf(
  { logger }: Pick<Core, "logger">,
  { kind }: Pick<Definition, "kind">,
  given: Date | number | null | undefined,
  now: number,
): number | null | undefined {
  if (given === undefined || given === null) return given;
  const instant: unknown = given instanceof Date ? given.getTime() : given;
  if (typeof instant === "number" && Number.isFinite(instant)) {
    return Math.floor(Math.min(LAST_INSTANT, Math.max(now, instant)));
  }
  logger.warn("an ETA that is no instant was left out", { kind });
  return undefined;
}

import { z } from "zod";
import type { RecoveryWaybill } from "./open-waybill.js";
import { recover } from "./recovery.job.js";

/** As EventBridge delivers it. */
const launchEvent = z.object({
  detail: z.object({ jobID: z.string(), serverId: z.string(), state: z.string() }),
});

const PHASES = { launched: "launching", converting: "converting" } as const;

/** What becomes of an event. */
export interface Taken {
  /** For the log: `applied`, or why not. */
  readonly answer: string;
  /** Whether it is to be told again later: it came before the launcher had said what it waits for. */
  readonly again: boolean;
}

/**
 * An event of the recovery service makes what people see come sooner; it proves nothing, and may be missed, doubled or late.
 *
 * @param body - whatever arrived
 * @throws what the store throws: then too it is to be told again
 */
export async function takeLaunchEvent(
  waybill: Pick<RecoveryWaybill, "report">,
  body: unknown,
): Promise<Taken> {
  const event = launchEvent.safeParse(body);
  if (!event.success) return { answer: "no event", again: false };
  const { jobID, state } = event.data.detail;
  const phase = PHASES[state as keyof typeof PHASES];
  const told = await waybill.report(recover, { ref: jobID }, { state: "open", phase });
  if (told.ok) return { answer: "applied", again: false };
  return { answer: told.error.code, again: told.error.retryable };
}

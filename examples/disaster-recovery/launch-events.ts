import type { RecoveryWaybill } from "./open-waybill.js";
import { recover } from "./recovery.job.js";

/** As EventBridge delivers it. */
export interface LaunchEvent {
  readonly detail: { readonly jobID: string; readonly serverId: string; readonly state: string };
}

const PHASES = { launched: "launching", converting: "converting" } as const;

/**
 * An event of the recovery service makes what people see come sooner; it proves nothing, and may be missed, doubled or late.
 *
 * @returns what became of it, for the log
 * @throws what asks to be told again later
 */
export async function takeLaunchEvent(waybill: RecoveryWaybill, { detail }: LaunchEvent): Promise<string> {
  const phase = PHASES[detail.state as keyof typeof PHASES];
  const told = await waybill.report(recover, { ref: detail.jobID }, { state: "open", phase });
  if (told.ok) return "applied";
  if (told.error.retryable) throw told.error;
  return told.error.code;
}

import type { BeatItem, BeatResult } from "../../../core/ports/store.js";
import type { Session } from "../connection.js";
import { refusal } from "./read.js";
import { encodeText } from "../rows/text.js";

/** No index holds the lease, so a beat moves none. */
const BEAT =
  "update waybill_job set lease_until = ? " +
  "where id = ? and status = 'PROCESSING' and token = ? and awaiting is null " +
  "returning version, cancel is not null as cancel_requested";

export function beatJob(session: Session, { id, token, leaseMs }: BeatItem, nowMs: number): BeatResult {
  const leaseUntil = nowMs + leaseMs;
  const [row] = session.all(BEAT, leaseUntil, id, encodeText(token));
  if (row === undefined) return refusal(session, id);
  const cancelRequested = Number(row["cancel_requested"]) === 1;
  return { status: "ok", leaseUntil, version: Number(row["version"]), cancelRequested };
}

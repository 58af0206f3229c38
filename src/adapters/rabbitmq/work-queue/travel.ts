import type { RabbitmqMessage } from "../client.js";

/**
 * What a message carries from one copy to the next. A release with a delay, and the hand-over of a message that is held long,
 * send a successor: to the broker that is a new message, so the count of receives goes with it.
 */
export interface Travel {
  /** Receives of the copies before this one. */
  readonly receivesBefore: number;
  /** When the first was sent, Unix milliseconds. */
  readonly sentAt: number | null;
  readonly groupId: string | null;
  /** What is left of a delay that is longer than the ladder. */
  readonly remainingMs: number;
}

const RECEIVES = "waybill-receives";
const SENT_AT = "waybill-sent-at";
const GROUP = "waybill-group";
const REMAINING = "waybill-remaining-ms";
/** Set by quorum queues: how often this copy came back. */
const DELIVERY_COUNT = "x-delivery-count";

export function headersOf(travel: Travel): Record<string, unknown> {
  const { receivesBefore, sentAt, groupId, remainingMs } = travel;
  return {
    [RECEIVES]: receivesBefore,
    ...(sentAt !== null && { [SENT_AT]: sentAt }),
    ...(groupId !== null && { [GROUP]: groupId }),
    ...(remainingMs > 0 && { [REMAINING]: remainingMs }),
  };
}

/** Reads the headers of a message, which anybody may have sent: what is not usable is as good as missing. */
export function travelOf({ properties }: RabbitmqMessage): Travel {
  const headers = properties.headers ?? {};
  const { timestamp } = properties;
  const sentAt = countOf(headers[SENT_AT]) ?? (isCount(timestamp) ? timestamp * 1_000 : null);
  const group = headers[GROUP];
  return {
    receivesBefore: countOf(headers[RECEIVES]) ?? 0,
    sentAt,
    groupId: typeof group === "string" ? group : null,
    remainingMs: countOf(headers[REMAINING]) ?? 0,
  };
}

/** How often this copy was received before. */
export function returnsOf({ fields, properties }: RabbitmqMessage): number {
  // A classic queue says only whether it was.
  return countOf(properties.headers?.[DELIVERY_COUNT]) ?? (fields.redelivered ? 1 : 0);
}

function countOf(value: unknown): number | null {
  return isCount(value) ? value : null;
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

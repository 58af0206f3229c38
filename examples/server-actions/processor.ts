import { scheduledHandler, sqsHandler, type SqsFunction } from "waybill/lambda";
import type { FakeEc2 } from "./fake-ec2.js";
import type { ActionsWaybill } from "./open-waybill.js";
import { actOn } from "./routines.js";

/**
 * The Lambda behind the queue, an `SQSHandler`. A message is gone when its job is done, or recorded as failed; what AppSync
 * did not take is in the record, and is told by whoever looks next.
 */
export function processorOf(waybill: ActionsWaybill, ec2: FakeEc2): SqsFunction {
  return sqsHandler(waybill, [actOn(ec2)], { reportBatchItemFailures: true, reserveMs: 1_000 });
}

/** The Lambda that looks: on a schedule it tells what could not be told, and sends again what was not sent. */
export function reconcilerOf(waybill: ActionsWaybill, ec2: FakeEc2): ReturnType<typeof scheduledHandler> {
  return scheduledHandler(waybill, [actOn(ec2)]);
}

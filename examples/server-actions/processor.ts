import type { SQSHandler } from "aws-lambda";
import { sqsHandler } from "waybill/lambda";
import type { FakeEc2 } from "./fake-ec2.js";
import type { ActionsWaybill } from "./open-waybill.js";
import { actOn } from "./routines.js";

/**
 * The Lambda behind the queue. A message is gone when its job is done, or recorded as failed; what AppSync did not take is in
 * the record, and is told by whoever looks next.
 */
export function processorOf(waybill: ActionsWaybill, ec2: FakeEc2): SQSHandler {
  return sqsHandler(waybill, [actOn(ec2)], { reportBatchItemFailures: true });
}

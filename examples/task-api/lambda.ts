// The functions. Everything that they need is loaded while they begin: what cannot be loaded ends the beginning, no message
// is answered, and none is deleted.
import type { ScheduledHandler, SQSHandler } from "aws-lambda";
import { deadLetterHandler, scheduledHandler, sqsHandler } from "waybill/lambda";
import { openWaybill } from "./open-waybill.js";
import { processTask } from "./task.job.js";

const { waybill } = openWaybill();
const reserveMs = 1_000;

/** Mapped to the queue. */
export const work: SQSHandler = sqsHandler(waybill, [processTask], {
  reportBatchItemFailures: true,
  reserveMs,
});

/** Mapped to the dead letters. */
export const dead: SQSHandler = deadLetterHandler(waybill, { reportBatchItemFailures: true, reserveMs });

/** Called on a schedule. */
export const tick: ScheduledHandler = scheduledHandler(waybill, [processTask], { reserveMs });

import type { APIGatewayProxyHandlerV2, ScheduledHandler, SQSHandler } from "aws-lambda";
import { expectTypeOf } from "vitest";
import type { Waybill } from "../../src/core/api/waybill.js";
import { deadLetterHandler, scheduledHandler, sqsHandler, withFlush } from "../../src/lambda.js";
import type { recover } from "./sample-jobs.js";
import { ingest, mail } from "./sample-jobs.js";

declare const waybill: Waybill<typeof mail | typeof ingest, { tx: { query(): void }; queue: "slow" }>;

const send = mail.handle(() => undefined);
const read = ingest.handle(() => ({ chunks: 1 }));

// What is returned is what Lambda calls, with the types that people annotate with.
export const work: SQSHandler = sqsHandler(waybill, [send, read], { reportBatchItemFailures: true });
export const whole: SQSHandler = sqsHandler(waybill, [send], {
  reportBatchItemFailures: false,
  reserveMs: undefined,
  queue: undefined,
  concurrency: 5,
});
export const dead: SQSHandler = deadLetterHandler(waybill, { reportBatchItemFailures: true });
export const tick: ScheduledHandler = scheduledHandler(waybill, [send]);
export const create: APIGatewayProxyHandlerV2 = withFlush(waybill, async (event) => {
  expectTypeOf(event.body).toEqualTypeOf<string | undefined>();
  return { statusCode: 202 };
});
expectTypeOf(withFlush(waybill, (name: string, times: number) => name.repeat(times))).toEqualTypeOf<
  (name: string, times: number) => Promise<string>
>();

// @ts-expect-error -- N23: what the mapping does with an answer must be said
sqsHandler(waybill, [send], {});
// @ts-expect-error -- N23: it has no default either
sqsHandler(waybill, [send]);
declare const other: ReturnType<(typeof recover)["handle"]>;
// @ts-expect-error -- N24: a handler of a kind that the composition does not know
sqsHandler(waybill, [other], { reportBatchItemFailures: true });
// @ts-expect-error -- N24: for the schedule alike
scheduledHandler(waybill, [other]);
// @ts-expect-error -- N25: required for dead letters alike
deadLetterHandler(waybill, {});
// @ts-expect-error -- it is a yes or a no
sqsHandler(waybill, [send], { reportBatchItemFailures: "ReportBatchItemFailures" });

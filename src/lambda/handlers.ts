import type { HandlerFor, IntakeOptions, PushAnswer, PushedMessage } from "../core/api/worker.js";
import type { Waybill } from "../core/api/waybill.js";
import type { AnyDef } from "../core/define/any-def.js";
import { WaybillError } from "../core/errors/errors.js";
import { checkOptions, checkWhole, requireOptions } from "../core/options/options.js";
import type { BatchResponse, InvocationContext, SqsEvent, SqsRecord } from "./event.js";

/** What of a Waybill these handlers use. */
export type LambdaWaybill<Defs extends AnyDef> = Pick<Waybill<Defs>, "intake" | "flush" | "reconcile">;

/** Options of every handler here. */
export interface ReserveOption {
  /**
   * Kept before the end of an invocation: handlers are told to stop (`ShuttingDown`) at twice this, what still runs is given
   * back at this. At most a quarter of what an invocation has left is kept. @default 3_000 // 3 s
   */
  readonly reserveMs?: number | undefined;
}

/** How the messages of a mapping are answered. */
export interface BatchOptions extends ReserveOption {
  /**
   * Whether the event source mapping has `ReportBatchItemFailures` (CDK: `reportBatchItemFailures` of `SqsEventSource`). It
   * must agree: with `true` only what is not done comes again; with `false` the function throws when one message is not
   * done, and the whole batch comes again.
   */
  readonly reportBatchItemFailures: boolean;
  /** The queue that the messages come from. @default the one whose ARN the records name */
  readonly queue?: string | undefined;
}

/** Options of `sqsHandler`. */
export interface SqsHandlerOptions extends BatchOptions, IntakeOptions {}

/** A function for an event source mapping of SQS; fits `SQSHandler` of @types/aws-lambda. */
export type SqsFunction = (event: SqsEvent, context: InvocationContext) => Promise<BatchResponse | undefined>;

const DEFAULT_RESERVE_MS = 3_000;
/** Kept whole, the default reserve would leave nothing of the three seconds that a new function has. */
const RESERVED_SHARE = 1 / 4;
/** Left to the runtime's own way back. */
const RETURN_MS = 200;
const BATCH_OPTIONS = ["reportBatchItemFailures", "queue", "reserveMs"];
const INTAKE_OPTIONS = ["concurrency", "name", "wakeMessages", "reconciledElsewhere"];

/**
 * Runs the jobs of an SQS queue in a Lambda function. A message counts as done only with durable proof that nothing is left
 * to do for it; a store that cannot be reached leaves every message where it is. It answers before the invocation ends,
 * whatever hangs, and flushes notifications in the time that is left.
 *
 * @throws {WaybillError} `config.invalid`, `config.kind_unknown` at once; at the first event when no queue is the records'
 */
export function sqsHandler<Defs extends AnyDef>(
  waybill: LambdaWaybill<Defs>,
  handlers: readonly HandlerFor<Defs>[],
  options: SqsHandlerOptions,
): SqsFunction {
  requireOptions("sqsHandler", options, [...BATCH_OPTIONS, ...INTAKE_OPTIONS]);
  const { reportBatchItemFailures, queue, reserveMs = DEFAULT_RESERVE_MS, ...intakeOptions } = options;
  checkReport("sqsHandler", reportBatchItemFailures);
  checkQueueName("sqsHandler", queue);
  checkWhole("reserveMs", reserveMs);
  const intake = waybill.intake(handlers, intakeOptions);
  return async (event, context) => {
    const records = recordsOf("sqsHandler", event);
    const answers = await intake.process(records.map(pushed), timeOf(records, context, queue, reserveMs));
    await flush(waybill, context, reserveMs);
    return answered(records, answers, reportBatchItemFailures);
  };
}

/**
 * Judges the dead letters of a queue in a Lambda function mapped to its dead-letter queue, which must be Waybill's alone. A
 * job whose message never led to a claim is handed over again, up to `maxRedrives` times, and then ends FAILED(`dead_lettered`).
 * A letter of a job that is being run or is over, or of an older hand-over, is dropped.
 *
 * @throws {WaybillError} `config.invalid` at once; at the first event when no queue is the records'
 */
export function deadLetterHandler<Defs extends AnyDef>(
  waybill: LambdaWaybill<Defs>,
  options: BatchOptions,
): SqsFunction {
  requireOptions("deadLetterHandler", options, BATCH_OPTIONS);
  const { reportBatchItemFailures, queue, reserveMs = DEFAULT_RESERVE_MS } = options;
  checkReport("deadLetterHandler", reportBatchItemFailures);
  checkQueueName("deadLetterHandler", queue);
  checkWhole("reserveMs", reserveMs);
  const intake = waybill.intake([]);
  return async (event, context) => {
    const records = recordsOf("deadLetterHandler", event);
    const time = timeOf(records, context, queue, reserveMs);
    const answers = await intake.processDeadLetters(records.map(pushed), time);
    await flush(waybill, context, reserveMs);
    return answered(records, answers, reportBatchItemFailures);
  };
}

/**
 * Reconciles in a scheduled Lambda function, a minute apart or so: sends again, sweeps, polls external work of the handlers'
 * kinds and delivers notifications, within the time of the invocation. Fits `ScheduledHandler` of @types/aws-lambda.
 */
export function scheduledHandler<Defs extends AnyDef>(
  waybill: LambdaWaybill<Defs>,
  handlers: readonly HandlerFor<Defs>[],
  options: ReserveOption = {},
): (event: unknown, context: InvocationContext) => Promise<void> {
  checkOptions("scheduledHandler", options, ["reserveMs"]);
  const { reserveMs: asked = DEFAULT_RESERVE_MS } = options;
  checkWhole("reserveMs", asked);
  return async (_event, context) => {
    const reserveMs = Math.min(asked, context.getRemainingTimeInMillis() * RESERVED_SHARE);
    const leftMs = (): number => Math.max(0, context.getRemainingTimeInMillis() - reserveMs);
    const ending = new AbortController();
    // A pass ends between two calls of the store; one that hangs is not waited for.
    const [told, given] = [timer(leftMs()), timer(leftMs() + reserveMs / 2)];
    void told.over.then(() => {
      ending.abort();
    });
    const pass = waybill.reconcile({ handlers, budgetMs: Math.floor(leftMs()), signal: ending.signal });
    try {
      await Promise.race([pass, given.over]);
    } finally {
      told.cancel();
      given.cancel();
    }
    await flush(waybill, context, reserveMs);
  };
}

function timer(ms: number): { readonly over: Promise<void>; cancel(): void } {
  let running: NodeJS.Timeout | undefined;
  const over = new Promise<void>((resolve) => {
    running = setTimeout(resolve, ms);
  });
  return {
    over,
    cancel: () => {
      clearTimeout(running);
    },
  };
}

/** Longer nobody should wait for an answer to a request; what is not told by then the reconciler tells. */
const FLUSH_MS = 250;

/**
 * Wraps any other function that uses a Waybill: what it submitted or changed is told before the function is frozen, within
 * 250 ms. Keeps the function's types. What the function throws is thrown, after the flush.
 */
export function withFlush<Args extends readonly unknown[], R>(
  waybill: Pick<LambdaWaybill<AnyDef>, "flush">,
  handler: (...args: Args) => R | Promise<R>,
): (...args: Args) => Promise<R> {
  return async (...args) => {
    try {
      return await handler(...args);
    } finally {
      // The answer counts for more than how soon others hear of it.
      await waybill.flush({ timeoutMs: FLUSH_MS }).catch(() => false);
    }
  };
}

function checkReport(what: string, reportBatchItemFailures: unknown): void {
  if (typeof reportBatchItemFailures === "boolean") return;
  throw new WaybillError(
    "config.invalid",
    `${what} needs reportBatchItemFailures: whether the event source mapping has ReportBatchItemFailures.`,
  );
}

function checkQueueName(what: string, queue: unknown): void {
  if (queue === undefined || typeof queue === "string") return;
  throw new WaybillError("config.invalid", `queue of ${what} must be the name of a queue of the Waybill.`);
}

/** Whatever else calls the function (a test event of the console, another source) is none of our messages. */
function recordsOf(what: string, event: unknown): readonly SqsRecord[] {
  const { Records: records } = (event as Partial<SqsEvent> | null | undefined) ?? {};
  if (Array.isArray(records) && records.every(isOfSqs)) return records;
  throw new WaybillError(
    "config.invalid",
    `${what} is for messages of SQS: this event has none. Map the function to a queue; for a schedule there is scheduledHandler.`,
  );
}

function isOfSqs(record: unknown): record is SqsRecord {
  const { body, attributes } = (record as Partial<SqsRecord> | null) ?? {};
  return typeof body === "string" && typeof attributes === "object";
}

function pushed({ body, attributes }: SqsRecord): PushedMessage {
  return {
    body,
    receives: Number(attributes.ApproximateReceiveCount),
    sentAt: new Date(Number(attributes.SentTimestamp)),
    groupId: attributes.MessageGroupId ?? null,
  };
}

function timeOf(
  records: readonly SqsRecord[],
  context: InvocationContext,
  queue: string | undefined,
  reserveMs: number,
) {
  const source = records[0]?.eventSourceARN;
  return {
    remainingMs: Math.max(0, Math.floor(context.getRemainingTimeInMillis() - RETURN_MS)),
    reserveMs,
    ...(queue === undefined ? {} : { queue }),
    ...(queue !== undefined || source === undefined ? {} : { source }),
  };
}

/** Tells notifiers what happened here, in what is left. What is not told by then the reconciler tells. */
async function flush(
  waybill: Pick<LambdaWaybill<AnyDef>, "flush">,
  context: InvocationContext,
  reserveMs: number,
): Promise<void> {
  const leftMs = context.getRemainingTimeInMillis() - RETURN_MS;
  if (leftMs <= 0) return;
  await waybill.flush({ timeoutMs: Math.min(leftMs, reserveMs) }).catch(() => false);
}

function answered(
  records: readonly SqsRecord[],
  answers: readonly PushAnswer[],
  reportBatchItemFailures: boolean,
): BatchResponse | undefined {
  const failed = records.filter((_, index) => answers[index]?.status !== "acknowledged");
  if (reportBatchItemFailures)
    return { batchItemFailures: failed.map(({ messageId }) => ({ itemIdentifier: messageId })) };
  if (failed.length === 0) return undefined;
  throw new Error(
    `${String(failed.length)} of ${String(records.length)} messages are not done: the whole batch comes again.`,
  );
}

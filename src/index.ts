/**
 * Waybill: a typed job lifecycle on the application's own store, queue and channels.
 *
 * @packageDocumentation
 */

// Definitions, isomorphic: a browser imports them too.
export { defineJob } from "./core/define/define-job.js";
export type { AnyDef } from "./core/define/any-def.js";
export type { Handler } from "./core/define/handler.js";
export type { JobDef } from "./core/define/job-def.js";
export type * from "./core/define/handler-context.js";
export { steps, type Step, type StepsSource } from "./core/define/steps.js";
export { tally, type Tally } from "./core/define/tally.js";
export {
  type AbortReason,
  type CallbackTokenOptions,
  type Done,
  HandlerAborted,
  type ProgressOptions,
  type Tracked,
} from "./core/handler.js";

// Composition.
export { createWaybill } from "./core/create-waybill.js";
export { servedElsewhere, type ServedElsewhere } from "./core/served-elsewhere.js";
export type { WaybillOptions } from "./core/api/options.js";
export type { CallbackOptions } from "./core/callback/callbacks.js";
export type * from "./core/api/submit.js";
export type * from "./core/api/waybill.js";
export type * from "./core/api/relay.js";
export type * from "./core/api/worker.js";
export type * from "./core/api/claim.js";
export type * from "./core/api/observe.js";
export type { JobChanges } from "./core/live/changes.js";
export type { OwnerOption } from "./core/options/owner-option.js";
export type { Authorize, Principal } from "./core/view/access.js";
export type { PublishAttempt } from "./core/engine/relay/attempt.js";

// Jobs as they are read.
export { isCancelled } from "./core/api/job.js";
export type * from "./core/api/job.js";
export type * from "./core/api/event.js";
export * from "./core/api/view.js";
export type { EventType, JobEvent, ServerEvent, ShownOfEvent } from "./core/job/event.js";
export type { PublicView } from "./core/view/public-view.js";
export { eventToJson, type EventJson } from "./core/wire/event.js";
export type { Trace } from "./core/job/trace.js";
export { isFinal, STATUSES, type JobStatus } from "./core/job/lifecycle.js";
export { UNFINISHED } from "./core/job/unfinished.js";
export type { FailureReason } from "./core/job/record.js";
export type { Json } from "./core/json/json.js";

// Results and errors.
export { AsyncResult, err, isOk, ok, unwrap, type Result } from "./core/errors/result.js";
export * from "./core/errors/errors.js";
export { ERROR_CODES, type ErrorCode, type Outcome } from "./core/errors/error-codes.js";

// Ports: what adapters implement. What is inside records and histories is in waybill/store-kit.
export * from "./core/ports/feed.js";
export * from "./core/ports/notifier.js";
export * from "./core/ports/queue.js";
export * from "./core/ports/store.js";
export type { HistoryEntry } from "./core/job/history.js";

// What the core reaches outside with.
export { systemClock, type Clock } from "./core/environment/clock.js";
export { DEFAULT_POLICY, type Policy, type RetryPolicy } from "./core/defaults.js";
export type { Logger } from "./core/environment/logger.js";
export type { Counter, PortCall, Telemetry } from "./core/environment/telemetry.js";

// Embedded parts, for tests, demos and single processes.
export { memoryStore } from "./adapters/memory/store.js";
export * from "./adapters/memory/queue.js";
export * from "./adapters/memory/notifier.js";
export * from "./adapters/memory/feed.js";

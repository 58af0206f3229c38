/**
 * For tests of applications (`testWaybill`), and for whoever writes an adapter: the conformance suites are the executable
 * form of the ports.
 *
 * @packageDocumentation
 */

// Applications.
export { testWaybill, type TestWaybill, type TestWaybillOptions } from "./testing/test-waybill.js";
export { fakeClock, type FakeClock, type FakeClockOptions } from "./testing/fake-clock.js";
export { seededIds, seededRandom } from "./testing/seeded-ids.js";

// Faults and counts, around any part.
export * from "./testing/faults/faults.js";
export * from "./testing/counting.js";
export type { StoreMethod } from "./testing/faults/intercept-store.js";
export type { QueueMethod } from "./testing/faults/intercept-queue.js";

// Histories, from any store.
export { checkHistory, type CheckedEntry, type HistoryFault } from "./testing/check-history.js";
export { recordingStore, type RecordingStore } from "./testing/recording-store.js";
export { storeHistory, type StoreHistory } from "./testing/linearizability/store-history.js";
export {
  checkLinearizable,
  type LinearizabilityFault,
  type LinearizabilityOptions,
  type RecordedOperations,
} from "./testing/linearizability/check-linearizable.js";
export type { JobState } from "./testing/linearizability/job-state.js";
export type {
  ClaimFacts,
  JobAnswer,
  JobCall,
  LostWrites,
  StatePatch,
  StoreOperation,
} from "./testing/linearizability/operation.js";

// What a test of one's own of an adapter is made of: the records, writes, claims and events that the suites use.
export * from "./testing/sample-jobs.js";
export { SAMPLE_SECRET, sampleEvent, sampleView } from "./testing/notifier-suite/sample-event.js";
export { sampleHint } from "./testing/feed-suite/feed-probe.js";
export { entryTemplate } from "./core/job/history.js";
export { RECORD_VERSION } from "./core/job/record.js";

// Conformance suites.
export type { SuiteRunner, SuiteSkip } from "./testing/suite-runner.js";
export * from "./testing/store-suite/store-suite.js";
export * from "./testing/queue-suite/queue-suite.js";
export * from "./testing/notifier-suite/notifier-suite.js";
export * from "./testing/feed-suite/feed-suite.js";

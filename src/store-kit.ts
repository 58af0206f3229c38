/**
 * For whoever writes a store: what every call of the store port does to one job, as pure functions. A store that reads a
 * row, applies the function of the call and writes the result under a check that the row is still the one it read has every
 * guard of the port, and none of its own.
 *
 * @packageDocumentation
 */

export {
  type Applied,
  applyAdvance,
  applyBeat,
  applyClaimByMessage,
  applyClaimNext,
  applyTakeDue,
  applyWrite,
  hotPart,
  isHeldBy,
  readyInstant,
  type StoredRow,
  withInput,
} from "./adapters/memory/store-semantics.js";
export { isWanted as isListed } from "./adapters/memory/store-queries.js";
export { hasGivenUp } from "./adapters/memory/store-table.js";
export { decodeHistory, encodeHistory, fillTemplate, joinHistory } from "./core/job/history.js";
export type { EntryTemplate, HistoryEntry } from "./core/job/history.js";
export { ID_PATTERN, type Ids } from "./core/environment/ids.js";
export {
  indexOfStatuses,
  isBehind,
  isStoreQueued,
  mergeCursor,
  START,
  type StatusIndex,
  statusIndexOf,
} from "./core/job/record.js";
export type { Cursor, Cursors, JobRecord, RecordPatch, Snapshot } from "./core/job/record.js";

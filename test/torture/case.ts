import type { HistoryEntry, StoredJob } from "waybill";
import type { Effect } from "./effects.js";
import type { Evidence, Rule } from "./evidence.js";
import type { NotedEvent } from "./file-notifier.js";
import type { PlannedJob } from "./plans.js";

/** All that is known of one stored job. */
export interface Case {
  readonly job: StoredJob;
  readonly planned: PlannedJob;
  readonly entries: readonly HistoryEntry[];
  /** Claims by message or from the store's queue, oldest first. Polls have no entries. */
  readonly claims: readonly HistoryEntry[];
  readonly tracked: boolean;
  readonly effects: readonly Effect[];
  readonly events: readonly NotedEvent[];
  readonly evidence: Evidence;
  readonly fail: (rule: Rule, text: string) => void;
}

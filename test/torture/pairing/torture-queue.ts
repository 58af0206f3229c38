import type { Queue } from "waybill";

/** A queue as one process holds it. */
export interface OpenQueue {
  readonly queue: Queue;
  readonly close: () => Promise<void>;
}

/** What stands behind a queue during a run. */
export interface QueueServer {
  /** All that a process needs to open the queue. */
  readonly address: string;
  /** Ends the broker as a power cut would, and starts it again on what it left; `null`: it lives in the test. */
  readonly crash: (() => Promise<void>) | null;
  readonly stop: () => Promise<void>;
}

/** A queue that can be put to torture beside a store. */
export interface TortureQueue {
  readonly name: string;
  readonly hasServer: boolean;
  readonly start: () => Promise<QueueServer>;
  readonly open: (address: string) => Promise<OpenQueue>;
}

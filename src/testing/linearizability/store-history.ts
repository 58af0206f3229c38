import {
  checkLinearizable,
  type LinearizabilityFault,
  type LinearizabilityOptions,
  type RecordedOperations,
} from "./check-linearizable.js";
import type { JobAnswer, JobCall, LostWrites, StoreOperation } from "./operation.js";

/** What happened between callers and a store, in the order in which it happened in this process. */
export interface StoreHistory extends RecordedOperations {
  /**
   * Says that the store has just lost writes that it had acknowledged, as a failover to a replica that lags does.
   *
   * @param jobIds - the jobs that it may have changed; any, where it is left out
   */
  noteLostWrites(jobIds?: readonly string[]): void;
  /** What does not fit; empty: everything does. Calls under way count as unanswered. */
  check(options?: LinearizabilityOptions): readonly LinearizabilityFault[];
}

/** Makes an empty history, for several recorders to share. */
export function storeHistory(): StoreHistory {
  return new History();
}

/** A call of which the answer is still to come. */
export interface OpenOperation {
  readonly jobId: string | null;
  readonly call: JobCall;
  readonly invokedAt: number;
  readonly nowMs: number | null;
}

/** The history as a recorder sees it. */
export class History implements StoreHistory {
  readonly #answered: StoreOperation[] = [];
  readonly #open = new Set<OpenOperation>();
  readonly #lost: LostWrites[] = [];
  #events = 0;

  get operations(): readonly StoreOperation[] {
    const open = [...this.#open].filter(({ call }) => call.op !== "read" && call.op !== "takeDue");
    return [...this.#answered, ...open.map((each) => ({ ...each, answeredAt: null, answer: null }))];
  }

  get lostWrites(): readonly LostWrites[] {
    return this.#lost;
  }

  noteLostWrites(jobIds?: readonly string[]): void {
    this.#lost.push({ at: this.nextEvent(), jobIds: jobIds ?? null });
  }

  check(options?: LinearizabilityOptions): readonly LinearizabilityFault[] {
    return checkLinearizable(this, options);
  }

  nextEvent(): number {
    this.#events += 1;
    return this.#events;
  }

  begin(operation: OpenOperation): OpenOperation {
    this.#open.add(operation);
    return operation;
  }

  answer(operation: OpenOperation, answer: JobAnswer, answeredAt: number): void {
    this.#open.delete(operation);
    this.#answered.push({ ...operation, answer, answeredAt });
  }

  /** Certainly without an effect. */
  drop(operation: OpenOperation): void {
    this.#open.delete(operation);
  }
}

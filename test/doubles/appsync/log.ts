import type { Push } from "./faults.js";

/** A push that the double took. */
export interface Accepted {
  readonly api: "graphql" | "events";
  /** Of the Events API. */
  readonly channel: string | null;
  readonly push: Push;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** What was accepted, in order. */
export class AcceptedLog {
  readonly entries: Accepted[] = [];
  #waiting: (() => void)[] = [];

  add(entry: Accepted): void {
    this.entries.push(entry);
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }

  /** Resolves when so many have been accepted. */
  async until(count: number): Promise<void> {
    while (this.entries.length < count) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }
}

import type { Clock } from "../../core/environment/clock.js";
import { WaybillError } from "../../core/errors/errors.js";
import { explained, plainCode } from "./errors.js";
import type { Requests } from "./requests.js";

/** The most entries of one request. */
const MOST_ENTRIES = 10;

/** How SQS answers any batch. */
interface BatchAnswer {
  readonly Successful?: readonly { readonly Id?: string | undefined }[] | undefined;
  readonly Failed?:
    readonly { readonly Id?: string | undefined; readonly Code?: string | undefined }[] | undefined;
}

interface Waiting<Entry> {
  readonly entry: Entry;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Collects what is asked in one turn of the event loop into few requests, and answers each by its own entry. */
class TurnBatch<Entry> {
  readonly #clock: Clock;
  readonly #what: string;
  readonly #send: (entries: (Entry & { Id: string })[]) => Promise<BatchAnswer>;
  #waiting: Waiting<Entry>[] = [];

  /** @param what - begins a sentence about what failed */
  constructor(
    clock: Clock,
    what: string,
    send: (entries: (Entry & { Id: string })[]) => Promise<BatchAnswer>,
  ) {
    this.#clock = clock;
    this.#what = what;
    this.#send = send;
  }

  add(entry: Entry): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ entry, resolve, reject });
      if (this.#waiting.length === 1) {
        this.#clock.defer(() => {
          this.#flush();
        });
      }
    });
  }

  #flush(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (let start = 0; start < waiting.length; start += MOST_ENTRIES)
      void this.#run(waiting.slice(start, start + MOST_ENTRIES));
  }

  async #run(waiting: readonly Waiting<Entry>[]): Promise<void> {
    try {
      const answer = await this.#send(waiting.map(({ entry }, place) => ({ ...entry, Id: String(place) })));
      const done = new Set(answer.Successful?.map(({ Id }) => Id));
      const failures = new Map(answer.Failed?.map(({ Id, Code }) => [Id, Code]));
      for (const [place, { resolve, reject }] of waiting.entries()) {
        if (done.has(String(place))) resolve();
        else reject(this.#refused(failures.get(String(place)) ?? ""));
      }
    } catch (error) {
      for (const { reject } of waiting) reject(explained(error, this.#what));
    }
  }

  #refused(code: string): WaybillError {
    return new WaybillError("queue.unavailable", `${this.#what}: SQS refused it (${plainCode(code)}).`);
  }
}

/** Removes and hides received messages of one queue: what is asked in one turn shares requests. */
export class Settling {
  readonly #deletes: TurnBatch<{ readonly ReceiptHandle: string }>;
  readonly #hides: TurnBatch<{ readonly ReceiptHandle: string; readonly VisibilityTimeout: number }>;

  constructor(requests: Requests, clock: Clock) {
    this.#deletes = new TurnBatch(clock, "A message could not be deleted", (Entries) =>
      requests.delete({ Entries }),
    );
    this.#hides = new TurnBatch(clock, "The visibility of a message could not be changed", (Entries) =>
      requests.hide({ Entries }),
    );
  }

  delete(receiptHandle: string): Promise<void> {
    return this.#deletes.add({ ReceiptHandle: receiptHandle });
  }

  /** Hides the message for so long from now; 0: not at all. */
  hide(receiptHandle: string, seconds: number): Promise<void> {
    return this.#hides.add({ ReceiptHandle: receiptHandle, VisibilityTimeout: seconds });
  }
}

import { undelivered } from "../../decide/deliver.js";
import type { ServerEvent } from "../../job/event.js";
import { parseJsonText } from "../../json/json-text.js";
import type { Notifier } from "../../ports/notifier.js";
import { eventsOf } from "../announce/events.js";
import { codeOf, type Core } from "../context.js";
import type { RelayJob } from "./job.js";
import { type Offer, offerOf } from "./offer.js";

/** What is offered of one job, and the events of its wanted entries. */
export interface Prepared {
  readonly offer: Offer;
  readonly events: readonly ServerEvent[];
}

/** Makes the events that one notifier is offered. */
export class Preparer {
  readonly #core: Core;
  readonly #name: string;
  readonly #notifier: Notifier;

  constructor(core: Core, name: string, notifier: Notifier) {
    this.#core = core;
    this.#name = name;
    this.#notifier = notifier;
  }

  /** The next entries of a job, as far as there is room for wanted ones. */
  offer(job: RelayJob, room: number): Offer {
    return offerOf(this.#notifier, job.record.kind, undelivered(job.snapshot, this.#name), room);
  }

  /** Never rejects; `null`: the events cannot be made now. */
  async prepare(job: RelayJob, offer: Offer): Promise<Prepared | null> {
    if (offer.wanted.length === 0) return { offer, events: [] };
    const { record } = job;
    const definition = this.#core.definitions.get(record.kind);
    try {
      const input = definition?.messagesReadInput === true ? await this.#input(job) : undefined;
      return { offer, events: eventsOf(definition, record, offer.wanted, input) };
    } catch (error) {
      const fields = { jobId: record.id, notifier: this.#name, error: codeOf(error) };
      this.#core.logger.warn("a notification could not be prepared", fields);
      return null;
    }
  }

  /** Read once for all notifiers of the job. */
  #input(job: RelayJob): Promise<unknown> {
    job.input ??= this.#core.gateway
      .read(job.record.id, { input: true })
      .then((stored) => (stored?.input === undefined ? undefined : parseJsonText(stored.input)))
      .catch((error: unknown) => {
        job.input = null;
        throw error;
      });
    return job.input;
  }
}

/** What comes before the first event that is not of the lane. */
export function withinLane({ offer, events }: Prepared, isOfLane: (event: ServerEvent) => boolean): Prepared {
  const end = events.findIndex((event) => !isOfLane(event));
  const foreign = end === -1 ? undefined : offer.wanted[end];
  if (foreign === undefined) return { offer, events };
  const entries = offer.entries.slice(0, offer.entries.indexOf(foreign));
  return { offer: { entries, wanted: offer.wanted.slice(0, end) }, events: events.slice(0, end) };
}

import type { HistoryEntry } from "../../src/core/job/history.js";
import { EVENT_OF, type EventType, type JobEvent } from "../../src/core/job/event.js";
import { entryTo } from "../../src/core/job/history.js";
import type { Notifier, PublishResult } from "../../src/core/ports/notifier.js";
import type { JobLog } from "./job-log.js";
import type { World } from "./world.js";

export interface ReceiverOptions {
  readonly world: World;
  readonly logs: ReadonlyMap<string, JobLog>;
  readonly name: string;
  readonly on?: readonly EventType[];
  /** Whether the version was given up, and stands among the undelivered. */
  readonly isListed: (name: string, id: string, version: number) => boolean;
  readonly chances: () => { readonly retry: number; readonly rejected: number };
}

/** Who is told of events outside; it checks each by what is stored. */
export class Receiver implements Notifier {
  readonly on: readonly EventType[] | undefined;
  readonly timeoutMs = 4_000;
  readonly #options: ReceiverOptions;
  /** Versions by job, in order of arrival; a job that is made anew after its purge is another one. */
  readonly #delivered = new Map<string, number[]>();
  readonly #rejected = new Set<string>();

  constructor(options: ReceiverOptions) {
    this.#options = options;
    this.on = options.on;
  }

  publish(events: readonly JobEvent[]): Promise<readonly PublishResult[]> {
    const held = new Set<string>();
    return Promise.resolve(events.map((event) => this.#one(event, held)));
  }

  isDone(id: string, entry: HistoryEntry): boolean {
    if (this.on?.includes(EVENT_OF[entry.edge]) === false) return true;
    const log = this.#options.logs.get(id);
    return log !== undefined && this.#versionsOf(log).includes(entry.version);
  }

  #one(event: JobEvent, held: Set<string>): PublishResult {
    const { world, chances } = this.#options;
    const { retry, rejected } = chances();
    if (held.has(event.jobId)) return { status: "retry", reason: "an earlier event comes first" };
    if (world.chance(rejected) || this.#rejected.has(event.id)) {
      world.count("notifier.rejected");
      this.#rejected.add(event.id);
      return { status: "rejected", reason: "not wanted" };
    }
    if (world.chance(retry)) {
      world.count("notifier.retry");
      held.add(event.jobId);
      return { status: "retry", reason: "busy" };
    }
    this.#deliver(event);
    return { status: "delivered" };
  }

  #deliver(event: JobEvent): void {
    const { world, logs, name } = this.#options;
    const log = logs.get(event.jobId);
    world.trace(`told ${name} ${event.id} ${event.type}`);
    if (log === undefined) {
      world.fail("S15", `${event.id}: told of a job that was never stored`);
      return;
    }
    const tells = (entry: HistoryEntry): boolean => isTold(event, entry);
    if (!log.entries.some(tells)) {
      // Late, and true of a job that had this id before.
      if (log.earlier.some(tells)) return;
      if (!log.lostWrites) world.fail("S15", `${event.id}: told of what is not stored`);
    }
    const versions = this.#versionsOf(log);
    const first = !versions.includes(event.version);
    const late = first && versions.some((version) => version > event.version);
    if (late && !log.lostWrites && !this.#options.isListed(name, event.jobId, event.version)) {
      world.fail("S15", `${name} ${event.id}: first told after a later one`);
    }
    if (first) versions.push(event.version);
  }

  #versionsOf({ id, life }: JobLog): number[] {
    const key = `${id} ${String(life)}`;
    const known = this.#delivered.get(key);
    if (known !== undefined) return known;
    const versions: number[] = [];
    this.#delivered.set(key, versions);
    return versions;
  }
}

function isTold(event: JobEvent, entry: HistoryEntry): boolean {
  return (
    entry.version === event.version &&
    EVENT_OF[entry.edge] === event.type &&
    entryTo(entry) === event.status &&
    entry.at === event.at.getTime()
  );
}

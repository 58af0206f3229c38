import type { JobChanges } from "../../live/changes.js";
import type { RuntimeView, Seen } from "./seen.js";
import type { RoomLooker } from "./room.js";

export type RuntimeChanges = JobChanges<RuntimeView>;

/** What an observer sees, job by job. */
export interface Sight {
  seen(id: string): Seen | undefined;
  ids(): Iterable<string>;
}

/** What was told of a job: `print` is `null` where only the version is known, from before. */
interface Told {
  readonly version: number;
  readonly print: string | null;
}

/** What an observer begins with. */
export interface Beginning {
  /** Asked for by name: told as gone when they are not there. */
  readonly asked: readonly string[];
  readonly known: Readonly<Record<string, number>>;
  /** The store may lose acknowledged writes: a version alone does not say that what is known is still so. */
  readonly isForgetful: boolean;
}

/**
 * What one observer has been told, and what it is still to be told: only which jobs, so that a slow one is told the newest of
 * each, and waits in as little memory as there are jobs.
 */
export class Observer implements RoomLooker {
  readonly #sight: Sight;
  readonly #asked: readonly string[];
  readonly #isForgetful: boolean;
  readonly #told: Map<string, Told>;
  readonly #touched = new Set<string>();
  #wake: () => void = () => undefined;

  constructor(sight: Sight, { asked, known, isForgetful }: Beginning) {
    this.#sight = sight;
    this.#asked = asked;
    this.#isForgetful = isForgetful;
    this.#told = new Map(Object.entries(known).map(([id, version]) => [id, { version, print: null }]));
  }

  touched(id: string): void {
    this.#touched.add(id);
    this.#wake();
  }

  /** Resolves when there may be something to tell, or `end` is called. */
  waiting(): Promise<void> {
    if (this.#touched.size > 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  end(): void {
    this.#wake();
  }

  /** All there is, but for what it said that it knows. */
  snapshot(): RuntimeChanges {
    this.#touched.clear();
    const ids = new Set([...this.#asked, ...this.#told.keys(), ...this.#sight.ids()]);
    const { newer, fallen, gone } = this.#compare(ids);
    const notThere = this.#asked.filter((id) => this.#sight.seen(id) === undefined);
    return {
      jobs: this.#tell([...newer, ...fallen]),
      gone: [...new Set([...gone, ...notThere])],
      snapshot: true,
      reset: fallen.length > 0,
    };
  }

  /** What is new since; `null`: nothing. What has fallen is told apart, since only it may take a reader back. */
  changes(): RuntimeChanges | null {
    const { newer, fallen, gone } = this.#compare(this.#touched);
    this.#touched.clear();
    if (fallen.length === 0) {
      if (newer.length === 0 && gone.length === 0) return null;
      return { jobs: this.#tell(newer), gone, snapshot: false, reset: false };
    }
    for (const { id } of newer) this.#touched.add(id);
    return { jobs: this.#tell(fallen), gone, snapshot: false, reset: true };
  }

  #compare(ids: Iterable<string>) {
    const newer: Seen[] = [];
    const fallen: Seen[] = [];
    const gone: string[] = [];
    for (const id of ids) {
      const seen = this.#sight.seen(id);
      const told = this.#told.get(id);
      if (seen === undefined) {
        if (this.#told.delete(id)) gone.push(id);
      } else if (told === undefined || told.version < seen.version) newer.push(seen);
      else if (told.version > seen.version) fallen.push(seen);
      else if (told.print === null) {
        if (this.#isForgetful) newer.push(seen);
      } else if (told.print !== seen.print) fallen.push(seen);
    }
    return { newer, fallen, gone };
  }

  #tell(jobs: readonly Seen[]): readonly RuntimeView[] {
    for (const { id, version, print } of jobs) this.#told.set(id, { version, print });
    return jobs.map(({ view }) => view);
  }
}

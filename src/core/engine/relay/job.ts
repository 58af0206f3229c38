import { cursorOf } from "../../decide/change/cursors.js";
import { lastEntryVersion } from "../../decide/change/wake.js";
import { type Cursor, type Cursors, type JobRecord, mergeCursor, type Snapshot } from "../../job/record.js";

/** What the relay keeps of a job between two looks: what was delivered is not delivered again only for stale news. */
export interface RelayMemory {
  readonly cursors: Cursors;
  /** Moved here, and not in the store yet: an `advance` failed. */
  readonly unsaved: Cursors;
}

/** One job in the hands of the relay, from the first thing to do for it until nothing is left that can be done now. */
export class RelayJob {
  record: JobRecord;
  cursors: Cursors;
  unsaved: Cursors;
  /** Names that are to be published to. */
  readonly asked = new Set<string>();
  /** Names whose channel has it in line. */
  readonly waiting = new Set<string>();
  /** Names that are being published to. */
  readonly publishing = new Set<string>();
  /** Names that failed: not again before the next news or the reconciler. */
  readonly resting = new Set<string>();
  /** An `advance` is under way or about to be. */
  saving = false;
  saveFailed = false;
  input: Promise<unknown> | null = null;
  readonly idle: Promise<void>;
  /** Set by the promise, which runs its executor at once. */
  #resolve!: () => void;

  constructor({ record, cursors }: Snapshot, memory: RelayMemory) {
    this.record = record;
    this.unsaved = memory.unsaved;
    this.cursors = mergeCursors(mergeCursors(cursors, memory.cursors), memory.unsaved);
    this.idle = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  get snapshot(): Snapshot {
    return { record: this.record, cursors: this.cursors };
  }

  get isIdle(): boolean {
    return this.waiting.size === 0 && this.publishing.size === 0 && !this.saving;
  }

  /** Takes over what is newer in a snapshot. @throws SyntaxError and takes nothing, when its history cannot be read */
  see({ record, cursors }: Snapshot): void {
    if (record.version > this.record.version && lastEntryVersion(record) > 0) this.record = record;
    this.cursors = mergeCursors(this.cursors, cursors);
  }

  ask(names: Iterable<string>): void {
    for (const name of names) this.asked.add(name);
  }

  move(name: string, cursor: Cursor): void {
    this.cursors = mergeCursors(this.cursors, { [name]: cursor });
    this.unsaved = mergeCursors(this.unsaved, { [name]: cursor });
  }

  end(): void {
    this.#resolve();
  }
}

/** Merges cursors name by name. */
export function mergeCursors(stored: Cursors, given: Cursors): Cursors {
  const merged = Object.entries(given).map(([name, cursor]): [string, Cursor] => [
    name,
    mergeCursor(cursorOf(stored, name), cursor),
  ]);
  // Own keys, whatever their name: assigning to `__proto__` would lose the cursor.
  return { ...stored, ...Object.fromEntries(merged) };
}

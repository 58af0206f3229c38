// One atomic step: what it rests on is checked when what it changes is written.
import { StoreCorruptError } from "waybill";
import type { StoredRow } from "waybill/store-kit";
import type { Engine } from "./engine.js";
import { indexOf } from "./rows.js";

const NO_KEYS: ReadonlyMap<string, string> = new Map();

/** What something else wrote in the place of a row rejects, with the id of its job. */
function rowOf(id: string, value: string): StoredRow {
  try {
    return JSON.parse(value) as StoredRow;
  } catch {
    throw new StoreCorruptError(id, "a row that is no JSON");
  }
}

export class Transaction {
  readonly #engine: Engine;
  readonly #checks = new Map<string, string | null>();
  readonly #changes = new Map<string, string | null>();

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** What is read here must be the same still at the commit. Sees what the transaction itself has set. */
  async read(keys: readonly string[]): Promise<readonly (string | null)[]> {
    const entries = await this.#engine.get(keys);
    return keys.map((key, index) => {
      const { value, version } = entries[index] ?? { value: null, version: null };
      if (!this.#checks.has(key)) this.#checks.set(key, version);
      const changed = this.#changes.get(key);
      return changed === undefined ? value : changed;
    });
  }

  async rows(ids: readonly string[]): Promise<readonly (StoredRow | null)[]> {
    const values = await this.read(ids.map((id) => `job/${id}`));
    return values.map((value, index) => (value === null ? null : rowOf(ids[index] ?? "", value)));
  }

  async row(id: string): Promise<StoredRow | null> {
    return (await this.rows([id]))[0] ?? null;
  }

  set(key: string, value: string | null): void {
    this.#changes.set(key, value);
  }

  /** Puts a row in the place of the one before (`null`: there is none), and moves the keys that lead to it. */
  put(before: StoredRow | null, after: StoredRow | null): void {
    const row = after ?? before;
    if (before === after || row === null) return;
    this.set(`job/${row.record.id}`, after === null ? null : JSON.stringify(after));
    const [old, now] = [
      before === null ? NO_KEYS : indexOf(before),
      after === null ? NO_KEYS : indexOf(after),
    ];
    for (const key of old.keys()) if (!now.has(key)) this.set(key, null);
    for (const [key, value] of now) if (old.get(key) !== value) this.set(key, value);
  }

  /** `false`: something that was read has changed, and nothing was written. */
  async commit(): Promise<boolean> {
    return this.#changes.size === 0 || this.#engine.commit({ checks: this.#checks, changes: this.#changes });
  }
}

/**
 * Reads, decides and commits, anew on what is stored then, until nobody was faster. Each round that is lost is another
 * caller's success. An error ends it: a commit in doubt is never tried again.
 */
export async function transact<T>(engine: Engine, attempt: (tx: Transaction) => Promise<T>): Promise<T> {
  for (;;) {
    const tx = new Transaction(engine);
    const answer = await attempt(tx);
    if (await tx.commit()) return answer;
  }
}

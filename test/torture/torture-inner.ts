import { memoryStore, type Store } from "waybill";
import { seededRandom } from "../../src/testing/seeded-ids.js";
import { innerLives } from "./inner-lives.js";
import { PACE } from "./pace.js";
import { runFolder, torture, type TortureOptions, type TortureResult } from "./torture.js";

interface Honesty {
  /** What the workers do wrong, by name. */
  readonly sabotage?: string;
  /** What the application's own process holds instead of the store. */
  readonly parent?: (store: Store) => Store;
}

/** Puts the memory store to torture, with workers that live and die inside this process. */
export async function tortureInner(options: TortureOptions, honesty: Honesty = {}): Promise<TortureResult> {
  const { folder, remove } = runFolder();
  const store = memoryStore();
  const begin = innerLives(store, folder, seededRandom(options.seed + 3), honesty.sabotage ?? null);
  try {
    const held = honesty.parent?.(store) ?? store;
    return await torture(options, { store: held, begin, pace: PACE, crashServer: null, folder });
  } finally {
    remove();
  }
}

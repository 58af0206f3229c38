import type { Commit, Engine, Entry, Range } from "../../examples/small-store/engine.js";

export interface SharedEngineOptions {
  /** How long a call is under way, before and after it takes effect. @default a turn of the event loop */
  readonly pause?: () => Promise<unknown>;
  /** Whether a commit looks at the versions that it rests on. @default true */
  readonly checked?: boolean;
}

/** An engine for the small store that several handles share, as processes share a server. */
export function sharedEngine({ pause = nextTurn, checked = true }: SharedEngineOptions = {}): Engine {
  const entries = new Map<string, Entry>();
  let commits = 0;

  async function underWay<T>(call: () => T): Promise<T> {
    await pause();
    const answer = call();
    await pause();
    return answer;
  }

  function scan({ after, below, limit, newestFirst = false }: Range): readonly Entry[] {
    const found = [...entries.values()].filter(({ key }) => key > after && key < below);
    found.sort((a, b) => (a.key < b.key === newestFirst ? 1 : -1));
    return found.slice(0, limit);
  }

  function commit({ checks, changes }: Commit): boolean {
    for (const [key, version] of checked ? checks : []) {
      if ((entries.get(key)?.version ?? null) !== version) return false;
    }
    commits += 1;
    for (const [key, value] of changes) {
      if (value === null) entries.delete(key);
      else entries.set(key, { key, value, version: String(commits) });
    }
    return true;
  }

  return {
    durability: "memory",
    shared: true,
    get: (keys) => underWay(() => keys.map((key) => entries.get(key) ?? null)),
    scan: (range) => underWay(() => scan(range)),
    commit: (given) => underWay(() => commit(given)),
  };
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

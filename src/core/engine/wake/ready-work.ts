import type { Clock } from "../../clock.js";
import type { FeedHint } from "../../ports/feed.js";

interface ReadyWorkOptions {
  readonly clock: Clock;
  /** The store's time, which says what is ready. */
  readonly now: () => number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** The kinds that this worker takes from the store. */
  readonly kinds: ReadonlySet<string>;
  /** There is work to be asked for. */
  readonly wake: () => void;
}

/** Jobs in the store that this worker was told of, until somebody takes them. */
export interface ReadyWork {
  readonly hear: (hint: FeedHint) => void;
  /** The store is being asked for work: what is ready by now is no more to be woken for. */
  readonly asked: () => void;
  /** What the store answered. */
  answered(jobs: number): void;
  stop(): void;
}

/** Beyond it nothing is remembered: such a backlog is found by asking. */
const MOST_REMEMBERED = 1_000;
const SHORTEST_SPREAD_MS = 2;
const LONGEST_SPREAD_MS = 50;

/**
 * Decides when an idle worker asks for work that it was told of. All workers of a fleet are told, and one is enough: who
 * came in vain waits the next time, by chance and twice as long at most, and hears meanwhile that the job was taken; who
 * got something waits half as long. So one of them is always quick, and the others are quiet.
 */
export function createReadyWork(options: ReadyWorkOptions): ReadyWork {
  const { clock, now, random, kinds, wake } = options;
  const ready = new Map<string, number>();
  let spreadMs = 0;
  let isWoken = false;
  let cancel: () => void = () => undefined;
  let armedFor = Number.POSITIVE_INFINITY;

  const disarm = (): void => {
    cancel();
    cancel = () => undefined;
    armedFor = Number.POSITIVE_INFINITY;
  };
  const ring = (): void => {
    disarm();
    const at = now();
    let next = Number.POSITIVE_INFINITY;
    let isDue = false;
    for (const readyAt of ready.values()) {
      if (readyAt <= at) isDue = true;
      else next = Math.min(next, readyAt);
    }
    if (isDue) {
      isWoken = true;
      wake();
    }
    if (next < Number.POSITIVE_INFINITY) arm(next);
  };
  const arm = (readyAt: number): void => {
    if (readyAt >= armedFor) return;
    cancel();
    armedFor = readyAt;
    const waitMs = Math.max(0, Math.ceil(readyAt - now())) + Math.floor(spreadMs * random());
    if (waitMs === 0) ring();
    else cancel = clock.timer(waitMs, ring, true);
  };

  return {
    hear({ id, kind, readyAt = null }) {
      if (!kinds.has(kind)) return;
      if (readyAt === null) ready.delete(id);
      else if (ready.size < MOST_REMEMBERED || ready.has(id)) {
        ready.set(id, readyAt);
        arm(readyAt);
      }
    },
    asked() {
      const at = now();
      for (const [id, readyAt] of ready) if (readyAt <= at) ready.delete(id);
      if (armedFor > at && armedFor < Number.POSITIVE_INFINITY) return;
      disarm();
      if (ready.size > 0) arm(Math.min(...ready.values()));
    },
    answered(jobs) {
      if (!isWoken) return;
      isWoken = false;
      spreadMs =
        jobs > 0
          ? Math.floor(spreadMs / 2)
          : Math.min(LONGEST_SPREAD_MS, Math.max(SHORTEST_SPREAD_MS, spreadMs * 2));
    },
    stop() {
      ready.clear();
      disarm();
    },
  };
}

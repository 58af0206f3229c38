import type { Clock } from "../core/environment/clock.js";

/** What the client reaches outside with; a test passes its own. */
export interface Environment {
  readonly clock: Clock;
  /** 0 ≤ n < 1. */
  readonly random: () => number;
  /** The page is not being looked at. */
  readonly hidden: () => boolean;
  /** The device says that it has no network. */
  readonly offline: () => boolean;
  /**
   * Calls whenever something happened after which a connection deserves a look: seen or hidden, online or offline, awake
   * again. Returns how to stop.
   */
  readonly onSignal: (look: () => void) => () => void;
}

interface Target {
  addEventListener?(type: string, listener: () => void): void;
  removeEventListener?(type: string, listener: () => void): void;
}

/** Parts of a browser, each of which may be absent: Node has no page, React Native no `document`. */
interface Surroundings extends Target {
  readonly document?: Target & { readonly visibilityState?: string };
  readonly navigator?: { readonly onLine?: boolean };
}

/** Timers of the machine. They keep a Node process alive: there are none unless somebody listens or waits for an answer. */
const clock: Clock = {
  now: Date.now,
  timer(ms, run) {
    const timer = setTimeout(run, ms);
    return () => {
      clearTimeout(timer);
    };
  },
  defer: (run) => void setTimeout(run),
};

/** The surroundings as they are. Nothing is touched before it is asked for. */
export function surroundings(onWake?: (wake: () => void) => () => void): Environment {
  const around = globalThis as unknown as Surroundings;
  return {
    clock,
    random: Math.random,
    hidden: () => around.document?.visibilityState === "hidden",
    offline: () => around.navigator?.onLine === false,
    onSignal(look) {
      const each = (what: keyof Target): void => {
        around[what]?.("online", look);
        around[what]?.("offline", look);
        around.document?.[what]?.("visibilitychange", look);
      };
      each("addEventListener");
      const stop = onWake?.(look);
      return () => {
        each("removeEventListener");
        stop?.();
      };
    },
  };
}

import { isFinal } from "../core/lifecycle.js";
import type { ClientError } from "./client-error.js";
import type { Store } from "./snapshot.js";
import { type HeldView, type Listener, NO_CHANGES, type Topic } from "./topic.js";

/** A `JobSnapshot`, without the types of a kind. */
interface ShownJob {
  readonly state: "loading" | "missing" | "live" | "polling" | "reconnecting" | "final" | "error";
  readonly job: HeldView | null;
  readonly error?: ClientError;
}

/** A `JobsSnapshot`, without the types of a kind. */
interface ShownJobs {
  readonly state: "loading" | "live" | "polling" | "reconnecting" | "error";
  readonly jobs: readonly HeldView[];
  readonly error?: ClientError;
}

/** Opens topics when they are listened to, and closes them when they no longer are. */
export interface Topics {
  /** The open topic of the same aim, else this one. */
  shared(topic: Topic): Topic;
  listen(topic: Topic, listener: Listener): () => void;
}

export interface JobsStore {
  subscribe(listener: Listener): () => void;
  getSnapshot(): ShownJobs;
}

/** The store of one job, or of the latest about a subject. */
export function jobStore(topics: Topics, topic: Topic): Store<ShownJob> {
  return createStore(topics, topic, shownJob);
}

/** The store of a list. A listener that comes later is told first of all that there is. */
export function jobsStore(topics: Topics, topic: Topic): JobsStore {
  return createStore(topics, topic, shownJobs);
}

function createStore<S extends object>(topics: Topics, own: Topic, show: (topic: Topic) => S) {
  let shown: S | null = null;
  const getSnapshot = (): S => {
    const next = show(topics.shared(own));
    // The same object as long as it says the same.
    return (shown = shown !== null && isSame(shown, next) ? shown : Object.freeze(next));
  };
  return {
    getSnapshot,
    subscribe(listener: Listener) {
      // By listener: two of them on one store each hear of every change.
      let seen = shown;
      const look = (changes: Parameters<Listener>[0]): void => {
        const before = seen;
        seen = getSnapshot();
        if (seen === before) return;
        const { loaded, views } = topics.shared(own);
        listener(before === null && loaded ? { ...NO_CHANGES, jobs: views, snapshot: true } : changes);
      };
      let listening = true;
      queueMicrotask(() => {
        if (listening && topics.shared(own).loaded) look(NO_CHANGES);
      });
      const stop = topics.listen(topics.shared(own), look);
      return () => {
        listening = false;
        stop();
      };
    },
  };
}

/** Of two snapshots of one store. */
function isSame(a: object, b: object): boolean {
  const [left, right] = [Object.values(a), Object.values(b)] as [unknown[], unknown[]];
  return left.length === right.length && left.every((value, index) => value === right[index]);
}

function shownJob({ error, freshness, loaded, views: [first], isOver }: Topic): ShownJob {
  const job = first ?? null;
  if (error !== null) return { state: "error", job, error };
  if (job === null) return { state: loaded ? "missing" : "loading", job };
  return { state: isOver ? "final" : (freshness ?? "reconnecting"), job };
}

function shownJobs({ error, freshness, loaded, views: jobs }: Topic): ShownJobs {
  if (error !== null) return { state: "error", jobs, error };
  return { state: loaded ? (freshness ?? "reconnecting") : "loading", jobs };
}

import { type Listener, NO_CHANGES, type Shown, type Topic } from "./topic.js";

/** Opens topics when they are listened to, and closes them when they no longer are. */
export interface Topics {
  /** The open topic of the same aim, else this one. */
  shared(topic: Topic): Topic;
  listen(topic: Topic, listener: Listener): () => void;
}

/** A store of what is known about an aim. A listener is told of changes; a later one first of all that there is. */
export interface TopicStore {
  subscribe(listener: Listener): () => void;
  getSnapshot(): Shown;
}

export function createStore(topics: Topics, own: Topic): TopicStore {
  let seen: Shown | null = null;
  return {
    getSnapshot: () => (seen = topics.shared(own).shown),
    subscribe(listener) {
      const topic = topics.shared(own);
      // A wrapper of its own: the same function may listen twice.
      const wrapper: Listener = (changes) => {
        listener(changes);
      };
      const stop = topics.listen(topic, wrapper);
      // Of a list all that there is, whoever has seen it: this listener has not.
      if ((topic.loaded || topic.shown.error) && (topic.isList || topic.shown !== seen)) {
        queueMicrotask(() => {
          if (topic.listeners.has(wrapper))
            wrapper({ ...NO_CHANGES, jobs: topic.views, snapshot: topic.loaded });
        });
      }
      return stop;
    },
  };
}

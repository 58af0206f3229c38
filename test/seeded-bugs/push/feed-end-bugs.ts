// What a feed does wrong at its ends: who hears what, who comes and goes, what many calls at once do.
import type { Feed, FeedHint } from "../../../src/core/ports/feed.js";
import { type FeedBug, hears, publishes } from "./feed-bugs.js";

type Listener = (hint: FeedHint) => void;

const ARRIVES = "Hints published afterwards arrive, as long as the link holds.";
const ATTACHED = "`subscribe` resolves when attached.";
const STOP = "Returns how to stop: the listener hears nothing more.";
const APART = "A listener that throws hurts neither the others nor the publisher.";
const GAP = "`onGap`: the link was lost and is back.";
const CLOSED = "`publish` rejects where this end is closed.";
const READS = "`publish` takes hints that it may only read.";

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function tell(listeners: Iterable<Listener>, hint: FeedHint): void {
  for (const listener of [...listeners]) {
    try {
      listener(hint);
    } catch {
      continue;
    }
  }
}

/** All listeners of an end share one subscription; how one leaves is told. */
const sharing =
  (leave: (all: Listener[], own: Listener) => void): FeedBug["make"] =>
  (inner) => {
    const all: Listener[] = [];
    let attached: Promise<unknown> | null = null;
    return {
      async subscribe(listener) {
        const own: Listener = (hint) => {
          listener(hint);
        };
        all.push(own);
        attached ??= inner.subscribe((hint) => {
          tell(all, hint);
        });
        await attached;
        return async () => {
          leave(all, own);
        };
      },
    };
  };

/** What is published after this end is closed. */
const closed =
  (publish: () => Promise<void>): FeedBug["make"] =>
  (inner) => {
    let isClosed = false;
    return {
      publish: (hints) => (isClosed ? publish() : inner.publish(hints)),
      async close() {
        isClosed = true;
        await inner.close();
      },
    };
  };

/** Detaches when nobody is left, and whoever has come meanwhile with it. */
function counting(inner: Feed): Partial<Feed> {
  const all = new Set<Listener>();
  let detach: (() => Promise<void>) | null = null;
  return {
    async subscribe(listener) {
      const own: Listener = (hint) => {
        listener(hint);
      };
      all.add(own);
      detach ??= await inner.subscribe((hint) => {
        tell(all, hint);
      });
      return async () => {
        if (!all.delete(own) || all.size > 0) return;
        const leaving = detach;
        await turn();
        await leaving?.();
        detach = null;
      };
    },
  };
}

/** Each end has a share of the hints, as consumers of one queue have. */
function consuming(inner: Feed, shared: Map<string, unknown>): Partial<Feed> {
  const ends = (shared.get("ends") as Set<Listener>[] | undefined) ?? [];
  const own = new Set<Listener>();
  shared.set("ends", [...ends, own]);
  let turns = 0;
  return {
    async publish(hints) {
      await inner.publish([]);
      await turn();
      for (const hint of hints) {
        const open = (shared.get("ends") as Set<Listener>[]).filter(({ size }) => size > 0);
        tell(open[(turns += 1) % open.length] ?? [], hint);
      }
    },
    async subscribe(listener) {
      const mine: Listener = (hint) => {
        listener(hint);
      };
      own.add(mine);
      return async () => {
        own.delete(mine);
      };
    },
  };
}

export const FEED_END_BUGS: readonly FeedBug[] = [
  {
    name: "of one job the first hint of a call is told",
    breaks: ARRIVES,
    caughtBy: "hinting",
    make: publishes((hints) =>
      hints.filter((hint, place) => hints.findIndex(({ id }) => id === hint.id) === place),
    ),
  },
  {
    name: "of one job the last hint of a call is told",
    breaks: ARRIVES,
    caughtBy: "hinting",
    make: publishes((hints) =>
      hints.filter((hint, place) => !hints.slice(place + 1).some(({ id }) => id === hint.id)),
    ),
  },
  {
    name: "a job is told of once",
    breaks: ARRIVES,
    caughtBy: "hinting",
    make: (inner) => {
      const known = new Set<string>();
      return {
        subscribe: (listener) =>
          inner.subscribe((hint) => {
            if (known.has(hint.id)) return;
            known.add(hint.id);
            listener(hint);
          }),
      };
    },
  },
  {
    name: "a hint is published once, whoever has come since",
    breaks: ARRIVES,
    caughtBy: "hinting",
    make: (inner) => {
      const known = new Set<string>();
      return {
        async publish(hints) {
          const fresh = hints.filter(({ id, version }) => !known.has(`${id}:${String(version)}`));
          for (const { id, version } of hints) known.add(`${id}:${String(version)}`);
          await inner.publish(fresh);
        },
      };
    },
  },
  {
    name: "of several publishes in one turn the last one is sent",
    breaks: ARRIVES,
    caughtBy: "hinting",
    make: (inner) => {
      let last: readonly FeedHint[] = [];
      let sending: Promise<void> | null = null;
      return {
        publish(hints) {
          last = hints;
          sending ??= Promise.resolve().then(() => {
            sending = null;
            return inner.publish(last);
          });
          return sending;
        },
      };
    },
  },
  {
    name: "hints go one way only",
    breaks: ARRIVES,
    caughtBy: "hinting",
    make: (_, shared) => {
      const isFirst = !shared.has("first");
      shared.set("first", true);
      return isFirst ? {} : { publish: async () => undefined };
    },
  },
  { name: "every end has a share of the hints", breaks: ARRIVES, caughtBy: "subscribing", make: consuming },
  {
    name: "every hint of a call has the kind of the first",
    breaks: "A hint that a job changed.",
    caughtBy: "owners",
    make: publishes((hints) => hints.map((hint) => ({ ...hint, kind: hints[0]?.kind ?? hint.kind }))),
  },
  {
    name: "kinds are cut at their first dot",
    breaks: "A hint that a job changed.",
    caughtBy: "owners",
    make: hears((hint) => [{ ...hint, kind: hint.kind.split(".")[0] ?? "" }]),
  },
  {
    name: "publish writes into the hints that it is given",
    breaks: READS,
    caughtBy: "hinting",
    make: (inner) => ({
      publish(hints) {
        const copies = hints.map((hint) => ({ ...hint }));
        for (const hint of hints as readonly { subject: string | null }[]) hint.subject = null;
        return inner.publish(copies);
      },
    }),
  },
  {
    name: "publish empties the list that it is given",
    breaks: READS,
    caughtBy: "hinting",
    make: (inner) => ({
      publish: (hints) => inner.publish((hints as FeedHint[]).splice(0)),
    }),
  },
  {
    name: "who subscribes second resolves before the first is attached",
    breaks: ATTACHED,
    caughtBy: "subscribing",
    make: (inner) => {
      const all: Listener[] = [];
      return {
        async subscribe(listener) {
          all.push(listener);
          if (all.length === 1) {
            await turn();
            await inner.subscribe((hint) => {
              tell(all, hint);
            });
          }
          return async () => {
            all.splice(all.indexOf(listener), 1);
          };
        },
      };
    },
  },
  {
    name: "who comes while the last one leaves is detached with it",
    breaks: ATTACHED,
    caughtBy: "subscribing",
    make: counting,
  },
  {
    name: "one that stops twice takes the last one with it",
    breaks: STOP,
    caughtBy: "subscribing",
    make: sharing((all, own) => {
      all.splice(all.indexOf(own), 1);
    }),
  },
  {
    name: "one that stops takes the first one's place",
    breaks: STOP,
    caughtBy: "subscribing",
    make: sharing((all) => {
      all.shift();
    }),
  },
  {
    name: "a listener that throws hears no more",
    breaks: ARRIVES,
    caughtBy: "subscribing",
    make: (inner) => ({
      subscribe(listener) {
        let isOver = false;
        return inner.subscribe((hint) => {
          if (isOver) return;
          isOver = true;
          listener(hint);
          isOver = false;
        });
      },
    }),
  },
  {
    name: "a publish rejects since a listener threw",
    breaks: APART,
    caughtBy: "subscribing",
    make: (inner, shared) => ({
      async publish(hints) {
        await inner.publish(hints);
        await turn();
        if (shared.has("threw")) throw new Error("a listener threw");
      },
      subscribe: (listener) =>
        inner.subscribe((hint) => {
          try {
            listener(hint);
          } catch {
            shared.set("threw", true);
          }
        }),
    }),
  },
  {
    name: "a gap is told of when it attaches",
    breaks: GAP,
    caughtBy: "subscribing",
    make: (inner) => ({
      async subscribe(listener, options) {
        const stop = await inner.subscribe(listener, options);
        options?.onGap?.();
        return stop;
      },
    }),
  },
  {
    name: "a gap is told of with each hint",
    breaks: GAP,
    caughtBy: "subscribing",
    make: (inner) => ({
      subscribe: (listener, options) =>
        inner.subscribe((hint) => {
          options?.onGap?.();
          listener(hint);
        }),
    }),
  },
  {
    name: "who gives options must hear of gaps",
    breaks: "`onGap` may be left out.",
    caughtBy: "subscribing",
    make: (inner) => ({
      async subscribe(listener, options) {
        if (options !== undefined && options.onGap === undefined) throw new TypeError("onGap is no function");
        return inner.subscribe(listener, options);
      },
    }),
  },
  {
    name: "publish after close does not end",
    breaks: CLOSED,
    caughtBy: "closing",
    make: closed(() => new Promise(() => undefined)),
  },
  {
    name: "publish after close throws, and rejects nothing",
    breaks: CLOSED,
    caughtBy: "closing",
    make: closed(() => {
      throw new Error("closed");
    }),
  },
  {
    name: "subscribe after close does not end",
    breaks: CLOSED,
    caughtBy: "closing",
    make: (inner) => ({
      subscribe: (listener, options) =>
        inner.subscribe(listener, options).catch(() => new Promise(() => undefined)),
    }),
  },
];

// What a feed does wrong, around the memory feed.
import { memoryFeed } from "../../../src/adapters/memory/feed.js";
import type { Feed, FeedHint } from "../../../src/core/ports/feed.js";
import { fakeClock } from "../../../src/testing/fake-clock.js";
import { Link } from "./link-bugs.js";
import type { FeedFixture } from "../../../src/testing/feed-suite/feed-suite.js";

export interface FeedBug {
  readonly name: string;
  readonly breaks: string;
  readonly caughtBy: string;
  /** Each end otherwise; `shared` is of both. */
  readonly make: (inner: Feed, shared: Map<string, unknown>) => Partial<Feed>;
  /** Both ends' link, where it is the link that has the bug. */
  readonly link?: () => Link;
}

/** Two ends of a feed with this bug, or with none. */
export async function feedFixtureOf(bug: FeedBug | null): Promise<FeedFixture> {
  const clock = fakeClock();
  const first = memoryFeed({ clock });
  const second = first.second();
  const shared = new Map<string, unknown>();
  // Bugs of other sorts go around it.
  const link = bug === null ? new Link() : (bug.link?.() ?? null);
  const end = (inner: Feed): Feed => ({
    publish: (hints) => inner.publish(hints),
    subscribe: (listener, options) =>
      link === null ? inner.subscribe(listener, options) : link.subscribe(inner, listener, options),
    close: () => inner.close(),
    ...bug?.make(inner, shared),
  });
  return {
    publisher: end(first),
    subscriber: end(second),
    advance: (ms) => clock.advance(ms),
    ...(link !== null && {
      loseLink: () => {
        link.lose();
      },
    }),
    async close() {
      await first.close();
      await second.close();
    },
  };
}

export const hears =
  (change: (hint: FeedHint) => readonly FeedHint[]): FeedBug["make"] =>
  (inner) => ({
    subscribe: (listener, options) =>
      inner.subscribe((hint) => {
        for (const one of change(hint)) listener(one);
      }, options),
  });
export const publishes =
  (change: (hints: readonly FeedHint[]) => readonly FeedHint[]): FeedBug["make"] =>
  (inner) => ({
    publish: (hints) => inner.publish(change(hints)),
  });

const HINT = "A hint that a job changed.";
const TOLD = "hints published afterwards arrive, as long as the link holds";
const APART =
  "A listener that throws hurts neither the others nor the publisher; unsubscribing twice, or after `close`, is safe.";

export const FEED_BUGS: readonly FeedBug[] = [
  {
    name: "the owner is lost",
    breaks: HINT,
    caughtBy: "hinting",
    make: hears((hint) => [{ ...hint, owner: null }]),
  },
  {
    name: "the subject is lost",
    breaks: HINT,
    caughtBy: "hinting",
    make: hears((hint) => [{ ...hint, subject: null }]),
  },
  {
    name: "the kind is lost",
    breaks: HINT,
    caughtBy: "owners",
    make: hears((hint) => [{ ...hint, kind: "" }]),
  },
  {
    name: "the version is of 31 bits",
    breaks: HINT,
    caughtBy: "hinting",
    make: hears((hint) => [{ ...hint, version: hint.version | 0 }]),
  },
  {
    name: "null becomes the text null",
    breaks: HINT,
    caughtBy: "hinting",
    make: hears((hint) => [{ ...hint, owner: String(hint.owner) }]),
  },
  {
    name: "when a job is ready is lost",
    breaks: "From when on the job waits in the store for a worker.",
    caughtBy: "hinting",
    make: hears(({ readyAt: _, ...hint }) => [hint]),
  },
  {
    name: "when a job must be looked at is lost",
    breaks: "When somebody must look at the record next.",
    caughtBy: "hinting",
    make: hears(({ wakeAt: _, ...hint }) => [hint]),
  },
  {
    name: "instants are told in seconds",
    breaks: "Unix milliseconds",
    caughtBy: "hinting",
    make: hears((hint) => [
      {
        ...hint,
        ...(hint.wakeAt === null || hint.wakeAt === undefined
          ? {}
          : { wakeAt: Math.floor(hint.wakeAt / 1_000) }),
      },
    ]),
  },
  {
    name: "a hint carries more than is promised",
    breaks: HINT,
    caughtBy: "hinting",
    make: hears((hint) => [{ ...hint, token: "secret" } as FeedHint]),
  },
  {
    name: "long subjects are cut",
    breaks: HINT,
    caughtBy: "hinting",
    make: publishes((hints) =>
      hints.map((hint) => ({ ...hint, subject: hint.subject?.slice(0, 200) ?? null })),
    ),
  },
  {
    name: "a call of many hints is cut at a hundred",
    breaks: TOLD,
    caughtBy: "hinting",
    make: publishes((hints) => hints.slice(0, 100)),
  },
  {
    name: "hints of one call are made one",
    breaks: TOLD,
    caughtBy: "hinting",
    make: publishes((hints) => hints.slice(-1)),
  },
  {
    name: "every hint of a call has the owner of the first",
    breaks: HINT,
    caughtBy: "owners",
    make: publishes((hints) => hints.map((hint) => ({ ...hint, owner: hints[0]?.owner ?? null }))),
  },
  {
    name: "a hint of another owner is told with each",
    breaks: HINT,
    caughtBy: "owners",
    make: hears((hint) => (hint.owner === "tenant-a" ? [hint, { ...hint, owner: "tenant-b" }] : [hint])),
  },
  {
    name: "hints of jobs that nobody changed are told",
    breaks: "It may lose hints and must not invent jobs.",
    caughtBy: "owners",
    make: hears((hint) => [hint, { ...hint, id: `${hint.id}-not` }]),
  },
  {
    name: "versions that were never published are told",
    breaks: "It may lose hints and must not invent jobs.",
    caughtBy: "owners",
    make: hears((hint) => [hint, { ...hint, version: hint.version + 1 }]),
  },
  {
    name: "a call without hints rejects",
    breaks: "it resolves when handed over",
    caughtBy: "hinting",
    make: (inner) => ({
      publish: async (hints) => {
        if (hints.length === 0) throw new Error("none");
        await inner.publish(hints);
      },
    }),
  },
  {
    name: "only the last subscriber of a process hears",
    breaks: TOLD,
    caughtBy: "subscribing",
    make: (inner) => {
      let last: ((hint: FeedHint) => void) | null = null;
      return {
        subscribe: (listener, options) => {
          last = listener;
          return inner.subscribe((hint) => {
            if (last === listener) listener(hint);
          }, options);
        },
      };
    },
  },
  {
    name: "one that unsubscribes takes all with it",
    breaks: "Returns how to stop.",
    caughtBy: "subscribing",
    make: (inner) => {
      const stops: (() => Promise<void>)[] = [];
      return {
        subscribe: async (listener, options) => {
          stops.push(await inner.subscribe(listener, options));
          return async () => {
            for (const stop of stops) await stop();
          };
        },
      };
    },
  },
  {
    name: "unsubscribing does nothing",
    breaks: "Returns how to stop.",
    caughtBy: "subscribing",
    make: (inner) => ({
      subscribe: async (listener, options) => {
        await inner.subscribe(listener, options);
        return async () => undefined;
      },
    }),
  },
  {
    name: "unsubscribing twice rejects",
    breaks: APART,
    caughtBy: "subscribing",
    make: (inner) => ({
      subscribe: async (listener, options) => {
        const stop = await inner.subscribe(listener, options);
        let done = false;
        return async () => {
          if (done) throw new Error("not subscribed");
          done = true;
          await stop();
        };
      },
    }),
  },
  {
    name: "a listener is known by itself",
    breaks: TOLD,
    caughtBy: "subscribing",
    make: (inner) => {
      const stops = new Map<unknown, () => Promise<void>>();
      return {
        subscribe: async (listener, options) => {
          if (!stops.has(listener)) stops.set(listener, await inner.subscribe(listener, options));
          return async () => {
            await stops.get(listener)?.();
            stops.delete(listener);
          };
        },
      };
    },
  },
  {
    name: "nobody hears once everybody has left",
    breaks: TOLD,
    caughtBy: "subscribing",
    make: (inner) => {
      let dead = false;
      return {
        subscribe: async (listener, options) => {
          const stop = await inner.subscribe((hint) => {
            if (!dead) listener(hint);
          }, options);
          return async () => {
            dead = true;
            await stop();
          };
        },
      };
    },
  },
  {
    name: "a listener that throws ends the call for the others",
    breaks: APART,
    caughtBy: "subscribing",
    make: (inner) => {
      const all: ((hint: FeedHint) => void)[] = [];
      return {
        subscribe: async (listener, options) => {
          all.push(listener);
          if (all.length > 1) return async () => undefined;
          return inner.subscribe((hint) => {
            for (const each of all) each(hint);
          }, options);
        },
      };
    },
  },
  {
    name: "subscribe resolves before it is attached",
    breaks: "Resolves when attached: hints published afterwards arrive.",
    caughtBy: "hinting",
    make: (inner) => ({
      subscribe: async (listener, options) => {
        const later = new Promise<() => Promise<void>>((resolve) =>
          setImmediate(() => {
            resolve(inner.subscribe(listener, options));
          }),
        );
        return async () => {
          await (
            await later
          )();
        };
      },
    }),
  },
  {
    name: "one that leaves within a listener hides the hint from the next",
    breaks: "unsubscribing … is safe",
    caughtBy: "within a listener",
    make: (inner) => {
      const all: ((hint: FeedHint) => void)[] = [];
      let attached: Promise<unknown> | null = null;
      return {
        subscribe: async (listener, options) => {
          const own = (hint: FeedHint): void => {
            listener(hint);
          };
          all.push(own);
          attached ??= inner.subscribe((hint) => {
            for (let place = 0; place < all.length; place += 1) {
              try {
                all[place]?.(hint);
              } catch {
                continue;
              }
            }
          }, options);
          await attached;
          return async () => {
            const place = all.indexOf(own);
            if (place >= 0) all.splice(place, 1);
          };
        },
      };
    },
  },
  {
    name: "one that leaves within a listener hears on",
    breaks: "Returns how to stop.",
    caughtBy: "within a listener",
    make: (inner) => {
      let inside = false;
      return {
        subscribe: async (listener, options) => {
          const stop = await inner.subscribe((hint) => {
            inside = true;
            try {
              listener(hint);
            } finally {
              inside = false;
            }
          }, options);
          return async () => {
            if (!inside) await stop();
          };
        },
      };
    },
  },
  {
    name: "what a listener publishes is lost",
    breaks: TOLD,
    caughtBy: "within a listener",
    make: (inner, shared) => ({
      publish: async (hints) => {
        if (shared.get("inside") !== true) await inner.publish(hints);
      },
      subscribe: (listener, options) =>
        inner.subscribe((hint) => {
          shared.set("inside", true);
          try {
            listener(hint);
          } finally {
            shared.set("inside", false);
          }
        }, options),
    }),
  },
  {
    name: "who subscribes within a listener is not heard",
    breaks: "Resolves when attached: hints published afterwards arrive.",
    caughtBy: "within a listener",
    make: (inner) => {
      let inside = false;
      return {
        subscribe: (listener, options) =>
          inside
            ? Promise.resolve(async () => undefined)
            : inner.subscribe((hint) => {
                inside = true;
                try {
                  listener(hint);
                } finally {
                  inside = false;
                }
              }, options),
      };
    },
  },
  {
    name: "one end closes the other",
    breaks: "Frees what the feed made itself.",
    caughtBy: "closing",
    make: (inner, shared) => {
      const ends = (shared.get("ends") as Feed[] | undefined) ?? [];
      shared.set("ends", [...ends, inner]);
      return {
        close: async () => {
          for (const each of shared.get("ends") as Feed[]) await each.close();
        },
      };
    },
  },
  {
    name: "close leaves its subscribers",
    breaks: "Frees what the feed made itself.",
    caughtBy: "closing",
    make: () => ({ close: async () => undefined }),
  },
  {
    name: "close rejects the second time",
    breaks: "Safe to call twice.",
    caughtBy: "closing",
    make: (inner) => {
      let closed = false;
      return {
        close: async () => {
          if (closed) throw new Error("closed");
          closed = true;
          await inner.close();
        },
      };
    },
  },
  {
    name: "unsubscribing after close rejects",
    breaks: APART,
    caughtBy: "closing",
    make: (inner) => {
      let closed = false;
      return {
        close: async () => {
          closed = true;
          await inner.close();
        },
        subscribe: async (listener, options) => {
          const stop = await inner.subscribe(listener, options);
          return async () => {
            if (closed) throw new Error("closed");
            await stop();
          };
        },
      };
    },
  },
  {
    name: "a publish waits for its listeners",
    breaks: "A listener that throws hurts neither the others nor the publisher.",
    caughtBy: "subscribing",
    make: (inner, shared) => ({
      publish: async (hints) => {
        await inner.publish([]);
        const all = (shared.get("all") as ((hint: FeedHint) => void)[] | undefined) ?? [];
        for (const hint of hints) for (const listener of all) listener(hint);
      },
      subscribe: async (listener) => {
        shared.set("all", [...((shared.get("all") as unknown[] | undefined) ?? []), listener]);
        return async () => {
          shared.set(
            "all",
            ((shared.get("all") as unknown[] | undefined) ?? []).filter((each) => each !== listener),
          );
        };
      },
    }),
  },
];

import { inTime } from "../../environment/clock.js";
import { isWaybillError } from "../../errors/errors.js";
import { neutralContext } from "../../environment/neutral-context.js";
import type { Feed, FeedHint } from "../../ports/feed.js";
import type { JobRecord } from "../../job/record.js";
import { count, observe } from "../../environment/telemetry.js";
import type { Bus } from "../announce/bus.js";
import type { Core } from "../context.js";
import type { Hints } from "./watch.js";

/** Hints between this process and the others: published for every change here, heard while somebody watches. */
export interface HintLink extends Hints {
  /** @param inTransaction - made in a transaction of the caller's: the store has told nobody. @default false */
  publish(record: JobRecord, inTransaction?: boolean): void;
  /** Resolves `true` when everything published so far was handed over or given up; `false` when time is over. */
  flush(timeoutMs: number): Promise<boolean>;
  /** Ends every watch. Waits a little for what is under way, and lets go of the rest. */
  close(): Promise<void>;
}

/** A feed that does not answer must not keep a process from ending. */
const CLOSE_WAIT_MS = 2_000;

export interface HintSource {
  readonly feed: Feed;
  /** The store publishes there what it changes. */
  readonly storeTells: boolean;
}

type Means = Pick<Core, "telemetry" | "logger" | "clock">;

export function createHintLink(core: Means, bus: Bus, source: HintSource | null): HintLink {
  const outgoing = source === null ? null : createOutgoing(core, source.feed);
  const incoming = source === null ? null : createIncoming(core, bus, source.feed);
  const watching = new Set<() => void>();
  let closed = false;
  return {
    bus,
    isClosed: () => closed,
    publish({ id, kind, version, owner, subject, readyAt, wakeAt }, inTransaction = false) {
      const hint = { id, kind, version, owner, subject, readyAt, wakeAt };
      bus.hint(hint);
      if (!closed && (inTransaction || source?.storeTells !== true)) outgoing?.add(hint);
    },
    attach(onClose, onGap) {
      watching.add(onClose);
      const link = incoming?.attach(onGap);
      return {
        attached: link?.attached ?? Promise.resolve(),
        isUp: () => incoming?.isUp() ?? false,
        letGo() {
          watching.delete(onClose);
          link?.letGo();
        },
      };
    },
    flush: async (timeoutMs) =>
      outgoing === null ||
      inTime(
        core.clock,
        timeoutMs,
        outgoing.flush().then(() => true),
        false,
      ),
    async close() {
      closed = true;
      for (const end of watching) end();
      const left = async (): Promise<void> => {
        await outgoing?.flush();
        await incoming?.leave();
      };
      await inTime(core.clock, CLOSE_WAIT_MS, left(), undefined);
    },
  };
}

/** Hints that wait while one call is under way; what is beyond them is dropped, since hints may be lost. */
const MOST_WAITING = 10_000;

function createOutgoing(core: Means, feed: Feed) {
  let waiting = new Map<string, FeedHint>();
  let sending: Promise<void> | null = null;
  const neutral = neutralContext();

  const drain = async (): Promise<void> => {
    while (waiting.size > 0) {
      const hints = [...waiting.values()];
      waiting = new Map();
      try {
        const call = { port: "feed", operation: "publish", items: hints.length } as const;
        await neutral(() => observe(core.telemetry, call, () => feed.publish(hints)));
      } catch (error) {
        troubled(core, "publish", error);
      }
    }
    sending = null;
  };

  return {
    add(hint: FeedHint): void {
      if (waiting.size >= MOST_WAITING) return;
      // The newest hint of a job says all that the older ones did.
      waiting.set(hint.id, hint);
      sending ??= new Promise<void>((resolve) => {
        core.clock.defer(resolve);
      }).then(drain);
    },
    flush: async (): Promise<void> => {
      await sending;
    },
  };
}

/** How often a feed that could not attach is tried again while somebody watches. */
const REATTACH_AFTER_MS = 2_000;

/** One subscription for all watchers of this process, while there are any. */
function createIncoming(core: Means, bus: Bus, feed: Feed) {
  const gaps = new Set<() => void>();
  let watchers = 0;
  const link = createLink(core, feed, bus, () => {
    for (const onGap of gaps) onGap();
  });
  return {
    attach(onGap: () => void = () => undefined) {
      watchers += 1;
      // One of its own for each: two may pass the same function.
      const tell = (): void => {
        onGap();
      };
      gaps.add(tell);
      let held = true;
      return {
        attached: link.attach(),
        letGo(): void {
          if (!held) return;
          held = false;
          gaps.delete(tell);
          watchers -= 1;
          if (watchers === 0) void link.leave();
        },
      };
    },
    isUp: link.isUp,
    leave: link.leave,
  };
}

/** The subscription itself: tried again while it fails and somebody watches. */
function createLink(core: Means, feed: Feed, bus: Bus, onGap: () => void) {
  let subscription: Promise<() => Promise<void>> | null = null;
  let isUp = false;
  /** It could not attach, which was told once; hints were lost since. */
  let failed = false;
  let cancelRetry: () => void = () => undefined;

  const neutral = neutralContext();
  // The connection outlives whoever watches first.
  const subscribe = (): Promise<() => Promise<void>> =>
    neutral(async () =>
      feed.subscribe(
        (hint) => {
          bus.hint(hint);
        },
        { onGap },
      ),
    );
  /** Never rejects: without the feed, watchers read the store. */
  const attach = async (): Promise<void> => {
    const mine = (subscription ??= subscribe());
    try {
      await mine;
      if (subscription !== mine || isUp) return;
      isUp = true;
      if (failed) onGap();
      failed = false;
    } catch (error) {
      // One warning for all who waited, and for all tries until one succeeds.
      if (subscription !== mine) return;
      subscription = null;
      if (!failed) troubled(core, "attach", error);
      failed = true;
      cancelRetry();
      cancelRetry = core.clock.timer(REATTACH_AFTER_MS, () => void attach());
    }
  };
  const leave = async (): Promise<void> => {
    const last = subscription;
    subscription = null;
    isUp = false;
    cancelRetry();
    try {
      await (
        await last
      )?.();
    } catch (error) {
      troubled(core, "detach", error);
    }
  };
  return { attach, leave, isUp: () => isUp };
}

function troubled(core: Means, what: string, error: unknown): void {
  count(core.telemetry, "feed_error");
  core.logger.warn(`the feed could not ${what}; watchers go on by reading the store`, {
    code: isWaybillError(error) ? error.code : "feed.unavailable",
  });
}

import type { Effect } from "./errors.js";
import type { Places } from "../names.js";
import { CLAIM_READY } from "../scripts/claims.js";
import type { Script } from "../scripts/script.js";
import type { Answer, Session } from "./session.js";

/** Longer than any script takes, and a small share of a lease. */
const SILENT_AFTER_MS = 2_000;

/** A connection of the store's own. */
export interface Standby {
  readonly session: Session;
  close(): void;
}

/**
 * Runs scripts on the caller's connection, and while that is silent (a network that dropped it without a word) on one of the
 * store's own: a driver may take a quarter of an hour to notice. A script that is sent on both is one that is sent twice,
 * which every script bears.
 */
export class SteadySession implements Session {
  readonly places: Places;
  readonly shards: number;
  readonly #main: Session;
  readonly #open: (over: () => void) => Standby;
  #standby: Standby | null = null;
  /** Shards where a call of the main connection has no answer yet, though its time is over. */
  readonly #silent = new Set<number>();

  /** @param open - opens a connection of the store's own; `over` is told when it is of no more use */
  constructor(main: Session, open: (over: () => void) => Standby) {
    this.#main = main;
    this.#open = open;
    this.places = main.places;
    this.shards = main.shards;
  }

  run(
    script: Script,
    shard: number,
    args: readonly string[],
    effect: Effect,
    again: () => readonly string[] = () => args,
  ): Promise<Answer> {
    if (this.#silent.has(shard)) return this.#aside().run(script, shard, args, effect);
    const running = this.#main.run(script, shard, args, effect);
    // What a claim takes when nobody listens any more, nobody runs: that no answer comes is found out by other calls.
    if (script === CLAIM_READY) return running;
    return this.#orAside(running, shard, () => this.#aside().run(script, shard, again(), effect));
  }

  close(): void {
    this.#standby?.close();
  }

  #aside(): Session {
    if (this.#standby !== null) return this.#standby.session;
    const standby = this.#open(() => {
      // It may say so late, and another stands in by then.
      if (this.#standby === standby) this.#standby = null;
    });
    this.#standby = standby;
    return standby.session;
  }

  #orAside(running: Promise<Answer>, shard: number, again: () => Promise<Answer>): Promise<Answer> {
    return new Promise((resolve, reject) => {
      let isAsked = false;
      const timer = setTimeout(() => {
        isAsked = true;
        this.#silent.add(shard);
        // That it fails too says no more than the silence does.
        again().then(resolve, () => undefined);
      }, SILENT_AFTER_MS);
      timer.unref();
      running.then(resolve, reject).finally(() => {
        clearTimeout(timer);
        if (isAsked) this.#silent.delete(shard);
      });
    });
  }
}

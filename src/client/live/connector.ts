import type { PublicView } from "../../core/view/public-view.js";
import { backoffMs } from "./backoff.js";
import { ClientError } from "../client-error.js";
import type { Environment } from "../environment.js";
import type { Http } from "../http.js";
import type { Link, LinkHost, Loss } from "./link.js";
import type { Connection, Store, TransportName } from "../snapshot.js";
import type { Topics } from "../stores.js";
import { Timers } from "./timers.js";
import { type Listener, tellAll, type Topic } from "../topic.js";

/** The ways that there are here, best first, each with how to begin. */
export type Ladder = readonly { readonly name: TransportName; open(host: LinkHost): Link }[];

/** So many failures within so long, and the next way is tried. */
const MOST_FAILURES = 3;
const FAILURES_WITHIN_MS = 30_000;
/** A link that worked for so long was a good one: failures before it count no more. */
const HEALTHY_MS = 10_000;
/** From below a better way is tried soon once, since it may have been the server that was away, then now and then. */
const FIRST_ASCENT_MS = 10_000;
const ASCENT_MS = 300_000;

type State = Connection["state"];

/**
 * Holds the one connection of a client: opened for the first topic that is listened to, closed a macrotask after the last.
 * When a way fails, the next one down the ladder is taken; meanwhile a better one is tried beside it, and taken once it
 * works, so that climbing interrupts nothing.
 */
export class Connector implements Topics {
  readonly #env: Environment;
  readonly #http: Http;
  readonly #ladder: Ladder;
  readonly #topics = new Map<string, Topic>();
  readonly #listeners = new Set<() => void>();

  /** All that are open: the present one, and a better one on trial. */
  readonly #links = new Set<Link>();
  #link: Link | null = null;
  #level = 0;
  /** When this way failed, lately. */
  #failedAt: number[] = [];
  #failuresInARow = 0;
  #silences = 0;
  #denials = 0;
  /** Since when the present link works; `null`: it does not yet. */
  #upAt: number | null = null;
  #heardAt: Date | null = null;
  #closed: ClientError | null = null;
  #connection: Connection;
  /** "retry": a pause is under way. "ascent": a better way will be tried. */
  readonly #timers: Timers;
  #stopSignals: (() => void) | undefined;

  constructor(env: Environment, http: Http, ladder: Ladder) {
    this.#env = env;
    this.#http = http;
    this.#ladder = ladder;
    this.#timers = new Timers(env.clock);
    this.#connection = this.#shown("idle", null);
  }

  readonly connection: Store<Connection> = {
    subscribe: (listener) => {
      this.#listeners.add(listener);
      return () => void this.#listeners.delete(listener);
    },
    getSnapshot: () => this.#connection,
  };

  // ---- topics ----------------------------------------------------------------------------------------------------------------

  shared(topic: Topic): Topic {
    return this.#topics.get(topic.key) ?? topic;
  }

  listen(topic: Topic, listener: Listener): () => void {
    topic.listeners.add(listener);
    if (!this.#topics.has(topic.key)) this.#open(topic);
    return () => {
      topic.listeners.delete(listener);
      this.#env.clock.defer(() => {
        if (topic.listeners.size === 0 && this.#topics.get(topic.key) === topic) this.#close(topic);
      });
    };
  }

  /** Takes a view that an answer to something else brought along. */
  offer(view: PublicView): void {
    for (const topic of this.#topics.values()) {
      topic.offer(view);
      if (topic.isOver) this.#leave(topic);
    }
  }

  /** Closes every topic, whoever listens, and opens none any more. */
  close(error: ClientError): void {
    this.#closed = error;
    for (const topic of this.#topics.values()) this.#close(topic);
  }

  #open(topic: Topic): void {
    this.#topics.set(topic.key, topic);
    // What was mounted and unmounted at once opens nothing; what was mounted together is asked for together, after what
    // it takes the place of is left.
    this.#env.clock.defer(() => {
      if (this.#closed !== null) this.#close(topic);
      else if (this.#wanted().includes(topic)) {
        if (this.#link === null) this.#connect();
        for (const link of this.#links) link.follow(topic);
      }
    });
  }

  #close(topic: Topic): void {
    // Where the client is closed it is still there, and says so to every store of the same aim.
    if (this.#closed === null) this.#topics.delete(topic.key);
    this.#leave(topic);
    topic.stale(this.#closed);
  }

  #leave(topic: Topic): void {
    for (const link of this.#links) link.leave(topic);
    if (this.#wanted().length > 0) return;
    this.#letGo();
    this.#stopSignals?.();
    this.#stopSignals = undefined;
    this.#say("idle");
  }

  #wanted(): Topic[] {
    return [...this.#topics.values()].filter(
      (topic) => this.#closed === null && topic.listeners.size > 0 && !topic.isOver,
    );
  }

  // ---- the link --------------------------------------------------------------------------------------------------------------

  #connect(): void {
    this.#stopSignals ??= this.#env.onSignal(() => {
      this.#check();
    });
    // A pause that is under way is for whoever comes later too.
    if (this.#timers.has("retry")) return;
    const { state } = this.#connection;
    this.#say(state === "idle" || state === "connecting" ? "connecting" : "reconnecting");
    if (!this.#mustYield()) this.#link = this.#start(this.#level);
  }

  /** Event streams and polls take of the few connections that an origin has: a page that nobody looks at leaves them. */
  #mustYield(): boolean {
    return this.#env.hidden() && this.#connection.transport !== "websocket";
  }

  /** What is used, or tried. */
  get #transport(): TransportName {
    return (this.#ladder[this.#level] as Ladder[number]).name;
  }

  #start(level: number): Link {
    const host: LinkHost = {
      env: this.#env,
      http: this.#http,
      up: () => {
        this.#up(link, level);
      },
      down: (loss) => {
        this.#down(link, level, loss);
      },
      apply: (topic, changes, asked, freshness) => {
        topic.apply(changes, asked, freshness);
        if (topic.isOver) this.#leave(topic);
      },
      pausing: (ms) => {
        if (this.#connection.state === "polling") this.#say("polling", ms);
      },
    };
    const link = (this.#ladder[level] as Ladder[number]).open(host);
    this.#links.add(link);
    for (const topic of this.#wanted()) link.follow(topic);
    return link;
  }

  #up(link: Link, level: number): void {
    if (!this.#links.has(link)) return;
    const now = this.#env.clock.now();
    this.#heardAt = new Date(now);
    if (link !== this.#link) {
      // The better way works. What else there was, a pause before the next try of the old one too, is past.
      for (const other of this.#links) if (other !== link) this.#drop(other);
      this.#timers.cancelAll();
      this.#link = link;
      this.#level = level;
      this.#upAt = null;
    }
    if (this.#upAt !== null) return;
    this.#upAt = now;
    this.#denials = 0;
    this.#ascend(FIRST_ASCENT_MS);
    this.#say(this.#transport.endsWith("poll") ? "polling" : "live");
  }

  #down(link: Link, level: number, loss: Loss): void {
    if (!this.#drop(link)) return;
    if (link !== this.#link) {
      if (level + 1 < this.#level) this.#start(level + 1);
      else this.#ascend(ASCENT_MS);
      return;
    }
    const ended = loss.reason === "denied" ? (this.#denials += 1) > 1 : this.#isTheLast(loss);
    this.#letGo();
    if (ended) this.#refuse(loss.error);
    else this.#retry(loss.afterMs);
  }

  #drop(link: Link): boolean {
    link.stop();
    return this.#links.delete(link);
  }

  /** Steps down where this way has failed enough; whether it failed for good, and there is no other. */
  #isTheLast({ reason }: Loss): boolean {
    const now = this.#env.clock.now();
    if (this.#upAt !== null && now - this.#upAt >= HEALTHY_MS) this.#failuresInARow = 0;
    this.#failedAt = [...this.#failedAt.filter((at) => now - at < FAILURES_WITHIN_MS), now];
    this.#silences = reason === "silent" ? this.#silences + 1 : 0;
    // Silent: it was made, and not a word came; or it is the second in a row that fell silent.
    const isSilent = this.#silences > (this.#upAt === null ? 0 : 1);
    if (reason !== "unfit" && !isSilent && this.#failedAt.length < MOST_FAILURES) return false;
    if (this.#level + 1 === this.#ladder.length) return reason === "unfit";
    this.#level += 1;
    this.#failedAt = [];
    this.#silences = 0;
    return false;
  }

  #retry(afterMs = 0): void {
    this.#failuresInARow += 1;
    const pause = Math.max(afterMs, backoffMs(this.#failuresInARow, this.#env.random()));
    this.#timers.start("retry", pause, () => {
      this.#connect();
    });
    this.#say(this.#heardAt === null ? "connecting" : "reconnecting");
  }

  #refuse(error: ClientError = new ClientError("access.denied", "The server refused.")): void {
    this.#denials = 0;
    this.#say("refused");
    for (const topic of this.#wanted()) topic.stale(error);
  }

  /** Tries the best way beside the present one, after a while. */
  #ascend(ms: number): void {
    if (this.#level === 0) return;
    this.#timers.start("ascent", ms, () => {
      this.#start(0);
    });
  }

  /** Something happened outside: makes sure that the connection is what it seems. */
  #check(): void {
    if (this.#link === null) {
      this.#timers.cancel("retry");
      this.#connect();
    } else if (this.#mustYield()) {
      this.#letGo();
      this.#say("reconnecting");
    } else this.#link.check();
  }

  /** Drops the link; what is shown is as last seen. */
  #letGo(): void {
    for (const link of this.#links) this.#drop(link);
    this.#link = this.#upAt = null;
    this.#timers.cancelAll();
    for (const topic of this.#wanted()) topic.stale();
  }

  #say(state: State, pollMs: number | null = null): void {
    const before = this.#connection;
    const next = this.#shown(state.endsWith("connecting") && this.#env.offline() ? "offline" : state, pollMs);
    if (next.state === before.state && next.transport === before.transport && before.pollMs === pollMs)
      return;
    this.#connection = next;
    tellAll(this.#listeners, undefined);
  }

  #shown(state: State, pollMs: number | null): Connection {
    return Object.freeze({ state, transport: this.#transport, pollMs, heardAt: this.#heardAt });
  }
}

import { type Clock, inTime, sleep, systemClock, monotonicNow } from "../../core/environment/clock.js";
import { WaybillError } from "../../core/errors/errors.js";
import { isError } from "../../core/errors/foreign.js";
import type { RabbitmqChannelModel } from "./client.js";
import { BrokerSilent } from "./errors.js";

/** How the application connects: `() => connect(url, { noDelay: true })` of amqplib, without its own recovery. */
export type RabbitmqConnect = () => Promise<RabbitmqChannelModel>;

/** A connection that is made when it is first needed, and again when it was lost. */
export interface RabbitmqConnection {
  /** What it is: a driver's own connection does not pass for it. */
  readonly type: "rabbitmqConnection";
  /** Closes it. Parts that use it refuse from then on. Safe to call twice. */
  close(): Promise<void>;
}

/**
 * One connection for queue, notifier and feed. `connect` is called when a part first needs the broker, and again, after a
 * wait that grows from 0.1 to 5 s, when the connection was lost.
 *
 * @example
 * const connection = rabbitmqConnection(() => connect(process.env.RABBITMQ_URL, { noDelay: true }));
 */
export function rabbitmqConnection(connect: RabbitmqConnect): RabbitmqConnection {
  if (typeof connect !== "function")
    throw new WaybillError(
      "config.invalid",
      "rabbitmqConnection takes a function that connects: rabbitmqConnection(() => connect(url)).",
    );
  return new Link(connect);
}

/** What is behind a connection that an application passes. */
export function linkOf(what: string, connection: unknown): Link {
  if (connection instanceof Link) return connection;
  throw new WaybillError("config.invalid", `${what}: connection must be what rabbitmqConnection returns.`);
}

/** One connection to the broker, for as long as it lives. */
export interface Session {
  readonly model: RabbitmqChannelModel;
  /** The broker has run short of memory or disk and takes nothing from publishers. */
  readonly isBlocked: boolean;
  readonly isLost: boolean;
  /** It left a message unconfirmed, and has not answered what it was asked since. */
  isSilent: boolean;
  /**
   * Waits for an answer of the broker. Where none comes in time the session is given up: what is unsettled comes again, and
   * a connection that is half open is found out long before its heartbeat.
   */
  answer<T>(asked: Promise<T>): Promise<T>;
}

export interface LinkTimes {
  /** How long the broker has for an answer. */
  readonly answerMs: number;
  /** How long a caller waits for a connection. */
  readonly patienceMs: number;
  /** How long a broker is away until it counts as down. */
  readonly downAfterMs: number;
  /** The wait before a second attempt, doubled for each further one up to `longestWaitMs`. */
  readonly firstWaitMs: number;
  readonly longestWaitMs: number;
}

const TIMES: LinkTimes = {
  answerMs: 8_000,
  patienceMs: 5_000,
  downAfterMs: 1_000,
  firstWaitMs: 100,
  longestWaitMs: 5_000,
};
/** A session that ends sooner counts as a failed attempt: a broker that throws everybody out is not knocked at all the time. */
const STEADY_MS = 5_000;
/** How long a failed attempt tells of the broker: attempts follow one another sooner. */
const FRESH_MS = 15_000;

const LATE = Symbol("late");

export class Link implements RabbitmqConnection {
  readonly type = "rabbitmqConnection";
  readonly clock: Clock;
  readonly #connect: RabbitmqConnect;
  readonly #times: LinkTimes;
  readonly #random: () => number;
  readonly #ended = new AbortController();
  #session: OpenSession | null = null;
  #attempt: Promise<OpenSession> | null = null;
  #failures = 0;
  /** Since when no connection could be had; `null`: there is one, or none was tried. */
  #awaySince: number | null = null;
  /** Why the last attempt failed. */
  #failure: Error | null = null;
  #failedAt = Number.NEGATIVE_INFINITY;
  #triedAt = Number.NEGATIVE_INFINITY;

  constructor(
    connect: RabbitmqConnect,
    parts: {
      readonly clock?: Clock;
      readonly random?: () => number;
      readonly times?: Partial<LinkTimes>;
    } = {},
  ) {
    this.#connect = connect;
    this.clock = parts.clock ?? systemClock;
    this.#random = parts.random ?? Math.random;
    this.#times = { ...TIMES, ...parts.times };
  }

  get isClosed(): boolean {
    return this.#ended.signal.aborted;
  }

  get answerMs(): number {
    return this.#times.answerMs;
  }

  /** The session there is, or a new one. Rejects when none can be had in time. */
  session(patienceMs = this.#times.patienceMs): Promise<Session> {
    const giveUpAt = monotonicNow(this.clock) + patienceMs;
    return this.#sessionBy(() => giveUpAt);
  }

  /** For what may be done later as well: rejects at once while the broker is down, and has it connected to beside. */
  sessionUnlessDown(): Promise<Session> {
    const { patienceMs, downAfterMs } = this.#times;
    const askedAt = monotonicNow(this.clock);
    return this.#sessionBy(() => {
      if (this.#awaySince === null) return askedAt + patienceMs;
      // What was tried long ago says nothing of now: the broker has a moment to be connected to.
      const isFresh = monotonicNow(this.clock) - this.#failedAt < FRESH_MS;
      return Math.min(askedAt + patienceMs, (isFresh ? this.#awaySince : askedAt) + downAfterMs);
    });
  }

  async #sessionBy(giveUpAt: () => number): Promise<Session> {
    const askedAt = monotonicNow(this.clock);
    for (;;) {
      this.#checkOpen();
      if (this.#session !== null) return this.#session;
      // Shared by everybody who waits, and not ended with one of them.
      const attempt = this.#attemptUnderWay();
      const leftMs = giveUpAt() - monotonicNow(this.clock);
      if (leftMs <= 0) {
        // One that hangs has not failed yet.
        const silent = new BrokerSilent("no connection in time");
        if (this.#failure === null) this.#isAway(askedAt, silent);
        throw this.#failure ?? silent;
      }
      try {
        await inTime<unknown>(this.clock, leftMs, attempt, null);
      } catch (error) {
        if (giveUpAt() - monotonicNow(this.clock) <= this.#waitMs()) throw error;
      }
    }
  }

  async close(): Promise<void> {
    if (this.isClosed) return;
    this.#ended.abort();
    const session = this.#session;
    this.#session = null;
    if (session !== null) await inTime(this.clock, this.#times.answerMs, session.end(), undefined);
  }

  #isAway(since: number, failure: Error): void {
    this.#awaySince ??= since;
    this.#failure = failure;
    this.#failedAt = monotonicNow(this.clock);
  }

  #attemptUnderWay(): Promise<OpenSession> {
    if (this.#attempt !== null) return this.#attempt;
    const attempt = (this.#attempt = this.#tryOnce());
    // Those who do not wait for it leave its failure to those who do.
    attempt.catch(() => undefined);
    return attempt;
  }

  async #tryOnce(): Promise<OpenSession> {
    try {
      const waitMs = this.#triedAt + this.#waitMs() - monotonicNow(this.clock);
      if (waitMs > 0) await sleep(this.clock, waitMs, this.#ended.signal);
      this.#checkOpen();
      this.#triedAt = monotonicNow(this.clock);
      const model = await this.#open();
      this.#session = new OpenSession(model, this.clock, this.#times.answerMs, (session) => {
        this.#lost(session);
      });
      this.#awaySince = null;
      this.#failure = null;
      return this.#session;
    } catch (error) {
      this.#failures += 1;
      this.#isAway(this.#triedAt, isError(error) ? error : new BrokerSilent("connecting failed"));
      throw error;
    } finally {
      this.#attempt = null;
    }
  }

  /** Connects, in time; one that comes late is closed. */
  async #open(): Promise<RabbitmqChannelModel> {
    const connecting = Promise.resolve().then(() => this.#connect());
    const model = await inTime<RabbitmqChannelModel | typeof LATE>(
      this.clock,
      this.#times.answerMs,
      connecting,
      LATE,
    );
    if (model === LATE) {
      connecting.then(discard, () => undefined);
      throw new BrokerSilent("connecting took too long");
    }
    if (this.isClosed) {
      discard(model);
      this.#checkOpen();
    }
    return model;
  }

  #lost(session: OpenSession): void {
    if (this.#session === session) this.#session = null;
    this.#awaySince ??= monotonicNow(this.clock);
    const isSteady = monotonicNow(this.clock) - this.#triedAt >= STEADY_MS;
    this.#failures = isSteady ? 0 : this.#failures + 1;
  }

  /** Half of it fixed, half by chance: processes that lost the same broker do not come back all at once. */
  #waitMs(): number {
    if (this.#failures === 0) return 0;
    const { firstWaitMs, longestWaitMs } = this.#times;
    const most = Math.min(longestWaitMs, firstWaitMs * 2 ** Math.min(this.#failures - 1, 16));
    return most * (0.5 + 0.5 * this.#random());
  }

  #checkOpen(): void {
    if (this.isClosed) throw new WaybillError("waybill.closed", "The RabbitMQ connection was closed.");
  }
}

class OpenSession implements Session {
  readonly model: RabbitmqChannelModel;
  isBlocked = false;
  isLost = false;
  isSilent = false;
  readonly #clock: Clock;
  readonly #answerMs: number;
  readonly #lost: (session: OpenSession) => void;

  constructor(
    model: RabbitmqChannelModel,
    clock: Clock,
    answerMs: number,
    lost: (session: OpenSession) => void,
  ) {
    this.model = model;
    this.#clock = clock;
    this.#answerMs = answerMs;
    this.#lost = lost;
    socketOf(model)?.setNoDelay?.(true);
    // An `error` that nobody hears would end the process; the `close` behind it says all that matters.
    model.on("error", () => undefined);
    model.on("blocked", () => (this.isBlocked = true));
    model.on("unblocked", () => (this.isBlocked = false));
    model.on("close", () => {
      this.#isOver();
    });
  }

  #isOver(): void {
    if (this.isLost) return;
    this.isLost = true;
    this.#lost(this);
  }

  async answer<T>(asked: Promise<T>): Promise<T> {
    const answer = await inTime<T | typeof LATE>(this.#clock, this.#answerMs, asked, LATE);
    if (answer !== LATE) return answer;
    // A broker that blocks publishers reads nothing from them: it is alive, and will answer.
    if (!this.isBlocked) {
      // Not left to the driver to say: of a socket that was destroyed before it says nothing.
      this.#isOver();
      discard(this.model);
    }
    throw new BrokerSilent("the broker did not answer in time");
  }

  async end(): Promise<void> {
    await this.model.close().catch(() => undefined);
  }
}

/** Ends a connection that may not answer any more: an orderly close would wait for it. */
function discard(model: RabbitmqChannelModel): void {
  const socket = socketOf(model);
  // One that came too late has no listener yet, and its error would end the process.
  model.on("error", () => undefined);
  // With an error: the driver hears that, and lets go of its channels and timers.
  if (socket?.destroy !== undefined) socket.destroy(new Error("given up"));
  else model.close().catch(() => undefined);
}

interface DriversSocket {
  setNoDelay?(on: boolean): unknown;
  destroy?(error: Error): unknown;
}

function socketOf(model: RabbitmqChannelModel): DriversSocket | undefined {
  return (model.connection as { readonly stream?: DriversSocket }).stream;
}

/** What `work` comes to, or `null` as soon as the signal aborts: work that goes on is left to itself, its error with it. */
export function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T | null> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      resolve(null);
    };
    if (signal.aborted) stop();
    signal.addEventListener("abort", stop, { once: true });
    work
      .finally(() => {
        signal.removeEventListener("abort", stop);
      })
      .then(resolve, reject);
  });
}

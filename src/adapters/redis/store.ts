import { randomUUID } from "node:crypto";
import { StoreNotMigratedError, WaybillError } from "../../core/errors/errors.js";
import { checkOneOf, requireOptions } from "../../core/options/options.js";
import { ID_PATTERN } from "../../core/environment/ids.js";
import type { Feed } from "../../core/ports/feed.js";
import {
  type AdvanceReply,
  type AdvanceRequest,
  type BeatReply,
  type BeatRequest,
  type ByRefReply,
  type ByRefRequest,
  type ClaimReply,
  type ClaimRequest,
  type CreateReply,
  type CreateRequest,
  defineStore,
  type ListReply,
  type ListRequest,
  type ParkedReply,
  type ParkedRequest,
  type ParkRequest,
  type PulseRequest,
  type PurgeReply,
  type PurgeRequest,
  type ReadReply,
  type ReadRequest,
  type Store,
  type StoreCapabilities,
  type StoreHealth,
  type StoreReply,
  type StoreRequest,
  type TakeDueReply,
  type TakeDueRequest,
  type WriteReply,
  type WriteRequest,
} from "../../core/ports/store.js";
import { beatJobs } from "./calls/beat.js";
import { claimByMessage } from "./calls/claim-by-message.js";
import { claimNext } from "./calls/claim-next.js";
import type { RedisClient } from "./client/client.js";
import { checkClient } from "./client/client-check.js";
import { watchClient } from "./client/client-end.js";
import { createJobs } from "./calls/create.js";
import { redisFeed } from "./feed.js";
import { jobsByRef, listJobs } from "./calls/list.js";
import { placesOf } from "./names.js";
import { health, pulse, purge } from "./calls/operations.js";
import { park, parkedMessages, unpark } from "./calls/parked.js";
import { readJobs } from "./calls/read.js";
import { OPEN } from "./scripts/operations.js";
import { checkServers, type RedisDurability, type RedisWarning } from "./client/server-check.js";
import {
  ConnectionSession,
  type RedisLostWrites,
  type RedisWait,
  type SessionOptions,
} from "./client/session.js";
import { type Standby, SteadySession } from "./client/standby.js";
import { advanceJobs, takeDue } from "./calls/wake.js";
import { writeJobs } from "./calls/write.js";

/** What `redisStore` is made of, and how its servers are configured. Every process of a prefix gives the same `shards`. */
export interface RedisStoreOptions {
  /** `Redis` of ioredis (also through Sentinel) or its `Cluster`. It is never closed by the store. */
  readonly client: RedisClient;
  /**
   * Every key begins with it: letters, digits and `_.:-`, at most 64. One prefix is one store.
   *
   * @default "waybill"
   */
  readonly prefix?: string | undefined;
  /**
   * Hash slots that jobs are spread over, for a cluster. Fixed when a prefix is first used: `ready()` refuses another
   * number. One shard is one server's work, and the only way to claim along with a write.
   *
   * @default 1
   */
  readonly shards?: number | undefined;
  /**
   * What the servers are configured for; `ready()` checks it. "local" needs `appendonly yes` and `appendfsync always`.
   *
   * @default "weak"
   */
  readonly durability?: RedisDurability | undefined;
  /**
   * Every write waits until this many replicas have it. Fewer in time: `store.unavailable` with the outcome unknown. It
   * narrows what a failover loses and does not close it. Not for a `Cluster`.
   */
  readonly wait?: RedisWait | undefined;
  /**
   * `false`: changes are not told to other processes, and those of others are not heard. Else each change is published by its
   * own script, and a connection (`duplicate()`) listens while a worker or a watcher of this process runs.
   */
  readonly listen?: false | undefined;
  /** Told by `ready()` of a configuration that will hurt one day. @default process.emitWarning */
  readonly onWarning?: ((warning: RedisWarning) => void) | undefined;
}

/** A store on Redis, which finds out when the server has lost writes. */
export interface RedisStore extends Store {
  /** Tells of each loss that this store object finds out. A Waybill listens, logs and counts; others may too. */
  onLostWrites(listener: (lost: RedisLostWrites) => void): () => void;
}

const REDIS_OPTIONS = ["client", "prefix", "shards", "durability", "wait", "listen", "onWarning"];
/** A script stops the server while it runs: this many jobs take some milliseconds. */
const MAX_BATCH = 250;
const MAX_PAYLOAD_BYTES = 16 * 1024 * 1024;
/** Of the keys and documents. */
const LAYOUT = 3;

/**
 * Keeps jobs in Redis (6.2 or later; tested on 7.0), which any number of processes may share. The store is the queue too.
 *
 * Every change is one script on one shard. How much of what was acknowledged survives a crash or a failover is a matter of
 * the servers' configuration (`durability`); that something was lost is found out and said.
 *
 * @throws WaybillError `config.invalid` when an option is not usable
 */
export function redisStore(options: RedisStoreOptions): RedisStore {
  return defineStore(new StoreOnRedis(options));
}

class StoreOnRedis implements RedisStore {
  readonly capabilities: StoreCapabilities;
  readonly feed?: Feed;
  readonly tellsChanges: boolean;
  readonly #session: SteadySession;
  readonly #checkServers: () => Promise<void>;
  readonly #lossListeners = new Set<(lost: RedisLostWrites) => void>();
  #opening: Promise<void> | null = null;
  #closed = false;

  constructor(options: RedisStoreOptions) {
    requireOptions("redisStore", options, REDIS_OPTIONS);
    const { client, prefix = "waybill", shards = 1, durability = "weak", wait, listen } = options;
    checkClient("the Redis store", client);
    checkOneOf("durability", durability, ["weak", "local"]);
    if (listen !== undefined) checkNotListening(listen);
    const places = placesOf(prefix, shards);
    const { onWarning = warn } = options;
    checkWait(client, wait);
    this.capabilities = capabilitiesOf(shards, durability);
    const about: SessionOptions = {
      client,
      places,
      clientId: randomUUID(),
      tells: listen !== false,
      wait: wait ?? null,
      onLostWrites: (lost) => {
        for (const listener of this.#lossListeners) unlessItThrows(listener, lost);
      },
    };
    const main = new ConnectionSession(about);
    this.#session = new SteadySession(main, (over) => standbyOf(client, main, over));
    this.tellsChanges = listen !== false;
    if (this.tellsChanges) this.feed = redisFeed({ client, channel: places.channel });
    const tell = (warning: RedisWarning): void => {
      unlessItThrows(onWarning, warning);
    };
    this.#checkServers = () => checkServers(client, { durability, onWarning: tell });
  }

  async create(request: CreateRequest<never>): Promise<CreateReply> {
    const { tx }: { readonly tx?: unknown } = request;
    // The type refuses it already; a write outside of the transaction that somebody counts on must not happen.
    if (tx !== undefined) {
      throw new WaybillError("config.capability_missing", "The Redis store takes no caller's transaction.");
    }
    await this.#admit(request.items.map((item) => item.record.id));
    return createJobs(this.#session, request.items);
  }

  async read(request: ReadRequest): Promise<ReadReply> {
    await this.#admit(request.ids);
    return readJobs(this.#session, request);
  }

  async write({ nowMs, items, thenClaim }: WriteRequest): Promise<WriteReply> {
    await this.#admit(items.map((item) => item.id));
    if (thenClaim === undefined || this.#session.shards === 1) {
      return writeJobs(this.#session, items, thenClaim);
    }
    // Declared as two trips; whoever asks all the same is answered.
    const { results } = await writeJobs(this.#session, items);
    const claimed = await this.claim({ nowMs, next: thenClaim });
    return { nowMs: claimed.nowMs, results, claimed: claimed.jobs };
  }

  async beat({ items }: BeatRequest): Promise<BeatReply> {
    await this.#admit(items.map((item) => item.id));
    return beatJobs(this.#session, items);
  }

  async claim({ next, byMessage }: ClaimRequest): Promise<ClaimReply> {
    await this.#admit(byMessage?.items.map((item) => item.id));
    if (next !== undefined) return claimNext(this.#session, next);
    return claimByMessage(this.#session, byMessage.terms, byMessage.items);
  }

  async takeDue(request: TakeDueRequest): Promise<TakeDueReply> {
    await this.#admit();
    return takeDue(this.#session, request);
  }

  async advance({ items }: AdvanceRequest): Promise<AdvanceReply> {
    await this.#admit(items.map((item) => item.id));
    return advanceJobs(this.#session, items);
  }

  async list(request: ListRequest): Promise<ListReply> {
    await this.#admit();
    return listJobs(this.#session, request);
  }

  async byRef(request: ByRefRequest): Promise<ByRefReply> {
    await this.#admit();
    return jobsByRef(this.#session, request);
  }

  async park(request: ParkRequest): Promise<StoreReply> {
    await this.#admit();
    return park(this.#session, request);
  }

  async parked(request: ParkedRequest): Promise<ParkedReply> {
    await this.#admit();
    return parkedMessages(this.#session, request);
  }

  async unpark(request: StoreRequest & { readonly ids: readonly string[] }): Promise<StoreReply> {
    await this.#admit();
    return unpark(this.#session, request);
  }

  async pulse(request: PulseRequest): Promise<StoreReply> {
    await this.#admit();
    return pulse(this.#session, request);
  }

  async health(_request: StoreRequest): Promise<StoreHealth> {
    await this.#admit();
    return health(this.#session);
  }

  async purge(request: PurgeRequest): Promise<PurgeReply> {
    await this.#admit();
    return purge(this.#session, request);
  }

  onLostWrites(listener: (lost: RedisLostWrites) => void): () => void {
    this.#lossListeners.add(listener);
    return () => {
      this.#lossListeners.delete(listener);
    };
  }

  async ready(): Promise<void> {
    // Anew, whatever was found before: that is what it is called for.
    this.#opening = null;
    await this.#admit();
    await this.#checkServers();
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#session.close();
    await this.feed?.close();
  }

  /** Every call comes through here, before any effect. The first one makes sure that the prefix is laid out as expected. */
  async #admit(ids: readonly string[] = []): Promise<void> {
    if (this.#closed) throw new WaybillError("waybill.closed", "The Redis store was closed.");
    if (!ids.every((id) => ID_PATTERN.test(id))) {
      throw new WaybillError("id.invalid", "An id given to the store is not of the form of an id.");
    }
    this.#opening ??= this.#open();
    const opening = this.#opening;
    try {
      await opening;
    } catch (error) {
      if (this.#opening === opening) this.#opening = null;
      throw error;
    }
  }

  /** Under another number of shards jobs would be looked for where they are not. Nothing of a call has happened yet. */
  async #open(): Promise<void> {
    const { reply } = await this.#session.run(
      OPEN,
      0,
      [String(LAYOUT), String(this.#session.shards)],
      "reads",
    );
    const layout = reply.numberOrNull();
    const shards = reply.numberOrNull();
    if (layout !== LAYOUT) {
      throw new StoreNotMigratedError(
        `The keys under the prefix are of layout ${layout ?? "none"}, not ${LAYOUT}.`,
      );
    }
    if (shards !== this.#session.shards) {
      throw new StoreNotMigratedError(
        `The prefix is laid out for ${shards ?? "no"} shards, and the store was opened with ${this.#session.shards}.`,
      );
    }
  }
}

function capabilitiesOf(shards: number, durability: RedisDurability): StoreCapabilities {
  return {
    clock: "server",
    durability,
    queue: true,
    writeThenClaim: shards === 1,
    transactions: false,
    refusalReturnsRecord: true,
    listIsConsistent: true,
    shared: true,
    maxBatch: MAX_BATCH,
    maxPayloadBytes: MAX_PAYLOAD_BYTES,
  };
}

function standbyOf(client: RedisClient, main: ConnectionSession, over: () => void): Standby {
  const own = client.duplicate();
  const ended = (): void => {
    stopWatching();
    own.disconnect();
    over();
  };
  const stopWatching = watchClient(client, { ended, back: () => undefined });
  // Each call says for itself what became of it.
  own.on("error", () => undefined);
  // By the client's options it may try no more, where another connection would be made.
  own.on("end", ended);
  return {
    session: main.over(own),
    close: () => {
      stopWatching();
      own.disconnect();
    },
  };
}

function checkWait(client: RedisClient, wait: RedisWait | undefined): void {
  if (wait === undefined) return;
  if (client.nodes !== undefined) {
    throw new WaybillError(
      "config.invalid",
      "The option wait of the Redis store is not for a cluster client.",
    );
  }
  const given: Partial<RedisWait> = { ...wait };
  const { replicas = 0, timeoutMs = 0 } = given;
  // Redis takes 0 for "without an end", which would hold up everything behind it.
  const isUsable = [replicas, timeoutMs].every((value) => Number.isSafeInteger(value) && value > 0);
  if (!isUsable) {
    throw new WaybillError(
      "config.invalid",
      "The option wait of the Redis store needs replicas and timeoutMs from 1.",
    );
  }
}

function checkNotListening(listen: unknown): void {
  if (listen === false) return;
  throw new WaybillError("config.invalid", "listen of the Redis store can only be false.");
}

function warn({ code, message }: RedisWarning): void {
  process.emitWarning(message, { type: "WaybillWarning", code });
}

/** Watching must not break what is watched, also where the hook is async and rejects. */
function unlessItThrows<T>(hook: (told: T) => unknown, told: T): void {
  // What the application's hook throws is its own affair.
  void (async () => hook(told))().catch(() => undefined);
}

import { WaybillError } from "../../core/errors/errors.js";
import { requireOptions } from "../../core/options/options.js";
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
import { checkClient, checkListener, checkTransaction } from "./client/client-check.js";
import type { PostgresClient, PostgresListener, PostgresTransaction } from "./client/client.js";
import { createJobs } from "./calls/create.js";
import { postgresFeed, sourceOf } from "./listen/feed.js";
import { jobsByRef, listJobs } from "./calls/list.js";
import { checkSchema, migrate } from "./migrate.js";
import { type Names, namesOf } from "./names.js";
import { health, pulse, purge } from "./calls/operations.js";
import { park, parkedMessages, unpark } from "./calls/parked.js";
import { readJobs } from "./calls/read.js";
import { type Session, sessionInTransaction, sessionOf } from "./client/session.js";
import { advanceJobs, takeDue } from "./calls/wake.js";
import { writeJobs } from "./calls/write.js";

/** What `postgresStore` is made of: a client, a schema, and what hears of other processes. One schema is one store. */
export interface PostgresStoreOptions {
  /** `Pool` or `Client` of `pg`, `fromPostgresJs(sql)`, or a `PGlite`. It is never closed by the store. */
  readonly client: PostgresClient;
  /**
   * The schema that holds the tables: lower-case letters, digits and `_`, at most 50.
   *
   * @default "waybill"
   */
  readonly schema?: string | undefined;
  /**
   * What hears notifications of other processes, not through a pooler in transaction mode. Where it is lost, hints are lost
   * with it, never jobs. `false`: nothing hears them, and changes made here are not notified either.
   *
   * @default a connection borrowed from `client`, while a worker or a watcher of this process runs, where that is a pool of
   * two or more; `client` where it can listen
   */
  readonly listen?: PostgresListener | false | undefined;
}

const CAPABILITIES: StoreCapabilities = {
  clock: "server",
  durability: "local",
  queue: true,
  writeThenClaim: true,
  transactions: true,
  refusalReturnsRecord: true,
  listIsConsistent: true,
  shared: true,
  maxBatch: 500,
  maxPayloadBytes: 16 * 1024 * 1024,
};

/**
 * Keeps jobs in a schema of a Postgres database (13 or later), which any number of processes may share. The store is the
 * queue too, and `create` takes the caller's transaction.
 *
 * It never makes tables by itself: run `migrate()`, or what `postgresMigrationSql()` prints. Each call is one statement that
 * commits by itself and leaves nothing in the session, so a pooler in transaction mode may stand in between.
 *
 * @throws WaybillError `config.invalid` when the client is none, or the schema's name is not usable; from the first call
 *   that writes also when the client's answers cannot be read, before anything is written
 */
export function postgresStore(options: PostgresStoreOptions): PostgresStore {
  return defineStore(new StoreOnPostgres(options));
}

/** A store on Postgres: `create` takes a transaction of the caller's, and `migrate` is always there. */
export interface PostgresStore extends Store<PostgresTransaction> {
  /**
   * Makes the schema, or brings it up to this version. Safe at any time, from several processes at once.
   *
   * @throws StoreNotMigratedError when the schema is of a newer version
   * @throws WaybillError `config.invalid` when the database is not encoded as UTF8
   */
  migrate(): Promise<void>;
}

class StoreOnPostgres implements PostgresStore {
  readonly capabilities = CAPABILITIES;
  readonly feed?: Feed;
  readonly tellsChanges: boolean;
  readonly #names: Names;
  readonly #session: Session;
  #closed = false;

  constructor(options: PostgresStoreOptions) {
    requireOptions("postgresStore", options, ["client", "schema", "listen"]);
    const { client, schema = "waybill", listen } = options;
    checkClient("The client of the Postgres store", client);
    this.#names = namesOf(schema);
    this.tellsChanges = listen !== false;
    this.#session = sessionOf(client, this.#names, this.tellsChanges);
    if (listen !== undefined && listen !== false) checkListener(listen);
    const source = listen ?? sourceOf(client);
    if (source !== false && source !== null)
      this.feed = postgresFeed({ client, listen: source, channel: this.#names.channel });
  }

  async create({ nowMs, items, tx }: CreateRequest<PostgresTransaction>): Promise<CreateReply> {
    this.#admit(items.map((item) => item.record.id));
    if (tx !== undefined) checkTransaction(tx);
    const session = tx === undefined ? this.#session : sessionInTransaction(tx, this.#names);
    return createJobs(session, items, nowMs);
  }

  async read(request: ReadRequest): Promise<ReadReply> {
    this.#admit(request.ids);
    return readJobs(this.#session, request);
  }

  async write({ nowMs, items, thenClaim }: WriteRequest): Promise<WriteReply> {
    this.#admit(items.map((item) => item.id));
    return writeJobs(this.#session, items, nowMs, thenClaim);
  }

  async beat({ nowMs, items }: BeatRequest): Promise<BeatReply> {
    this.#admit(items.map((item) => item.id));
    return beatJobs(this.#session, items, nowMs);
  }

  async claim({ nowMs, next, byMessage }: ClaimRequest): Promise<ClaimReply> {
    this.#admit(byMessage?.items.map((item) => item.id));
    if (next !== undefined) return claimNext(this.#session, next, nowMs);
    return claimByMessage(this.#session, byMessage.terms, byMessage.items, nowMs);
  }

  async takeDue(request: TakeDueRequest): Promise<TakeDueReply> {
    this.#admit();
    return takeDue(this.#session, request);
  }

  async advance({ nowMs, items }: AdvanceRequest): Promise<AdvanceReply> {
    this.#admit(items.map((item) => item.id));
    return advanceJobs(this.#session, items, nowMs);
  }

  async list(request: ListRequest): Promise<ListReply> {
    this.#admit();
    return listJobs(this.#session, request);
  }

  async byRef(request: ByRefRequest): Promise<ByRefReply> {
    this.#admit();
    return jobsByRef(this.#session, request);
  }

  async park(request: ParkRequest): Promise<StoreReply> {
    this.#admit();
    return park(this.#session, request);
  }

  async parked(request: ParkedRequest): Promise<ParkedReply> {
    this.#admit();
    return parkedMessages(this.#session, request);
  }

  async unpark(request: StoreRequest & { readonly ids: readonly string[] }): Promise<StoreReply> {
    this.#admit();
    return unpark(this.#session, request);
  }

  async pulse(request: PulseRequest): Promise<StoreReply> {
    this.#admit();
    return pulse(this.#session, request);
  }

  async health(request: StoreRequest): Promise<StoreHealth> {
    this.#admit();
    return health(this.#session, request);
  }

  async purge(request: PurgeRequest): Promise<PurgeReply> {
    this.#admit();
    return purge(this.#session, request);
  }

  async ready(): Promise<void> {
    this.#admit();
    await checkSchema(this.#session);
  }

  async migrate(): Promise<void> {
    this.#admit();
    await migrate(this.#session);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.feed?.close();
  }

  /** Every call comes through here, before any effect. */
  #admit(ids: readonly string[] = []): void {
    if (this.#closed) throw new WaybillError("waybill.closed", "The Postgres store was closed.");
    if (!ids.every((id) => ID_PATTERN.test(id))) {
      throw new WaybillError("id.invalid", "An id given to the store is not of the form of an id.");
    }
  }
}

import { WaybillError } from "../../core/errors/errors.js";
import { checkOneOf, checkWhole, requireOptions } from "../../core/options/options.js";
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
  type StoredJob,
  type StoreHealth,
  type StoreReply,
  type StoreRequest,
  type TakeDueReply,
  type TakeDueRequest,
  type WriteReply,
  type WriteRequest,
} from "../../core/ports/store.js";
import { beatJob } from "./calls/beat.js";
import { claimByMessage, claimNext, nextReady } from "./calls/claim.js";
import { Connection, type Session } from "./connection.js";
import { createJobs } from "./calls/create.js";
import { checkDatabase, type SqliteDatabase } from "./driver.js";
import { sqliteFeed } from "./feed.js";
import { HintLog } from "./hints.js";
import { jobsByRef, listJobs } from "./calls/list.js";
import { open, type SqliteDurability } from "./open.js";
import { health, pulse, purge } from "./calls/operations.js";
import { parkedMessages, parkMessage, unpark } from "./calls/parked.js";
import { readJobs } from "./calls/read.js";
import { advanceJob, decodeDue, postponeDue } from "./calls/wake.js";
import { writeJobs } from "./calls/write.js";

/** What `sqliteStore` is made of: a connection, and what a commit is worth. */
export interface SqliteStoreOptions {
  /** A connection of `libsql`, `better-sqlite3` or `node:sqlite`, for the store alone. It is never closed by the store. */
  readonly db: SqliteDatabase;
  /**
   * `full`: what was answered survives a power cut. `normal`: the last commits may be lost with the power (never the
   * file's consistency, never by a mere crash of the process); worth it only where syncing is slow.
   *
   * @default "full"
   */
  readonly durability?: SqliteDurability | undefined;
  /**
   * How long a call waits while another process holds the write lock, before it rejects with nothing written.
   *
   * @default 5000
   */
  readonly busyTimeoutMs?: number | undefined;
}

/** Work on a batch is synchronous and stops the event loop: this many take some milliseconds. */
const MAX_BATCH = 250;

const MAX_PAYLOAD_BYTES = 16 * 1024 * 1024;

/**
 * Keeps jobs in a SQLite file, which several processes of one machine may share. The store is the queue too.
 *
 * An empty file gets its tables at first use; a file of another application, or of another version of the schema, is
 * refused with `store.not_migrated` and left untouched.
 */
export function sqliteStore(options: SqliteStoreOptions): Store {
  return defineStore(new SqliteStore(options));
}

class SqliteStore implements Store {
  readonly capabilities: StoreCapabilities;
  readonly feed?: Feed;
  readonly tellsChanges: boolean;
  readonly #connection: Connection;
  readonly #log = new HintLog();
  readonly #durability: SqliteDurability;
  #opening: Promise<void> | null = null;
  #closed = false;

  constructor(options: SqliteStoreOptions) {
    requireOptions("sqliteStore", options, ["db", "durability", "busyTimeoutMs"]);
    const { db, durability = "full", busyTimeoutMs = 5_000 } = options;
    checkOneOf("durability", durability, ["full", "normal"]);
    checkWhole("busyTimeoutMs", busyTimeoutMs);
    checkDatabase(db);
    this.#connection = new Connection(db, busyTimeoutMs);
    this.#durability = durability;
    this.capabilities = capabilitiesOf(this.#connection.isInMemory(), durability);
    this.tellsChanges = this.capabilities.shared;
    if (this.tellsChanges) {
      const admit = (): Promise<void> => this.#admit();
      this.feed = sqliteFeed({ connection: this.#connection, log: this.#log, admit });
    }
  }

  async create(request: CreateRequest<never>): Promise<CreateReply> {
    const { nowMs, items } = request;
    const { tx }: { readonly tx?: unknown } = request;
    // The type refuses it already; a write outside of the transaction that somebody counts on must not happen.
    if (tx !== undefined) {
      throw new WaybillError("config.capability_missing", "The SQLite store takes no caller's transaction.");
    }
    await this.#admit(items.map((item) => item.record.id));
    const results = await this.#connection.write((session) => {
      const made = createJobs(session, items);
      this.#tell(session, () =>
        items.flatMap(({ record }, at) => (made[at]?.status === "created" ? [record.id] : [])),
      );
      return made;
    });
    return { nowMs, results };
  }

  async read(request: ReadRequest): Promise<ReadReply> {
    await this.#admit(request.ids);
    const jobs = await this.#connection.read((session) => readJobs(session, request));
    return { nowMs: request.nowMs, jobs };
  }

  async write({ nowMs, items, thenClaim }: WriteRequest): Promise<WriteReply> {
    await this.#admit(items.map((item) => item.id));
    return this.#connection.write((session) => {
      const results = writeJobs(session, items, nowMs);
      const claimed = thenClaim === undefined ? undefined : claimNext(session, thenClaim, nowMs);
      this.#tell(session, () => [
        ...items.flatMap(({ id }, at) => (results[at]?.status === "ok" ? [id] : [])),
        ...idsOf(claimed?.found ?? []),
      ]);
      if (claimed === undefined) return { nowMs, results };
      return { nowMs, results, claimed: claimed.found, ...claimed.unreadable };
    });
  }

  async beat({ nowMs, items }: BeatRequest): Promise<BeatReply> {
    await this.#admit(items.map((item) => item.id));
    const results = await this.#connection.write((session) =>
      items.map((item) => beatJob(session, item, nowMs)),
    );
    return { nowMs, results };
  }

  async claim({ nowMs, next, byMessage }: ClaimRequest): Promise<ClaimReply> {
    const items = byMessage?.items ?? [];
    await this.#admit(items.map((item) => item.id));
    return this.#connection.write((session) => {
      const claimed = next === undefined ? null : claimNext(session, next, nowMs);
      const jobs = claimed?.found ?? [];
      const results =
        byMessage === undefined
          ? []
          : items.map((item) => claimByMessage(session, byMessage.terms, item, nowMs));
      this.#tell(session, () => [
        ...idsOf(jobs),
        ...results.flatMap((result) => (result.status === "ok" ? [result.job.record.id] : [])),
      ]);
      const told =
        next !== undefined && jobs.length < next.limit ? nextReady(session, next, nowMs) : undefined;
      return {
        ...{ nowMs, jobs, results, ...claimed?.unreadable },
        ...(told === undefined ? {} : { nextReady: told }),
      };
    });
  }

  async takeDue(request: TakeDueRequest): Promise<TakeDueReply> {
    await this.#admit();
    const { rows, nextDueAt } = await this.#connection.write((session) => postponeDue(session, request));
    const { found, unreadable } = decodeDue(rows, request);
    return { nowMs: request.nowMs, jobs: found, ...unreadable, nextDueAt };
  }

  async advance({ nowMs, items }: AdvanceRequest): Promise<AdvanceReply> {
    await this.#admit(items.map((item) => item.id));
    const results = await this.#connection.write((session) => items.map((item) => advanceJob(session, item)));
    return { nowMs, results };
  }

  async list(request: ListRequest): Promise<ListReply> {
    await this.#admit();
    const page = await this.#connection.read((session) => listJobs(session, request));
    return { nowMs: request.nowMs, ...page };
  }

  async byRef(request: ByRefRequest): Promise<ByRefReply> {
    await this.#admit();
    const { found, unreadable } = await this.#connection.read((session) => jobsByRef(session, request));
    return { nowMs: request.nowMs, jobs: found, ...unreadable };
  }

  async park({ nowMs, messages }: ParkRequest): Promise<StoreReply> {
    await this.#admit();
    await this.#connection.write((session) => {
      for (const message of messages) parkMessage(session, message);
    });
    return { nowMs };
  }

  async parked(request: ParkedRequest): Promise<ParkedReply> {
    await this.#admit();
    const messages = await this.#connection.read((session) => parkedMessages(session, request));
    return { nowMs: request.nowMs, messages };
  }

  async unpark({ nowMs, ids }: StoreRequest & { readonly ids: readonly string[] }): Promise<StoreReply> {
    await this.#admit();
    await this.#connection.write((session) => {
      for (const id of ids) unpark(session, id);
    });
    return { nowMs };
  }

  async pulse(request: PulseRequest): Promise<StoreReply> {
    await this.#admit();
    await this.#connection.write((session) => {
      pulse(session, request);
    });
    return { nowMs: request.nowMs };
  }

  async health({ nowMs }: StoreRequest): Promise<StoreHealth> {
    await this.#admit();
    const found = await this.#connection.read((session) => health(session, nowMs));
    return { nowMs, ...found };
  }

  async purge(request: PurgeRequest): Promise<PurgeReply> {
    await this.#admit();
    const removed = await this.#connection.write((session) => purge(session, request));
    return { nowMs: request.nowMs, ...removed };
  }

  async ready(): Promise<void> {
    await this.#admit();
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.feed?.close();
    this.#connection.release();
  }

  /** In the transaction of the change. */
  #tell(session: Session, changed: () => readonly string[]): void {
    if (this.tellsChanges) this.#log.changed(session, changed());
  }

  /** Every call comes through here, before any effect. */
  async #admit(ids: readonly string[] = []): Promise<void> {
    if (this.#closed) throw new WaybillError("waybill.closed", "The SQLite store was closed.");
    if (!ids.every((id) => ID_PATTERN.test(id))) {
      throw new WaybillError("id.invalid", "An id given to the store is not of the form of an id.");
    }
    this.#opening ??= open(this.#connection, this.#durability);
    try {
      await this.#opening;
    } catch (error) {
      // The next call looks again: the file may have been free, or put right, since.
      this.#opening = null;
      throw error;
    }
  }
}

function idsOf(jobs: readonly StoredJob[]): readonly string[] {
  return jobs.map(({ record }) => record.id);
}

function capabilitiesOf(inMemory: boolean, durability: SqliteDurability): StoreCapabilities {
  return {
    clock: "caller",
    durability: inMemory ? "memory" : durability === "full" ? "local" : "weak",
    queue: true,
    writeThenClaim: true,
    transactions: false,
    refusalReturnsRecord: true,
    listIsConsistent: true,
    shared: !inMemory,
    maxBatch: MAX_BATCH,
    maxPayloadBytes: MAX_PAYLOAD_BYTES,
  };
}

import { StoreNotMigratedError, WaybillError } from "../../core/errors/errors.js";
import { checkWhole, requireOptions } from "../../core/options/options.js";
import { ID_PATTERN } from "../../core/environment/ids.js";
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
import { advanceJob } from "./calls/advance.js";
import { forEach } from "./client/batch.js";
import { beatJob } from "./calls/beat.js";
import { claimJob } from "./calls/claim.js";
import type { DynamoDbClient } from "./client/client.js";
import { Connection } from "./client/connection.js";
import { createJob, prepareCreate } from "./calls/create.js";
import { readHot } from "./items/items.js";
import { listJobs } from "./calls/list.js";
import { health, pulse, purge } from "./calls/operations.js";
import { parkedMessages, parkMessage, unpark } from "./calls/parked.js";
import { readJobs } from "./calls/read.js";
import { jobsByRef } from "./items/refs.js";
import type { Session } from "./settings.js";
import { problemOf, requireTableName } from "./table.js";
import { takeDue } from "./calls/take-due.js";
import { prepareWrite, writeJob } from "./calls/write.js";

/** What `dynamodbStore` is made of: a client, the name of a table, and how much the clocks of processes may differ. */
export interface DynamoDbStoreOptions {
  /** A `DynamoDBClient` of `@aws-sdk/client-dynamodb` 3. It is never closed by the store. */
  readonly client: DynamoDbClient;
  /** The name of the table (`dynamodbTable`). */
  readonly table: string;
  /**
   * How far the clocks of your processes may be apart before one of them takes a job from a worker that is alive: every
   * lease is stored this much longer, and a crash is noticed this much later.
   *
   * @default 5000
   */
  readonly clockSkewMs?: number | undefined;
  /**
   * Gives settled jobs the attribute `ttl`, by which DynamoDB removes them at no charge once time to live is switched on for
   * it, mostly within two days. Jobs with an input or output in an item of its own pay one more write for each.
   *
   * @default false
   */
  readonly timeToLive?: boolean | undefined;
  /**
   * How long a request that a busy table refuses is repeated, beyond what the client does by itself.
   *
   * @default 5000
   */
  readonly retryForMs?: number | undefined;
}

const CAPABILITIES: DynamoDbStore["capabilities"] = {
  clock: "caller",
  durability: "replicated",
  queue: false,
  writeThenClaim: false,
  transactions: false,
  refusalReturnsRecord: true,
  listIsConsistent: false,
  shared: true,
  // Each item is a request of its own; the SDK's clients have 50 connections unless told otherwise.
  maxBatch: 50,
  // What fits into an item with its key.
  maxPayloadBytes: 400_000,
};

/**
 * Keeps jobs in a DynamoDB table, which any number of processes may share. Needs a queue: the store cannot be one.
 *
 * Each change is one conditional write of one item. The table is made by you: `dynamodbTable`, `dynamodbCloudFormation`
 * and `dynamodbTableScript` say how it looks, `dynamodbIamPolicy` what the store must be allowed to do.
 *
 * @throws WaybillError `config.invalid` when an option is not usable
 */
export function dynamodbStore(options: DynamoDbStoreOptions): DynamoDbStore {
  return defineStore(new StoreOnDynamoDb(options));
}

/** Says in its type that it is no queue: a composition without one does not compile. */
export interface DynamoDbStore extends Store {
  readonly capabilities: StoreCapabilities & { readonly queue: false };
}

class StoreOnDynamoDb implements DynamoDbStore {
  readonly capabilities = CAPABILITIES;
  readonly #session: Session;
  #closed = false;

  constructor(options: DynamoDbStoreOptions) {
    requireOptions("dynamodbStore", options, ["client", "table", "clockSkewMs", "timeToLive", "retryForMs"]);
    const { client, table, clockSkewMs = 5_000, timeToLive = false, retryForMs = 5_000 } = options;
    if (typeof (client as Partial<typeof client> | undefined)?.send !== "function")
      throw new WaybillError(
        "config.invalid",
        "client must be a DynamoDBClient of @aws-sdk/client-dynamodb.",
      );
    checkWhole("clockSkewMs", clockSkewMs);
    checkWhole("retryForMs", retryForMs);
    const connection = new Connection(client, requireTableName(table), retryForMs);
    this.#session = { connection, clockSkewMs, timeToLive };
  }

  async create(request: CreateRequest<never>): Promise<CreateReply> {
    const { nowMs, items } = request;
    const { tx }: { readonly tx?: unknown } = request;
    // The type refuses it already; a write outside of the transaction that somebody counts on must not happen.
    if (tx !== undefined) {
      throw new WaybillError(
        "config.capability_missing",
        "The DynamoDB store takes no caller's transaction.",
      );
    }
    this.#admit(items.map((item) => item.record.id));
    const prepared = items.map((item) => prepareCreate(this.#session, item));
    const results = await forEach(prepared, "writes", (item) => createJob(this.#session, item, nowMs));
    return { nowMs, results };
  }

  async read(request: ReadRequest): Promise<ReadReply> {
    this.#admit(request.ids);
    return { nowMs: request.nowMs, jobs: await readJobs(this.#session.connection, request) };
  }

  async write({ nowMs, items, thenClaim }: WriteRequest): Promise<WriteReply> {
    this.#admit(items.map((item) => item.id));
    if (thenClaim !== undefined) throw noQueue();
    const prepared = items.map((item) => prepareWrite(this.#session, item, nowMs));
    const results = await forEach(prepared, "writes", (item) => writeJob(this.#session, item, nowMs));
    return { nowMs, results };
  }

  async beat({ nowMs, items }: BeatRequest): Promise<BeatReply> {
    this.#admit(items.map((item) => item.id));
    return { nowMs, results: await forEach(items, "writes", (item) => beatJob(this.#session, item, nowMs)) };
  }

  async claim({ nowMs, next, byMessage }: ClaimRequest): Promise<ClaimReply> {
    const items = byMessage?.items ?? [];
    this.#admit(items.map((item) => item.id));
    if (next !== undefined) throw noQueue();
    const { terms } = byMessage;
    const read = await readHot(
      this.#session.connection,
      items.map((item) => item.id),
    );
    const claims = items.map((item, index) => ({ item, read: read[index] ?? null }));
    const results = await forEach(claims, "writes", (claim) =>
      claimJob(this.#session, terms, claim.item, { read: claim.read, nowMs }),
    );
    return { nowMs, jobs: [], results };
  }

  async takeDue(request: TakeDueRequest): Promise<TakeDueReply> {
    this.#admit();
    return { nowMs: request.nowMs, ...(await takeDue(this.#session, request)) };
  }

  async advance({ nowMs, items }: AdvanceRequest): Promise<AdvanceReply> {
    this.#admit(items.map((item) => item.id));
    return { nowMs, results: await forEach(items, "writes", (item) => advanceJob(this.#session, item)) };
  }

  async list(request: ListRequest): Promise<ListReply> {
    this.#admit();
    return { nowMs: request.nowMs, ...(await listJobs(this.#session.connection, request)) };
  }

  async byRef(request: ByRefRequest): Promise<ByRefReply> {
    this.#admit();
    return { nowMs: request.nowMs, ...(await jobsByRef(this.#session.connection, request)) };
  }

  async park({ nowMs, messages }: ParkRequest): Promise<StoreReply> {
    this.#admit();
    await forEach(messages, "writes", (message) => parkMessage(this.#session.connection, message));
    return { nowMs };
  }

  async parked(request: ParkedRequest): Promise<ParkedReply> {
    this.#admit();
    return { nowMs: request.nowMs, messages: await parkedMessages(this.#session.connection, request) };
  }

  async unpark({ nowMs, ids }: StoreRequest & { readonly ids: readonly string[] }): Promise<StoreReply> {
    this.#admit();
    await forEach(ids, "writes", (id) => unpark(this.#session.connection, id));
    return { nowMs };
  }

  async pulse(request: PulseRequest): Promise<StoreReply> {
    this.#admit();
    await pulse(this.#session, request);
    return { nowMs: request.nowMs };
  }

  async health({ nowMs }: StoreRequest): Promise<StoreHealth> {
    this.#admit();
    return { nowMs, ...(await health(this.#session, nowMs)) };
  }

  async purge(request: PurgeRequest): Promise<PurgeReply> {
    this.#admit();
    return { nowMs: request.nowMs, ...(await purge(this.#session, request)) };
  }

  async ready(): Promise<void> {
    this.#admit();
    const problem = problemOf(await this.#session.connection.describe());
    if (problem !== null) throw new StoreNotMigratedError(`The table of the DynamoDB store ${problem}.`);
  }

  async close(): Promise<void> {
    this.#closed = true;
  }

  /** Every call comes through here, before any effect. */
  #admit(ids: readonly string[] = []): void {
    if (this.#closed) throw new WaybillError("waybill.closed", "The DynamoDB store was closed.");
    if (!ids.every((id) => ID_PATTERN.test(id))) {
      throw new WaybillError("id.invalid", "An id given to the store is not of the form of an id.");
    }
  }
}

function noQueue(): WaybillError {
  return new WaybillError(
    "config.capability_missing",
    "The DynamoDB store cannot hand jobs over: give createWaybill a queue, such as one on SQS.",
  );
}

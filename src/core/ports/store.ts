import type { Feed } from "./feed.js";
import type {
  AdvanceReply,
  AdvanceRequest,
  BeatReply,
  BeatRequest,
  ByRefReply,
  ByRefRequest,
  ClaimReply,
  ClaimRequest,
  CreateReply,
  CreateRequest,
  ListReply,
  ListRequest,
  ReadReply,
  ReadRequest,
  StoreReply,
  StoreRequest,
  TakeDueReply,
  TakeDueRequest,
  WriteReply,
  WriteRequest,
} from "./store-messages.js";
import type {
  LostWrites,
  ParkedReply,
  ParkedRequest,
  ParkRequest,
  PulseRequest,
  PurgeReply,
  PurgeRequest,
  StoreHealth,
} from "./store-upkeep.js";

/** Requests and replies of the port, and what they are made of. */
export type * from "./store-messages.js";
export type * from "./store-upkeep.js";

/**
 * What a store can do, as data. The core reads this and never asks for an adapter's name; the conformance suite checks it.
 */
export interface StoreCapabilities {
  /** `server`: the engine's clock judges leases and `nowMs` of the caller is ignored. `caller`: `nowMs` of the caller counts. */
  readonly clock: "server" | "caller";
  /** `memory`: gone with the process. `local`: survives it. `replicated`: survives a machine. `weak`: may lose acknowledged writes. */
  readonly durability: "memory" | "local" | "replicated" | "weak";
  /** `claim` can take the next ready jobs: the store can be the queue. */
  readonly queue: boolean;
  /** `write` takes `thenClaim`: completions and the next claim in one round trip. */
  readonly writeThenClaim: boolean;
  /** `create` takes the caller's transaction. */
  readonly transactions: boolean;
  /** A refused write returns the record without a second round trip. */
  readonly refusalReturnsRecord: boolean;
  /** `list` sees a create as soon as it is answered. */
  readonly listIsConsistent: boolean;
  /** Several processes may share what is stored. */
  readonly shared: boolean;
  /**
   * Most items that one call names, and most jobs that one `claim` asks for; the core splits larger batches. The `limit` of
   * other calls may be larger.
   */
  readonly maxBatch: number;
  /** Most bytes (UTF-8) of one input or output. */
  readonly maxPayloadBytes: number;
}

/**
 * Keeps one record per job and changes it only under a guard.
 *
 * Contract of every method: it resolves when its effect is durable by the store's durability class; it rejects with a
 * `StoreUnavailableError` whose `outcome` is `not_applied` when nothing can have been written, else `unknown`. It never
 * retries a change by itself. A value that the engine can never hold is `store.unstorable`, before anything of the call is
 * written; the core then finds out which item it was by asking for fewer. Batches answer item by item, in order; items of one batch name different ids. Ids arrive
 * checked against `[A-Za-z0-9_-]{1,128}`, and a store refuses others too (`id.invalid`, before any effect); every other
 * text is hostile and goes through parameters only; names (kinds, owners, subjects, queues, scopes, reference keys) hold
 * neither NUL nor half a surrogate pair and are not empty, JSON text may hold all of it as escapes. Names and ids are compared
 * character by character, and ordered by the codes of their characters. Counts are whole numbers up to 2,147,483,647, instants
 * and spans whole milliseconds. A request and all in it is left as it was passed in, and what is answered is the reader's own.
 * Nothing that is stored is removed for its age alone, but by `purge`. After `close` every method rejects with `waybill.closed`.
 *
 * The suite in `waybill/testing` (`storeSuite`) is the executable form of this contract.
 */
export interface Store<Tx = never> {
  readonly capabilities: StoreCapabilities;
  /** Hints of changes made through this store in other processes, where the engine can give them. */
  readonly feed?: Feed;
  /**
   * `create`, `write` and `claim` tell `feed` of what they change in their own atomic step: others hear of it also when this
   * process ends right after, and without a round trip more. Only a `create` in a caller's transaction (`tx`) tells nothing.
   */
  readonly tellsChanges?: boolean;

  /**
   * Stores first records. Same id or same scope: `existing`, nothing written for that item; where id and scope belong to
   * two jobs, the one with the id. Each item is stored whole (record, input and scope) or not at all, whatever becomes of
   * the others: a call of several items may be several transactions, and only one that joins the caller's (`tx`) is all
   * or nothing.
   */
  create(request: CreateRequest<Tx>): Promise<CreateReply>;
  /** Strong: sees every write answered before the call. */
  read(request: ReadRequest): Promise<ReadReply>;
  /** Compare and set: of N racers with one guard exactly one is answered `ok`. */
  write(request: WriteRequest): Promise<WriteReply>;
  /** Extends leases; guard: PROCESSING, token, not awaiting. Touches neither version nor wake-up. */
  beat(request: BeatRequest): Promise<BeatReply>;
  /** Takes jobs for a worker; no job goes to two claims. */
  claim(request: ClaimRequest): Promise<ClaimReply>;
  /** What must be looked at now, oldest first; postponed in the same step, so that others leave it and none is forgotten. */
  takeDue(request: TakeDueRequest): Promise<TakeDueReply>;
  /** Moves cursors; never disturbs a worker: version and document stay as they are. */
  advance(request: AdvanceRequest): Promise<AdvanceReply>;
  /** A page of jobs, newest first. Each job is seen once, whatever comes and changes between pages. */
  list(request: ListRequest): Promise<ListReply>;
  /** Jobs of a kind that await external work with this key, newest first, at most 10: of those that fit, so that nobody's hide another's. */
  byRef(request: ByRefRequest): Promise<ByRefReply>;
  /** Puts aside what cannot be used, for people to look at. The first under an id stays. */
  park(request: ParkRequest): Promise<StoreReply>;
  /** A page of what was put aside. */
  parked(request: ParkedRequest): Promise<ParkedReply>;
  /** Removes what was put aside; ids that are not there are passed over. For operators: the core never calls it. */
  unpark(request: StoreRequest & { readonly ids: readonly string[] }): Promise<StoreReply>;
  /** Keeps the sign of life of a reconciler, for `health`. */
  pulse(request: PulseRequest): Promise<StoreReply>;
  /** What is waiting and overdue. Asked by monitoring again and again: keep it cheap. */
  health(request: StoreRequest): Promise<StoreHealth>;
  /**
   * Removes settled records past `purgeAt`, input, output, cursors and scope with them. One that cannot be read goes with them
   * or stays; those behind it go, however few a call removes.
   */
  purge(request: PurgeRequest): Promise<PurgeReply>;
  /**
   * Checks that the store can be used. A worker asks it once, when it starts, and says what it hears.
   *
   * @throws StoreNotMigratedError when its schema is missing, older or newer
   */
  ready(): Promise<void>;
  /**
   * Tells when writes that were acknowledged to this object turn out to be lost, once for each loss, where the engine can
   * find that out. Nothing is stopped: jobs go on from what is left. Returns how to stop listening.
   */
  onLostWrites?(listener: (lost: LostWrites) => void): () => void;
  /** Brings the schema up to this version, where the engine has one. Safe to call from several processes at once. */
  migrate?(): Promise<void>;
  /** Frees what the store made itself; never closes a client that was passed in. Safe to call twice. */
  close(): Promise<void>;
}

/** A store of any transaction type. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- Tx is contravariant in `create`; only `any` admits every store
export type AnyStore = Store<any>;

/** Declares a store; a place for defaults of capabilities added later. */
export function defineStore<S extends AnyStore>(store: S): S {
  return store;
}

import { type Clock, inTime, monotonicNow } from "../../environment/clock.js";
import type { ErrorCode } from "../../errors/error-codes.js";
import { isWaybillError, StoreUnavailableError } from "../../errors/errors.js";
import type {
  AdvanceItem,
  AdvanceResult,
  AnyStore,
  BeatItem,
  BeatResult,
  ClaimByMessage,
  ClaimNext,
  ClaimReply,
  ClaimResult,
  ClaimTerms,
  CreateItem,
  CreateResult,
  StoredJob,
  StoreReply,
  StoreRequest,
  Unreadable,
  WriteItem,
  WriteResult,
} from "../../ports/store.js";
import { neutralContext } from "../../environment/neutral-context.js";
import { observe, type Telemetry } from "../../environment/telemetry.js";
import { type Batcher, createBatcher } from "./batcher.js";
import type { StoreTime } from "./store-time.js";

/** What of a job is read. */
export interface Wanted {
  readonly input?: boolean;
  readonly output?: boolean;
}

/** A worker's wish for more jobs, to travel with the next writes. */
export interface PiggybackedClaim {
  /** What to claim now; `null`: nothing wanted. Called when a write of so many items is about to leave. */
  claimFor(travelling: number): ClaimNext | null;
  /** The answer to what was sent along. `null`: the call failed, and what it claimed is not known. */
  arrived(jobs: readonly StoredJob[] | null, claim: ClaimNext): void;
}

/** The port without the calls that change records: no second way to write goes past the batches and their guards. */
type Beside = Omit<AnyStore, "create" | "write" | "beat" | "claim" | "advance">;

/**
 * With whom a create shares its call. `any`: nobody can be in its way. `named`: its key or id is the caller's own, so that it
 * may meet another one: where the store takes transactions, one that has not committed yet, which it then waits for. `none`:
 * it is known to wait.
 */
export type Company = "any" | "named" | "none";

/**
 * The store as the engine uses it: one item at a time, batched with whatever else is asked for in the same turn; every
 * call observed, every error one of Waybill's, every reply's clock heard.
 */
export interface Gateway {
  readonly store: Beside;
  create(item: CreateItem, tx: unknown, company?: Company): Promise<CreateResult>;
  /** Asks for the store's clock and for nothing else; inside the caller's transaction, where one is given. */
  tellTime(tx: unknown): Promise<void>;
  read(id: string, wanted?: Wanted): Promise<StoredJob | null>;
  write(item: WriteItem): Promise<WriteResult>;
  beat(item: BeatItem): Promise<BeatResult>;
  claim(item: ClaimByMessage, terms: ClaimTerms): Promise<ClaimResult>;
  claimNext(next: ClaimNext): Promise<ClaimReply>;
  advance(item: AdvanceItem): Promise<AdvanceResult>;
  /** Any other call of the port, with the clock filled in. Records are changed by the calls above alone. */
  call<R extends StoreReply>(
    operation: string,
    run: (store: Beside, request: StoreRequest) => Promise<R>,
  ): Promise<R>;
  /** Claims ride along with writes from now on, where the store can do both in one trip. Returns how to stop. */
  ride(piggyback: PiggybackedClaim): () => void;
}

interface GatewayOptions {
  readonly store: AnyStore;
  readonly clock: Clock;
  readonly time: StoreTime;
  readonly telemetry: Telemetry;
  /** A call that takes longer is unknown: what it may still do is found out like any other doubt. */
  readonly timeoutMs: number;
  /** A call that takes longer no longer stands in the way of others: a small share of the shortest lease. */
  readonly slowMs: number;
  /** Told of the ids of records that a call met and that cannot be read. */
  readonly onUnreadable?: (ids: readonly string[]) => void;
}

/** Submits that wait for somebody's transaction: each keeps a connection while it does, so that four of them are enough. */
const ALONE = { maxBatch: 1, lanes: 4 };
/** Submits: two lanes of 50 overlap client and server (measured: a quarter faster than one of 100). */
const SUBMIT = { maxBatch: 50, lanes: 2 };
/** Workers: fewer, larger calls win; the next batch builds while one is under way. */
const WORK = { maxBatch: 250, lanes: 1 };
const READ = { maxBatch: 250, lanes: 2 };

export function createGateway(options: GatewayOptions): Gateway {
  const { store } = options;
  const ask = observed(options);
  const batched = batching(options, ask);
  const piggybacked = new Set<PiggybackedClaim>();
  const reads = readBatchers(store, batched);

  const creates = batched<CreateItem, CreateResult>(
    "create",
    SUBMIT,
    // Two submits under one key in one turn: the second must see the first.
    (item) => item.record.scope ?? item.record.id,
    (items, request) => store.create({ ...request, items }),
  );
  // What may wait holds up no other kind, and its own no longer than any call that hangs; what is known to wait waits aside.
  const named = namedCreates(options, ask, { ...SUBMIT, slowMs: options.slowMs });
  const alone = namedCreates(options, ask, ALONE);
  const writes = batched<WriteItem, WriteResult>("write", WORK, idOf, (items, request) =>
    writeWithPiggybackedClaim(options, piggybacked, items, request),
  );
  const beats = batched<BeatItem, BeatResult>("beat", WORK, idOf, (items, request) =>
    store.beat({ ...request, items }),
  );
  const advances = batched<AdvanceItem, AdvanceResult>("advance", WORK, idOf, (items, request) =>
    store.advance({ ...request, items }),
  );
  const claims = claimBatchers(store, batched);
  const sharedTime = shared(options, () => askTime(ask));

  return {
    store,
    call: (operation, run) => ask(operation, 1, run),
    create(item, tx, company = "any") {
      if (tx !== undefined) return createAlone(ask, item, tx);
      if (company === "any" || !store.capabilities.transactions) return creates.add(item);
      return (company === "named" ? named : alone).add(item);
    },
    tellTime: (tx) => (tx === undefined ? sharedTime() : askTime(ask, tx)),
    read: async (id, wanted = {}) => (await reads(wanted).add(id)).job,
    write: (item) => writes.add(item),
    beat: (item) => beats.add(item),
    advance: (item) => advances.add(item),
    claim: (item, terms) => claims(terms.worker).add({ ...item, terms }),
    claimNext: async (next) => ask("claim", next.limit, (to, request) => to.claim({ ...request, next })),
    ride(piggyback) {
      if (!store.capabilities.writeThenClaim) return () => undefined;
      piggybacked.add(piggyback);
      return () => {
        piggybacked.delete(piggyback);
      };
    },
  };
}

type Ask = <R extends StoreReply>(
  operation: string,
  items: number,
  run: (store: AnyStore, request: StoreRequest) => Promise<R>,
  inCallersContext?: boolean,
) => Promise<R>;

/**
 * A call of the port: observed, its error one of ours, its clock heard. It begins in a context that is nobody's: a client that
 * takes its transaction from the context must not find that of whoever happened to fill the batch.
 */
function observed({ store, clock, time, telemetry, timeoutMs, onUnreadable }: GatewayOptions): Ask {
  const neutral = neutralContext();
  return async (operation, items, run, inCallersContext = false) => {
    const begin = inCallersContext ? run : (...args: Parameters<typeof run>) => neutral(() => run(...args));
    const sentAt = monotonicNow(clock);
    const reply = await observe(telemetry, { port: "store", operation, items }, async () => {
      try {
        const answer = await inTime(clock, timeoutMs, begin(store, { nowMs: Math.floor(clock.now()) }), null);
        if (answer !== null) return answer;
      } catch (error) {
        if (items === 1 && isWaybillError(error, "store.corrupt") && error.jobId !== undefined) {
          onUnreadable?.([error.jobId]);
        }
        return rethrow(error);
      }
      throw late();
    });
    if (!Number.isFinite(reply.nowMs)) throw clockless();
    time.heard(reply.nowMs, sentAt);
    const { unreadable } = reply as StoreReply & Unreadable;
    if (unreadable !== undefined) onUnreadable?.(unreadable);
    return reply;
  };
}

function late(): StoreUnavailableError {
  return new StoreUnavailableError("The store did not answer in time.", { outcome: "unknown" });
}

/** All that is decided from here on would be decided at no instant. */
function clockless(): StoreUnavailableError {
  return new StoreUnavailableError("The store answered without its clock.", { outcome: "unknown" });
}

type Batched = <I, O>(
  operation: string,
  size: { readonly maxBatch: number; readonly lanes: number },
  keyOf: ((item: I) => string) | null,
  run: (
    items: readonly I[],
    request: StoreRequest,
  ) => Promise<StoreReply & { readonly results: readonly O[] }>,
) => Batcher<I, O>;

/** One of each name at a time: the second must see the first, and must not take a connection to wait for it. */
function namedCreates(
  { clock, store }: GatewayOptions,
  ask: Ask,
  size: { readonly maxBatch: number; readonly lanes: number; readonly slowMs?: number },
): Batcher<CreateItem, CreateResult> {
  return createBatcher({
    clock,
    ...size,
    maxBatch: Math.min(store.capabilities.maxBatch, size.maxBatch),
    isOfOneItem,
    keyOf: ({ record }) => record.scope ?? record.id,
    isOrdered: true,
    run: async (items) => {
      const reply = await ask("create", items.length, (_, request) => store.create({ ...request, items }));
      return complete(reply.results, items.length);
    },
  });
}

function batching({ store, clock, slowMs }: GatewayOptions, ask: Ask): Batched {
  return (operation, { maxBatch, lanes }, keyOf, run) =>
    createBatcher({
      clock,
      maxBatch: Math.min(store.capabilities.maxBatch, maxBatch),
      lanes,
      slowMs,
      keyOf,
      isOfOneItem,
      run: async (items) => {
        const { results } = await ask(operation, items.length, (_, request) => run(items, request));
        return complete(results, items.length);
      },
    });
}

/** What an adapter threw that is no error of the port: one value that it could not encode, as often as not. */
const unexpected = new WeakSet<Error>();

/** Every call of the port can be asked again: who made a change recognises it. */
function isOfOneItem(error: unknown): boolean {
  if (!isWaybillError(error)) return false;
  return unexpected.has(error) || !OF_THE_STORE.has(error.code);
}

const OF_THE_STORE: ReadonlySet<ErrorCode> = new Set([
  "store.unavailable",
  "store.not_migrated",
  "waybill.closed",
]);

/** Answers that cannot be told apart are none. */
function complete<R>(results: readonly R[], asked: number): readonly R[] {
  if (results.length === asked) return results;
  throw unanswered();
}

function unanswered(): StoreUnavailableError {
  return new StoreUnavailableError("The store did not answer item by item.", { outcome: "unknown" });
}

/** Reads that want the same parts share a call, and those of one job its place in it: many watchers cost as one. */
function readBatchers(store: AnyStore, batched: Batched) {
  const under = oneEach((key) => {
    const parts = { input: key.includes("input"), output: key.includes("output") };
    return batched<string, { readonly job: StoredJob | null }>("read", READ, null, async (asked, request) => {
      const ids = [...new Set(asked)];
      const { nowMs, jobs } = await store.read({ ...request, ...parts, ids });
      const found = new Map(complete(jobs, ids.length).map((job, index) => [ids[index], job]));
      return { nowMs, results: asked.map((id) => ({ job: found.get(id) ?? null })) };
    });
  });
  return ({ input = false, output = false }: Wanted) =>
    under(`${input ? "input" : ""} ${output ? "output" : ""}`);
}

interface TermedClaim extends ClaimByMessage {
  readonly terms: ClaimTerms;
}

/**
 * Claims of one worker share a call, under the terms of the first: they differ in the transition id alone, and a claim is
 * recognised by its token.
 */
function claimBatchers(store: AnyStore, batched: Batched) {
  return oneEach(() =>
    batched<TermedClaim, ClaimResult>("claim", WORK, idOf, async (items, request) => {
      const { terms } = items.reduce((first) => first);
      const claims = items.map(({ id, dispatch, token, leaseMs }) => ({ id, dispatch, token, leaseMs }));
      return store.claim({ ...request, byMessage: { terms, items: claims } });
    }),
  );
}

/** Makes what a key stands for once. */
function oneEach<T>(make: (key: string) => T): (key: string) => T {
  const made = new Map<string, T>();
  return (key) => {
    let one = made.get(key);
    if (one === undefined) made.set(key, (one = make(key)));
    return one;
  };
}

/** One call for all who ask at the same time, as a process does that begins with a burst; one that hangs keeps nobody who comes later. */
function shared({ clock, slowMs }: GatewayOptions, call: () => Promise<void>): () => Promise<void> {
  let underWay: { readonly since: number; readonly answer: Promise<void> } | null = null;
  return () => {
    const now = monotonicNow(clock);
    if (underWay !== null && now - underWay.since < slowMs) return underWay.answer;
    const mine = { since: now, answer: call() };
    underWay = mine;
    const over = (): void => {
      if (underWay === mine) underWay = null;
    };
    mine.answer.then(over, over);
    return mine.answer;
  };
}

async function askTime(ask: Ask, tx?: unknown): Promise<void> {
  const items: readonly CreateItem[] = [];
  const asked = tx === undefined ? { items } : { items, tx };
  await ask("clock", 0, (to, request) => to.create({ ...request, ...asked }));
}

/** Inside a transaction of the caller nothing is shared, and the call is the caller's: it stays in his context. */
async function createAlone(ask: Ask, item: CreateItem, tx: unknown): Promise<CreateResult> {
  const reply = await ask(
    "create",
    1,
    (store, request) => store.create({ ...request, items: [item], tx }),
    true,
  );
  const [result] = reply.results;
  if (result === undefined) throw unanswered();
  return result;
}

function idOf(item: { readonly id: string }): string {
  return item.id;
}

/** Writes, and the next claim of whoever wants one in the same trip. */
async function writeWithPiggybackedClaim(
  { store, clock, timeoutMs }: GatewayOptions,
  piggybacked: ReadonlySet<PiggybackedClaim>,
  items: readonly WriteItem[],
  request: StoreRequest,
) {
  let piggyback: PiggybackedClaim | undefined;
  let thenClaim: ClaimNext | null = null;
  for (piggyback of piggybacked) {
    thenClaim = piggyback.claimFor(items.length);
    if (thenClaim !== null) break;
  }
  if (thenClaim === null || piggyback === undefined) return store.write({ ...request, items });
  let claimed: readonly StoredJob[] | null = null;
  try {
    // Whose claim it is must not wait for ever either: his slots are taken until he hears of it.
    const reply = await inTime(clock, timeoutMs, store.write({ ...request, items, thenClaim }), null);
    if (reply === null) throw late();
    claimed = reply.claimed ?? [];
    return reply;
  } finally {
    piggyback.arrived(claimed, thenClaim);
  }
}

/** An adapter's own error goes through; anything else is a fault whose effect is not known. */
function rethrow(error: unknown): never {
  if (isWaybillError(error)) throw error;
  const failed = new StoreUnavailableError("The store failed unexpectedly.", {
    outcome: "unknown",
    cause: error,
  });
  unexpected.add(failed);
  throw failed;
}

import type { PublishAttempt } from "../engine/relay/attempt.js";
import type { CallbackOptions } from "../callback/callbacks.js";
import type { Clock } from "../environment/clock.js";
import type { Policy } from "../defaults.js";
import type { AnyDef, TypesOf } from "../define/any-def.js";
import type { HistoryEntry } from "../job/history.js";
import type { Logger } from "../environment/logger.js";
import type { Feed } from "../ports/feed.js";
import type { Notifier } from "../ports/notifier.js";
import type { Queue } from "../ports/queue.js";
import type { AnyStore, Store, StoreCapabilities } from "../ports/store.js";
import type { ServedElsewhere } from "../served-elsewhere.js";
import type { TypeProblem } from "../schema/type-problem.js";
import type { Telemetry } from "../environment/telemetry.js";
import type { Waybill } from "./waybill.js";
import type { ParkedDelivery } from "./worker.js";

/** The transaction type of a store; `never`: it takes none. */
export type TxOf<S extends AnyStore> = S extends Store<infer Tx> ? Tx : never;

type KindsOf<Defs extends readonly AnyDef[]> = { [I in keyof Defs]: Defs[I]["kind"] };

/**
 * The places of each kind in a tuple of kinds: one, or a union of several. One look at each, however many there are; taken
 * from the definitions themselves, the compiler would look at all of them for each.
 */
type Places<Kinds extends readonly string[]> = {
  [I in Exclude<keyof Kinds, keyof []> as Kinds[I] & string]: I;
};

/** The kinds that are at more than one place. */
type Repeated<P> = { [K in keyof P]: IsUnion<P[K]> extends true ? K : never }[keyof P] & string;

type IsUnion<T, Whole = T> = T extends unknown ? ([Whole] extends [T] ? false : true) : never;

/** `unknown`, or the sentence that names the kind that comes twice. */
export type DistinctKinds<Defs extends readonly AnyDef[]> = [Repeated<Places<KindsOf<Defs>>>] extends [never]
  ? unknown
  : TypeProblem<`two jobs are of the kind "${Repeated<Places<KindsOf<Defs>>>}"`>;

/** The named queues that some kinds go through. */
export type QueueNamesOf<D extends AnyDef> = D extends AnyDef ? Exclude<TypesOf<D>["queue"], null> : never;

/** The kinds that go through no named queue. */
type KindsWithoutQueue<D extends AnyDef> = D extends AnyDef
  ? TypesOf<D>["handOver"] extends "own"
    ? never
    : [TypesOf<D>["queue"]] extends [null]
      ? D["kind"]
      : never
  : never;

/** What a composition needs by what its kinds say. */
export type NeededQueues<D extends AnyDef> = [QueueNamesOf<D>] extends [never]
  ? { readonly queues?: NamedQueues | undefined }
  : { readonly queues: { readonly [Name in QueueNamesOf<D>]: Queue } & NamedQueues };

type NamedQueues = Readonly<Record<string, Queue>> & {
  readonly default?: TypeProblem<'the queue "default" is the option queue'> | undefined;
};

/** A store that says in its type that it is no queue makes `queue` a must. */
export type NeededQueue<D extends AnyDef, S extends AnyStore, Q extends Queue | undefined> = [S] extends [
  { readonly capabilities: StoreCapabilities & { readonly queue: false } },
]
  ? [KindsWithoutQueue<D>] extends [never]
    ? { readonly queue?: Q | undefined }
    : { readonly queue: Q & Queue }
  : { readonly queue?: Q | undefined };

/** `unknown`, or the sentence that names a filter for a kind that is not among `jobs`; only where its type says the kinds. */
export type KnownFilters<D extends AnyDef, N extends Readonly<Record<string, Notifier | ServedElsewhere>>> = {
  [Name in keyof N]: N[Name] extends {
    readonly kinds?: readonly (infer Kind extends string)[] | undefined;
  }
    ? string extends Kind
      ? unknown
      : [Exclude<Kind, D["kind"]>] extends [never]
        ? unknown
        : TypeProblem<`the notifier filters by the kind "${Exclude<Kind, D["kind"]>}", which is not among jobs`>
    : unknown;
};

/** What a Waybill is put together from. */
export interface CompositionOptions<
  Defs extends readonly AnyDef[],
  S extends AnyStore,
  N extends Readonly<Record<string, Notifier | ServedElsewhere>>,
> {
  readonly jobs: Defs & DistinctKinds<Defs>;
  readonly store: S;
  /** Durable push, by names that stay: a name keys how far it has got. */
  readonly notifiers?: (N & KnownFilters<Defs[number], N>) | undefined;
  /** Names of notifiers that are no more: jobs that still owe them something are let go. */
  readonly retired?: readonly string[] | undefined;
  /** Change hints between processes. @default the store's own, where it has one */
  readonly feed?: Feed | undefined;
  /** @default warnings and errors to the console */
  readonly logger?: Logger | undefined;
  readonly telemetry?: Telemetry | undefined;
  /** Lets whoever does external work tell of it by a signed token. @default none: `callbackToken` refuses */
  readonly callbacks?: CallbackOptions | undefined;
  /** For tests. @default the machine's */
  readonly clock?: Clock | undefined;
  /** Makes job ids, of `[A-Za-z0-9_-]{1,128}`, never one twice. @default UUIDv7 */
  readonly newId?: (() => string) | undefined;
  /** Paces and bounds other than the defaults. */
  readonly policy?: Partial<Policy> | undefined;
  /** Takes entries trimmed from a history, oldest first: an archive. Best effort; what it throws is logged. */
  readonly onTrim?: ((jobId: string, entries: readonly HistoryEntry[]) => unknown) | undefined;
  /** Told of each try at a notifier, with its outcome and its reason. Best effort; what it throws is logged. */
  readonly onPublish?: ((attempt: PublishAttempt) => unknown) | undefined;
  /** Told of each message that could not be read and was put aside. Best effort; what it throws is logged. */
  readonly onParked?: ((message: ParkedDelivery, reason: string) => unknown) | undefined;
}

/** What `createWaybill` takes: the parts, and the queues that its kinds and its store call for. */
export type WaybillOptions<
  Defs extends readonly AnyDef[] = readonly AnyDef[],
  S extends AnyStore = AnyStore,
  N extends Readonly<Record<string, Notifier | ServedElsewhere>> = Readonly<
    Record<string, Notifier | ServedElsewhere>
  >,
  Q extends Queue | undefined = Queue | undefined,
> = CompositionOptions<Defs, S, N> & NeededQueues<Defs[number]> & NeededQueue<Defs[number], S, Q>;

/** The type of `createWaybill`. */
export type CreateWaybill = <
  const Defs extends readonly AnyDef[],
  S extends AnyStore,
  // eslint-disable-next-line @typescript-eslint/no-empty-object-type -- no notifiers
  const N extends Readonly<Record<string, Notifier | ServedElsewhere>> = {},
  Q extends Queue | undefined = undefined,
>(
  options: WaybillOptions<Defs, S, N, Q>,
) => Waybill<
  Defs[number],
  { tx: TxOf<S>; queue: QueueNamesOf<Defs[number]> | DefaultQueue<Q>; notifier: string & keyof N }
>;

/** The name of the queue that `queue` gives; without one there is none. */
type DefaultQueue<Q extends Queue | undefined> = [Q] extends [undefined] ? never : "default";

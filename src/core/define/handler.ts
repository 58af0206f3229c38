import type { Done, RuntimeHandler, Tracked } from "../handler.js";
import type { AnyDef, KindOf, TypesOf } from "./any-def.js";
import { fail, isRecord, onlyKnown, positiveMs } from "./check.js";
import type {
  CancelContext,
  GivenOutput,
  Poll,
  PollContext,
  RunContext,
  TrackingContext,
} from "./handler-context.js";

type Awaitable<T> = T | Promise<T>;

/** The work of a kind without `external`: returns the output. */
export type PlainRun<D extends AnyDef> = (context: RunContext<D>) => Awaitable<GivenOutput<D>>;

/** How a kind without `external` is done. */
export interface PlainImplementation<D extends AnyDef> {
  readonly run: PlainRun<D>;
}

/** How a kind with `external` is done. */
export interface TrackingImplementation<D extends AnyDef> {
  /** Starts the external work and returns `track(ref)`, or `done(output)` where there is none. */
  readonly run: (
    context: TrackingContext<D>,
  ) => Awaitable<Tracked<TypesOf<D>["ref"]> | Done<TypesOf<D>["output"]>>;
  /** Looks at the external work. What it throws is tried again later; only an answer `failed` fails the job. */
  readonly poll: (context: PollContext<D>) => Awaitable<Poll<D>>;
  /** Asks the outside to stop; `poll` then confirms. Left out: such a job cannot be cancelled. */
  readonly cancel?: ((context: CancelContext<D>) => Awaitable<void>) | undefined;
  /** @default 30_000 // 30 s */
  readonly pollEveryMs?: number | undefined;
  /** After this the job is FAILED with `external_timeout`. @default 86_400_000 // 24 h */
  readonly timeoutMs?: number | undefined;
}

/** What a worker does for a kind whose jobs the application claims itself: it looks at the external work. */
export type OwnImplementation<D extends AnyDef> = Omit<TrackingImplementation<D>, "run">;

/** What `handle` takes. */
export type ImplementationOf<D extends AnyDef> = [TypesOf<D>["handOver"]] extends ["own"]
  ? OwnImplementation<D>
  : [TypesOf<D>["ref"]] extends [never]
    ? PlainRun<D> | PlainImplementation<D>
    : TrackingImplementation<D>;

/** A kind with how it is done: what a worker is given. The server's side only. */
export interface Handler<D extends AnyDef = AnyDef> {
  readonly kind: KindOf<D>;
  readonly def: D;
  /** What the engine runs. */
  readonly "~handler": RuntimeHandler;
}

/** Joins a definition and its implementation, after checking the implementation. */
export function makeHandler<D extends AnyDef>(def: D, implementation: unknown): Handler<D> {
  const where = `The handler of kind "${def.kind}"`;
  const definition = def["~definition"];
  const { external } = definition;
  const own = definition.handOver === "own";
  if (own && !external) throw fail(`${where} has nothing to do: the application claims its jobs itself.`);
  const given = typeof implementation === "function" && !external ? { run: implementation } : implementation;
  if (!isRecord(given)) {
    throw fail(
      `${where} must be ${external ? "an object with run and poll" : "a function, or an object with run"}.`,
    );
  }
  const polling = ["poll", "cancel", "pollEveryMs", "timeoutMs"];
  // An object of a class has fields of its own, which are none of ours.
  if (isPlain(given)) onlyKnown(where, given, own ? polling : external ? ["run", ...polling] : ["run"]);
  const { run = own ? neverRun : undefined, poll, cancel, pollEveryMs, timeoutMs } = given;
  if (typeof run !== "function") throw fail(`${where} needs run, a function.`);
  if (external && typeof poll !== "function") {
    throw fail(
      `${where} needs poll, a function: the kind has external work, and somebody must prove its outcome.`,
    );
  }
  if (cancel !== undefined && typeof cancel !== "function")
    throw fail(`${where}: cancel must be a function.`);
  return {
    kind: def.kind,
    def,
    "~handler": {
      definition,
      run: promised(given, run),
      poll: poll === undefined ? null : promised(given, poll),
      cancel: cancel === undefined ? null : promised(given, cancel),
      pollEveryMs: positiveMs(where, "pollEveryMs", pollEveryMs),
      timeoutMs: positiveMs(where, "timeoutMs", timeoutMs),
    },
  };
}

function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value) as object | null;
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** No worker takes such a job, whatever message names it. */
function neverRun(): never {
  throw new TypeError("a job that the application claims itself was to be run");
}

/** A function that may return or throw at once, as one that always gives a promise. What it gives is checked where it is used. */
function promised(owner: object, fn: unknown): (context: unknown) => Promise<never> {
  return (context) => {
    try {
      return Promise.resolve((fn as (context: unknown) => unknown).call(owner, context) as never);
    } catch (error) {
      // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- what was thrown goes on as it is
      return Promise.reject(error);
    }
  };
}

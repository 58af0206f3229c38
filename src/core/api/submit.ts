import type { AnyDef, TypesOf } from "../define/any-def.js";
import type { IdempotencyConflict, IdTaken, InputInvalid, InputTooLarge } from "../errors/errors.js";
import type { Json } from "../json/json.js";
import type { TypeProblem } from "../schema/type-problem.js";

/** Why `submit` said no. */
export type SubmitRefusal = InputInvalid | InputTooLarge | IdempotencyConflict | IdTaken;

/** Options of one job. */
export interface SubmitOptions<Tx = never> {
  /** Asked again with the same key, owner, kind and input (as given, before its defaults): the same job. */
  readonly idempotencyKey?: string | undefined;
  /** Whose it is: the boundary of isolation. `undefined` is refused: it would widen the scope of a key. @default null, nobody's */
  readonly owner?: string | null;
  /** Instead of the one that the kind derives from the input. */
  readonly subject?: string | undefined;
  /** The application's own, at most 8 KiB; comes back with every job and event. */
  readonly metadata?: Json | undefined;
  /** Not before this. */
  readonly delayMs?: number | undefined;
  /** From now to the end, instead of the kind's. */
  readonly deadlineMs?: number | undefined;
  /** Who asks, for the history. */
  readonly actor?: string | undefined;
  /** The caller's own id, of `[A-Za-z0-9_-]{1,128}`; not together with `idempotencyKey`. @default UUIDv7 */
  readonly id?: string | undefined;
  /** The caller's transaction: the job exists when it commits, and `dispatch(id)` then hands it over. */
  readonly tx?:
    ([Tx] extends [never] ? TypeProblem<"this store takes no transaction of the caller"> : Tx) | undefined;
}

/** One of several to submit. */
export interface SubmitItem<D extends AnyDef> extends Omit<SubmitOptions, "tx"> {
  readonly input: TypesOf<D>["input"];
}

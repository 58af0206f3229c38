import type { AnyDef, KindOf } from "../define/any-def.js";

/** Which jobs to observe; at least one of `ids`, `owner`, `kind` and `subject`. */
export interface ObserveFilter<D extends AnyDef, K extends KindOf<D> = KindOf<D>> {
  /** These jobs, as far as the rest fits; at most 500. @default the newest that fit */
  readonly ids?: readonly string[] | undefined;
  /** `null`: those of nobody. */
  readonly owner?: string | null;
  readonly kind?: K | readonly K[] | undefined;
  readonly subject?: string | undefined;
  /** 1–500, without `ids`. @default 100 */
  readonly limit?: number | undefined;
}

/** How to observe. */
export interface ObserveOptions {
  /** Ends it, without an error. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Versions by job id that are known from before, at most 500: what is not newer is left out of the snapshot, what is not to
   * be seen any more is `gone`, and what is older now comes with `reset`.
   */
  readonly known?: Readonly<Record<string, number>> | undefined;
}

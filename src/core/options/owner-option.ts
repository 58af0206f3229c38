import { checkText } from "../engine/compose/option-checks.js";
import { WaybillError } from "../errors/errors.js";

/** Whose jobs a call is about. Left out: any owner's, for code of the server. */
export interface OwnerOption {
  /**
   * Only jobs of this owner; `null`: of nobody. Another's is as unknown as none. `undefined` is refused, and never means
   * "anybody": it is what a missing session gives.
   */
  readonly owner?: string | null;
}

/** Everybody's jobs: what a call is about that names no owner. A symbol, so that no owner can be called like it. */
export const ANYBODY: unique symbol = Symbol("anybody");

/** Whose jobs are meant: one owner's, nobody's (`null`), or everybody's. */
export type Whose = string | null | typeof ANYBODY;

/**
 * Reads the option `owner`, for every method that takes it.
 *
 * @throws WaybillError `config.invalid` when it is there but undefined, or no usable text
 */
export function ownerOf(options: object | undefined): Whose {
  if (options === undefined || !("owner" in options)) return ANYBODY;
  const { owner } = options;
  if (owner === undefined) {
    throw new WaybillError(
      "config.invalid",
      "owner is there but undefined: pass the owner's id, null for jobs of nobody, or leave owner out to look at everybody's.",
    );
  }
  if (owner === null) return null;
  checkText("owner", owner);
  return owner as string;
}

/** Whether a job of this owner is among those that are meant. */
export function isOf(whose: Whose, owner: string | null): boolean {
  return whose === ANYBODY || whose === owner;
}

import type { FakeClock } from "../../../src/testing/fake-clock.js";

/** What the core did that the page of a port says it never does. */
export interface Breaches {
  readonly list: string[];
  check(holds: boolean, what: string): void;
}

export function breaches(): Breaches {
  const list: string[] = [];
  return {
    list,
    check(holds, what) {
      if (!holds && !list.includes(what)) list.push(what);
    },
  };
}

export interface OnTime {
  readonly clock: FakeClock;
  readonly found: Breaches;
}

export const isText = (text: string): boolean => !text.includes("\0") && !/\p{Surrogate}/u.test(text);
export const isWhole = (value: unknown): boolean => Number.isSafeInteger(value);
export const isDistinct = (values: readonly unknown[]): boolean => new Set(values).size === values.length;

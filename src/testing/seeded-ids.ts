import type { Ids } from "../core/environment/ids.js";

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/** A reproducible source of numbers in [0, 1): the same seed gives the same row. Not for secrets. */
export function seededRandom(seed: number): () => number {
  // Mulberry32: one multiplication chain over a Weyl sequence; its period of 2^32 is plenty for a test.
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * Reproducible ids: the same seed gives the same row of ids, transition ids, tokens and random numbers, so two processes
 * of one test need two seeds. Job ids sort by time, then by the order in which they were made. Not for production.
 */
export function seededIds(seed: number): Ids {
  const random = seededRandom(seed);
  let made = 0;
  const text = (characters: number): string => {
    let result = "";
    while (result.length < characters) result += ALPHABET.charAt(Math.floor(random() * 64));
    return result;
  };
  const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, "0");
  return {
    job: (nowMs) => `${hex(nowMs, 12)}-${hex(made++, 6)}-${hex(Math.floor(random() * 2 ** 32), 8)}`,
    transition: () => text(16),
    token: () => text(22),
    random,
  };
}

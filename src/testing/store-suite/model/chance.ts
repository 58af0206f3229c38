import { seededRandom } from "../../seeded-ids.js";

/** Choices by a seed. */
export class Chance {
  readonly #random: () => number;

  constructor(seed: number) {
    this.#random = seededRandom(seed);
  }

  below(count: number): number {
    return Math.floor(this.#random() * count);
  }

  /** True once in `count` times. */
  oneIn(count: number): boolean {
    return this.below(count) === 0;
  }

  of<T>(...choices: readonly [T, ...T[]]): T {
    return choices[this.below(choices.length)] ?? choices[0];
  }

  /** Each of them or not, at least one. */
  some<T>(all: readonly T[]): readonly T[] {
    const chosen = all.filter(() => this.oneIn(2));
    return chosen.length > 0 ? chosen : all.slice(0, 1);
  }

  shuffled<T>(all: readonly T[]): T[] {
    const left = [...all];
    return all.flatMap(() => left.splice(this.below(left.length), 1));
  }
}

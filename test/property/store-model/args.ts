import fc from "fast-check";
import { IDS } from "./world.js";

export const anId: fc.Arbitrary<string> = fc.constantFrom(...IDS);

/** Which job, for `ModelWorld.idOf`. */
export const aJob: fc.Arbitrary<number> = fc.nat(63);

/** An instant as its distance from now: before, at, just behind, far behind. */
export const anOffsetMs: fc.Arbitrary<number> = fc.constantFrom(-60_000, -1, 0, 1, 5_000, 600_000);

export const perhaps = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | null> =>
  fc.option(arbitrary, { nil: null });

/** How many changes ago the caller looked: mostly it knows what is stored. */
export const age: fc.Arbitrary<number> = fc.constantFrom(0, 0, 0, 0, 1, 2);

export const seldom: fc.Arbitrary<boolean> = fc.constantFrom(false, false, false, false, false, true);

export const KINDS: readonly string[] = ["kind.a", "kind.b"];
export const someKinds: fc.Arbitrary<readonly string[]> = fc.subarray([...KINDS], { minLength: 1 });
export const NOTIFIERS: readonly string[] = ["ui", "__proto__"];
export const REF_KEYS: readonly string[] = ["ref-1", "ref-2"];
export const OWNERS: readonly (string | null)[] = [null, "ann", "bob"];

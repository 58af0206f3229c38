import { describe, expect, it } from "vitest";
import { again, cancelled, complete, completed, fail } from "../../../src/core/decide/finish.js";
import { type Held, NO_UPDATES, underClaim, updatesEffect } from "../../../src/core/decide/held.js";
import { DEFAULT_POLICY } from "../../../src/core/defaults.js";
import { context, JOB, refused, snapshot } from "./fixtures.js";

const seen = snapshot(JOB.running());
const error = { message: "no", code: null, expose: false, afterMs: null };

describe("a decision under a claim", () => {
  it("is made only where its token is the current claim's", () => {
    let asked = 0;
    const decide = underClaim<Held>((held, _, at) => {
      asked += 1;
      return cancelled(held, at);
    });
    expect(decide(seen, { token: "other" }, context())).toEqual(refused("lease_lost"));
    expect(decide(snapshot(JOB.completed()), { token: "tok" }, context())).toEqual(refused("already_final"));
    expect(decide(snapshot(JOB.waiting()), { token: "tok" }, context())).toEqual(refused("lease_lost"));
    expect(asked).toBe(0);
    expect(decide(seen, { token: "tok" }, context()).do).toBe("write");
  });

  it("does not compile without a token, nor without having shown one", () => {
    // Never called: what is shown is what the compiler refuses.
    const forgotten = (): unknown[] => [
      // @ts-expect-error -- no token
      complete(seen, { output: "1" }, context()),
      // @ts-expect-error -- no token
      fail(seen, { failure: { reason: "error", message: "no" } }, context()),
      // @ts-expect-error -- what a decision is given has a token
      underClaim<{ readonly output: string }>((held, { output }, at) => completed(held, output, {}, at)),
      // @ts-expect-error -- nobody has shown a token
      completed(seen, "1", NO_UPDATES, context()),
      // @ts-expect-error -- nobody has shown a token
      again(seen, error, DEFAULT_POLICY.retry, NO_UPDATES, context()),
      // @ts-expect-error -- nobody has shown a token
      cancelled(seen, context()),
      // @ts-expect-error -- nobody has shown a token
      updatesEffect(seen, NO_UPDATES),
    ];
    expect(forgotten).toBeTypeOf("function");
  });
});

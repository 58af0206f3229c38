// A suite is worth what it catches: each clause of the memory store is taken out in turn, and the suite must notice.
import { describe, expect, it } from "vitest";
import { givenMutations } from "../guard-deletion/memory-conditions.js";
import { firstFailure, memoryStoreWith } from "../guard-deletion/memory-engine.js";

describe("the store suite", () => {
  it("passes the memory store as it is", async () => {
    expect(await firstFailure(await memoryStoreWith(null))).toBeNull();
  });

  it.each(givenMutations())("notices $key", async (mutation) => {
    expect(await firstFailure(await memoryStoreWith(mutation))).not.toBeNull();
  });
});

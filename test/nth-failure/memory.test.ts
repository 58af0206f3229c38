import { describe } from "vitest";
import { everyCall } from "./all-scenarios.js";
import { MEMORY_CUTS } from "./settings.js";
import { MEMORY } from "./stores.js";

describe("whatever single call fails, on the memory store, nothing is lost and nothing doubled", () => {
  everyCall(MEMORY, MEMORY_CUTS);
});

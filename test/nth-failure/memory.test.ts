import { describe } from "vitest";
import { everyCall } from "./all-scenarios.js";
import { SAMPLE_EVERY } from "./settings.js";
import { MEMORY } from "./stores.js";

describe("whatever single call fails, on the memory store, nothing is lost and nothing doubled", () => {
  everyCall(MEMORY, SAMPLE_EVERY.memory);
});

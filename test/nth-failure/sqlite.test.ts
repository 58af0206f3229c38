import { describe } from "vitest";
import { everyCall } from "./all-scenarios.js";
import { SAMPLE_EVERY } from "./settings.js";
import { SQLITE } from "./stores.js";

describe("whatever single call fails, on SQLite, nothing is lost and nothing doubled", () => {
  everyCall(SQLITE, SAMPLE_EVERY.sqlite);
});

import { describe } from "vitest";
import { everyCall } from "./all-scenarios.js";
import { SQLITE_CUTS } from "./settings.js";
import { SQLITE } from "./stores.js";

describe("whatever single call fails, on SQLite, nothing is lost and nothing doubled", () => {
  everyCall(SQLITE, SQLITE_CUTS);
});

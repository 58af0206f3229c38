import { describe, it } from "vitest";
import { expectClean, SHORT, TIMEOUT_MS } from "./expect-clean.js";
import { sqliteTorture } from "./sqlite-torture.js";
import { tortureProcesses } from "./torture-process.js";

describe("one SQLite file under workers that are killed and frozen", () => {
  it("loses no job, ends each once, and tells of every change", { timeout: TIMEOUT_MS }, async () => {
    expectClean("SQLite", SHORT, await tortureProcesses(sqliteTorture, SHORT));
  });
});

import { describe, it } from "vitest";
import { redisMissing } from "../integration/redis-server.js";
import { expectClean, SHORT, TIMEOUT_MS } from "./expect-clean.js";
import { redisTorture } from "./redis-torture.js";
import { tortureProcesses } from "./torture-process.js";

const OPTIONS = { ...SHORT, serverKills: 1 };

describe.skipIf(redisMissing() !== null)(
  "one Redis that syncs every write, under workers that are killed and frozen, and killed itself",
  () => {
    it("loses no job, ends each once, and tells of every change", { timeout: TIMEOUT_MS }, async () => {
      expectClean("Redis", OPTIONS, await tortureProcesses(redisTorture, OPTIONS));
    });
  },
);

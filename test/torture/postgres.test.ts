import { describe, it } from "vitest";
import { expectClean, SHORT, TIMEOUT_MS } from "./expect-clean.js";
import { serverMissing } from "./postgres-server.js";
import { postgresTorture } from "./postgres-torture.js";
import { tortureProcesses } from "./torture-process.js";

const missing = serverMissing();
if (missing !== null) {
  if (process.env["CI"] !== undefined && process.env["CI"] !== "false") throw new Error(missing);
  console.warn(`skipped: ${missing}`);
}

const OPTIONS = { ...SHORT, serverKills: 1 };

describe.skipIf(missing !== null)(
  "one Postgres under workers that are killed and frozen, and killed itself",
  () => {
    it("loses no job, ends each once, and tells of every change", { timeout: TIMEOUT_MS }, async () => {
      expectClean("Postgres", OPTIONS, await tortureProcesses(postgresTorture, OPTIONS));
    });
  },
);

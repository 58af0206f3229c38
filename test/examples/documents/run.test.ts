import { afterEach, describe, expect, it } from "vitest";
import { postgresMissing } from "../../support/postgres-server.js";
import { rabbitmqMissing } from "../../support/rabbitmq-server.js";
import { runExample } from "../run-example.js";

const missing = postgresMissing() ?? rabbitmqMissing();
const RUN_WITHIN_MS = 240_000;

describe.skipIf(missing !== null)("documents, as it is run", () => {
  afterEach(() => {
    Reflect.deleteProperty(process.env, "NAIVE_KIND");
  });

  it(
    "job, row, page and index agree of all, where the naive build loses three",
    { timeout: RUN_WITHIN_MS },
    async () => {
      const run = await runExample("documents", "--fast");
      expect(run.code, run.out).toBe(0);
      expect(run.lastLine).toBe(
        "✓ 8 jobs, 8 rows, both pages and the index agree; nobody received a byte of another's.",
      );
      expect(run.row("ended right")).toEqual(["naive 5 of 8, Waybill 8 of 8"]);
      expect(run.row("bytes of the other user")).toEqual(["naive 0, Waybill 0"]);
      expect(run.row("d-3 ana")).toEqual([
        "failed",
        "processing",
        "42 chunks",
        "ready",
        "ready",
        "42 chunks",
      ]);
      expect(run.row("d-5 ana")).toEqual(["ready", "processing", "17 chunks", "ready", "ready", "17 chunks"]);
      expect(run.row("d-6 ben")).toEqual(["pending", "pending", "no", "ready", "ready", "30 chunks"]);
      expect(run.row("d-8 ben")).toEqual(["failed", "failed", "no", "failed", "failed", "Not a PDF"]);
    },
  );

  it("without the fault both builds end right", { timeout: RUN_WITHIN_MS }, async () => {
    const run = await runExample("documents", "--fast", "--fault", "none");
    expect(run.code, run.out).toBe(0);
    expect(run.row("ended right")).toEqual(["naive 8 of 8, Waybill 8 of 8"]);
  });

  it(
    "the kindest naive build keeps the row of d-3, and its page never ends",
    { timeout: RUN_WITHIN_MS },
    async () => {
      process.env["NAIVE_KIND"] = "1";
      const run = await runExample("documents", "--fast");
      expect(run.code, run.out).toBe(0);
      expect(run.row("d-3 ana").slice(0, 3)).toEqual(["ready", "processing", "42 chunks"]);
      expect(run.row("ended right")).toEqual(["naive 5 of 8, Waybill 8 of 8"]);
    },
  );
});

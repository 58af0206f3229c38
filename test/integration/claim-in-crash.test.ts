// The server dies with a claim that it has stored and not answered: whoever claimed knows the token, asks again when the
// server is back, and runs the job. No lease is waited out and no attempt is used.
import { afterAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { createWaybill, defineJob, memoryQueue, StoreUnavailableError } from "../../src/index.js";
import type { ClaimReply } from "../../src/core/ports/store.js";
import { postgresStore } from "../../src/postgres.js";
import { interceptStore } from "../../src/testing/faults/intercept-store.js";
import { recordingLogger } from "../support/engine.js";
import { postgresMissing, type PostgresServer, startPostgres } from "../support/postgres-server.js";

const TIMEOUT_MS = 120_000;

/** A lease that is over only after the test: who waited for it would be too late. */
const work = defineJob({ kind: "work.do", input: z.object({ n: z.number() }), leaseMs: 10 * TIMEOUT_MS });

describe.skipIf(postgresMissing() !== null)("a claim whose answer died with the server", () => {
  let started: Promise<PostgresServer> | undefined;
  const open = () => (started ??= startPostgres({ durable: true }));
  afterAll(async () => {
    await (await started)?.stop();
  });

  it.each([
    ["from the store's own queue", false],
    ["by a message", true],
  ])(
    "%s is asked for again under its token",
    async (_, byMessage) => {
      const server = await open();
      const inner = postgresStore({ client: server.pool({ max: 4 }), schema: server.schema() });
      await inner.migrate();
      let deaths = 0;
      const store = interceptStore(inner, async (method, _items, call) => {
        const answer = await call();
        if (method !== "claim" || deaths > 0) return answer;
        const { jobs, results } = answer as ClaimReply;
        if (jobs.length + results.length === 0) return answer;
        deaths += 1;
        await server.kill();
        await server.start();
        throw new StoreUnavailableError("The server died.", { outcome: "unknown" });
      });
      const { logger } = recordingLogger();
      const queue = byMessage ? { queue: memoryQueue() } : {};
      const waybill = createWaybill({ jobs: [work], store, logger, ...queue });
      // Nobody asks the store for it: whoever reads while it is down is told so.
      const completed = new Promise<void>((resolve) => {
        waybill.on("job.completed", () => {
          resolve();
        });
      });
      const job = await waybill.submit(work, { n: 1 }).unwrap();
      let runs = 0;
      const handler = work.handle(() => {
        runs += 1;
        return null;
      });
      const worker = waybill.worker([handler]);
      const running = worker.run();
      await completed;
      const history = await waybill.history(work, job.id);
      const said = history?.events.map(({ type }) => type);
      expect(said).toEqual(["job.created", "job.queued", "job.started", "job.completed"]);
      expect([deaths, runs, (await waybill.get(work, job.id))?.attempt]).toEqual([1, 1, 1]);
      await waybill.close();
      await running;
    },
    TIMEOUT_MS,
  );
});

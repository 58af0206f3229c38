// The store went away and came back. The worker's process went on running, and took no job ever after
// (taskforcesh/bullmq#648, #3088, #3185, OptimalBits/bull#1170).
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { postgresMissing, type PostgresServer, startPostgres } from "../support/postgres-server.js";
import { naiveOnPostgres } from "./support/naive-build.js";
import { told } from "./support/regression.js";
import type { Open } from "./support/system.js";
import { waybillOnPostgres } from "./support/postgres-build.js";
import { must, Workshop } from "./support/workshop.js";

/**
 * From when the server answers again, for a build that never goes on: many times what ours takes. Ours is waited for as
 * long as a loaded machine may take; that it goes on at all is the point.
 */
const NAIVE_WAIT_MS = 6_000;
const OURS_WAIT_MS = 90_000;
const TIMEOUT_MS = 300_000;

async function scenario(open: Open, server: PostgresServer, waitMs: number): Promise<readonly string[]> {
  const system = await open();
  const { time, leaseMs } = system;
  const workshop = new Workshop();
  (await system.process("worker")).work(workshop.open);
  const api = await system.process("api");
  const [before, during] = [await api.submit(), await api.submit()];
  must(await time.until(() => workshop.running(before).length > 0, OURS_WAIT_MS), "the worker began");
  workshop.of(before)[0]?.succeed();
  must(await time.until(() => workshop.running(during).length > 0, OURS_WAIT_MS), "the worker went on");

  await server.kill();
  // It ends while there is nowhere to record it.
  workshop.of(during)[0]?.succeed();
  await time.pass(leaseMs / 2);
  await server.start();

  const completed = async (id: string): Promise<boolean> => (await system.truth(id))?.status === "COMPLETED";
  const violations: string[] = [];
  if (!(await completed(before))) violations.push("a recorded outcome was lost");

  // Processes that started later; only the worker has seen both.
  const after = await (await system.process("api, later")).submit();
  const repairer = await system.process("repairer");
  const seen = new Set<string>();
  const all = async (): Promise<boolean> => {
    for (const id of [during, after]) {
      for (const one of workshop.running(id)) one.succeed();
      if (await completed(id)) seen.add(id);
    }
    await repairer.repair();
    return seen.size === 2;
  };
  await time.until(all, waitMs);
  if (!seen.has(during)) violations.push("a job that was being run was never completed");
  if (!seen.has(after)) violations.push("the worker took no job after the store was back");
  return violations;
}

describe.skipIf(postgresMissing() !== null)("worker-survives-store-failover", () => {
  let server: PostgresServer;

  beforeAll(async () => {
    server = await startPostgres({ durable: true });
  }, TIMEOUT_MS);

  afterAll(async () => {
    await server.stop();
  }, TIMEOUT_MS);

  it("shows on a naive build", { timeout: TIMEOUT_MS }, async () => {
    expect(await told((open) => scenario(open, server, NAIVE_WAIT_MS), naiveOnPostgres(server))).toEqual([
      "a job that was being run was never completed",
      "the worker took no job after the store was back",
    ]);
  });

  it("does not happen to Waybill on Postgres", { timeout: TIMEOUT_MS }, async () => {
    const build = waybillOnPostgres(server);
    expect(await told((open) => scenario(open, server, OURS_WAIT_MS), build)).toEqual([]);
  });
});

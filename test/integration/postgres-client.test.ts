import pg from "pg";
import { describe, expect, it, onTestFinished } from "vitest";
import { z } from "zod";
import { createWaybill, defineJob } from "../../src/index.js";
import { fromPg, postgresFeed, postgresStore } from "../../src/postgres.js";
import { postgresMissing, postgresServer } from "../support/postgres-server.js";

const mail = defineJob({ kind: "mail", input: z.object({ to: z.string() }), output: z.string() });
const handler = mail.handle(({ input }) => input.to);

/** A connection that says, as version 9 of its driver will, where it is asked while it answers. */
async function connected(server: Awaited<ReturnType<typeof postgresServer>>) {
  const client = new pg.Client(server.connection);
  await client.connect();
  onTestFinished(() => client.end());
  const query = client.query.bind(client) as (...args: unknown[]) => Promise<unknown>;
  const seen = { most: 0 };
  let running = 0;
  client.query = (async (...args: unknown[]) => {
    seen.most = Math.max(seen.most, (running += 1));
    try {
      return await query(...args);
    } finally {
      running -= 1;
    }
  }) as never;
  return { client, seen };
}

describe.skipIf(postgresMissing() !== null)("a connected Client of pg", () => {
  it.each(["as it is", "with named statements"])(
    "runs one statement at a time, which is all that pg 9 takes: %s",
    async (how) => {
      const server = await postgresServer();
      const { client, seen } = await connected(server);
      const given = how === "as it is" ? client : fromPg(client);
      const store = postgresStore({ client: given, schema: server.schema(), listen: client });
      await store.migrate();
      const waybill = createWaybill({ jobs: [mail], store });
      const worker = waybill.worker([handler]);
      const running = worker.run();
      const jobs = await Promise.all(
        ["ann", "bob", "eve"].map((to) => waybill.submit(mail, { to }).unwrap()),
      );
      const results = jobs.map(({ id }) => waybill.result(mail, id, { timeoutMs: 15_000 }));
      expect(await Promise.all(results)).toEqual(["ann", "bob", "eve"]);
      await worker.stop();
      await running;
      await waybill.close();
      expect(seen.most).toBe(1);
    },
  );

  it("does so as a transaction and as a feed too", async () => {
    const server = await postgresServer();
    const pool = server.pool();
    const { client: tx, seen } = await connected(server);
    const { client: hints, seen: seenByFeed } = await connected(server);
    const store = postgresStore({ client: pool, schema: server.schema(), listen: false });
    await store.migrate();
    const feed = postgresFeed({ client: hints, listen: hints });
    const waybill = createWaybill({ jobs: [mail], store });
    await tx.query("begin");
    const submitted = ["ann", "bob"].map((to) => waybill.submit(mail, { to }, { tx }).unwrap());
    await Promise.all(submitted);
    const hint = { id: "x", version: 1, kind: "mail", owner: null, subject: null };
    await Promise.all([feed.subscribe(() => undefined), feed.publish([hint]), feed.publish([hint])]);
    await tx.query("commit");
    expect((await waybill.list({ kind: "mail" })).items).toHaveLength(2);
    await feed.close();
    await waybill.close();
    expect([seen.most, seenByFeed.most]).toEqual([1, 1]);
  });

  it("fails alone: what comes after a statement that was refused runs", async () => {
    const server = await postgresServer();
    const { client } = await connected(server);
    const store = postgresStore({ client, schema: server.schema(), listen: false });
    const waybill = createWaybill({ jobs: [mail], store });
    const refused = waybill.submit(mail, { to: "ann" }).unwrap();
    await expect(refused).rejects.toMatchObject({ code: "store.not_migrated" });
    await store.migrate();
    expect(await waybill.submit(mail, { to: "ann" }).unwrap()).toMatchObject({ status: "QUEUED" });
    await waybill.close();
  });
});

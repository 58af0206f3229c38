// What is passed as a client and is none, or answers as none does: refused before anything is written.
import { afterAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { createWaybill, defineJob } from "../../src/index.js";
import { fromPostgresJs, type PostgresClient, postgresStore } from "../../src/postgres.js";
import { type RedisClient, redisStore } from "../../src/redis.js";
import { recordingLogger } from "../support/engine.js";
import { postgresMissing, postgresServer } from "../support/postgres-server.js";

const mail = defineJob({ kind: "mail.send", input: z.object({ to: z.string() }) });

describe("what is no client", () => {
  it.each<[string, unknown]>([
    ["a URL", "postgres://localhost/jobs"],
    ["nothing", undefined],
    ["Drizzle", { execute: () => undefined, select: () => undefined, $client: {} }],
    ["Knex", Object.assign(() => undefined, { raw: () => undefined, select: () => undefined })],
    ["Prisma", { $queryRawUnsafe: () => undefined }],
    ["postgres.js without fromPostgresJs", Object.assign(() => undefined, { unsafe: () => undefined })],
  ])("of Postgres is refused at once: %s", (_, client) => {
    expect(() => postgresStore({ client: client as PostgresClient })).toThrow(
      expect.objectContaining({
        code: "config.invalid",
        message: expect.stringContaining("fromPostgresJs(sql)") as string,
      }),
    );
  });

  it.each<[string, unknown]>([
    ["a URL", "redis://localhost"],
    ["nothing", undefined],
    [
      "node-redis",
      {
        isOpen: true,
        eval: () => undefined,
        evalSha: () => undefined,
        publish: () => undefined,
        duplicate: () => undefined,
      },
    ],
    ["Upstash", { eval: () => undefined, evalsha: () => undefined, publish: () => undefined }],
  ])("of Redis is refused at once: %s", (_, client) => {
    expect(() => redisStore({ client: client as RedisClient })).toThrow(
      expect.objectContaining({
        code: "config.invalid",
        message: expect.stringContaining("ioredis") as string,
      }),
    );
  });
});

describe.skipIf(postgresMissing() !== null)("a client whose answers cannot be read", () => {
  const closers: (() => Promise<unknown>)[] = [];
  afterAll(async () => {
    for (const close of closers.splice(0)) await close();
  });

  const bench = async () => {
    const server = await postgresServer();
    const pool = server.pool({ max: 3 });
    const schema = server.schema();
    const good = postgresStore({ client: pool, schema });
    await good.migrate();
    const count = async () => {
      const { rows } = await pool.query<{ n: string }>(`select count(*) as n from ${schema}.job`);
      return Number(rows[0]?.n);
    };
    const waybillOn = (client: unknown) => {
      const store = postgresStore({ client: client as PostgresClient, schema });
      return createWaybill({ jobs: [mail], store, logger: recordingLogger().logger });
    };
    return { server, pool, schema, count, waybillOn };
  };

  interface Answer {
    readonly rows: readonly Record<string, unknown>[];
  }
  const camel = (rows: Answer["rows"]) =>
    rows.map((row) =>
      Object.fromEntries(
        Object.entries(row).map(([name, value]) => [
          name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase()),
          value,
        ]),
      ),
    );

  it.each<[string, (answer: Answer) => unknown]>([
    ["rows themselves (TypeORM, pg-promise)", ({ rows }) => rows],
    ["rows and fields (mysql2)", ({ rows }) => [rows, []]],
    ["rows as arrays", ({ rows }) => ({ rows: rows.map((row) => Object.values(row)) })],
    ["renamed columns (CamelCasePlugin)", ({ rows }) => ({ rows: camel(rows) })],
    ["no rows", () => ({ rows: [] })],
    ["nothing", () => undefined],
  ])("is refused before the first write: it answers with %s", async (_, change) => {
    const { pool, count, waybillOn } = await bench();
    const client = {
      query: async (text: string, params: string[]) =>
        change(await pool.query<Record<string, unknown>>(text, params)),
    };
    const call = waybillOn(client).submit(mail, { to: "ann" });
    await expect(call).rejects.toMatchObject({ code: "config.invalid", outcome: "not_applied" });
    expect(await count()).toBe(0);
  });

  it("is refused as a transaction too, and spoils nothing for those after it", async () => {
    const { server, pool, schema, count, waybillOn } = await bench();
    const { default: postgres } = await import("postgres");
    const sql = postgres({
      host: "127.0.0.1",
      port: server.port,
      user: "postgres",
      database: "postgres",
      max: 1,
      transform: postgres.camel,
    });
    closers.push(() => sql.end());
    const waybill = waybillOn(pool);
    const inTransaction = sql.begin(async (tx) => {
      await waybill.submit(mail, { to: "ann" }, { tx: fromPostgresJs(tx) }).unwrap();
    });
    await expect(inTransaction).rejects.toMatchObject({ code: "config.invalid", outcome: "not_applied" });
    expect(await count()).toBe(0);
    const job = await waybill.submit(mail, { to: "bob" }).unwrap();
    expect(Number.isFinite(job.createdAt.getTime())).toBe(true);
    expect(await count()).toBe(1);
    expect(schema).not.toBe("");
  });

  it("is asked once, however much it writes", async () => {
    const { pool, waybillOn } = await bench();
    const asked: string[] = [];
    const client = {
      query: (text: string, params: string[]) => {
        asked.push(text);
        return pool.query<Record<string, unknown>>(text, params);
      },
    };
    const waybill = waybillOn(client);
    for (const to of ["ann", "bob", "eve"]) await waybill.submit(mail, { to }).unwrap();
    expect(asked.filter((text) => text.includes("waybill_number"))).toHaveLength(1);
  });
});

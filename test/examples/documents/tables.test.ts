import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { migrate, MIGRATIONS } from "../../../examples/documents/migrations.js";
import { statusColumn } from "../../../examples/documents/status-column.js";
import {
  addDocument,
  addWorkspace,
  configure,
  documentsOf,
  putChunks,
} from "../../../examples/documents/tables.js";
import { postgresMissing, postgresServer } from "../../support/postgres-server.js";

const missing = postgresMissing();

describe.skipIf(missing !== null)("the documents' own tables", () => {
  const pools: pg.Pool[] = [];
  let admin: pg.Pool;

  beforeAll(async () => {
    admin = (await postgresServer()).pool();
  });
  afterAll(async () => {
    for (const pool of pools) await pool.end();
  });

  /** An empty database of its own. */
  async function database(name: string): Promise<pg.Pool> {
    await admin.query(`create database ${name}`);
    const { host, port, user } = (await postgresServer()).connection;
    const pool = new pg.Pool({ host, port, user: user ?? "postgres", database: name, max: 4 });
    pools.push(pool);
    return pool;
  }

  const shapeOf = async (pool: pg.Pool): Promise<unknown> => {
    const text = `select table_name, column_name, data_type, column_default, is_nullable
      from information_schema.columns where table_schema = 'public' order by 1, 2`;
    return (await pool.query(text)).rows;
  };

  it("are the same from whichever number they were migrated, and migrated twice at once", async () => {
    const whole = await database("whole");
    await Promise.all([migrate(whole), migrate(whole)]);
    const expected = await shapeOf(whole);
    for (let from = 1; from < MIGRATIONS.length; from += 1) {
      const pool = await database(`from_${String(from)}`);
      await migrate(pool, from);
      await pool.query("insert into documents (user_id, name, content) values ('ana', 'old.pdf', '')");
      await migrate(pool);
      await migrate(pool);
      expect(await shapeOf(pool)).toEqual(expected);
      const { rows } = await pool.query("select name, processing_status from documents");
      expect(rows).toEqual([{ name: "old.pdf", processing_status: "pending" }]);
      expect((await pool.query("select number from schema_migrations order by 1")).rowCount).toBe(4);
    }
  });

  it("refuse words of another vocabulary", async () => {
    const pool = await database("words");
    await migrate(pool);
    const id = await addWorkspace(pool, "ana", "Contracts");
    await expect(pool.query("update workspaces set status = 'failed' where id = $1", [id])).rejects.toThrow(
      "workspaces_status_check",
    );
  });

  it("say how many chunks a document has before its own column does: a page hears of the end first", async () => {
    const pool = await database("chunks");
    await migrate(pool);
    const workspaceId = await addWorkspace(pool, "ana", "Contracts");
    const content = Buffer.from("%PDF-");
    const id = await addDocument(pool, { user: "ana", workspaceId, name: "lease.pdf", content });
    expect(await documentsOf(pool, "ana")).toMatchObject([{ chunks: null }]);
    await putChunks(pool, id, ["one", "two"]);
    expect(await documentsOf(pool, "ana")).toMatchObject([{ status: "pending", chunks: 2 }]);
  });

  it("follow a document by (job, version): repeats and late copies change nothing, a rerun is followed", async () => {
    const pool = await database("follow");
    await migrate(pool);
    const workspaceId = await addWorkspace(pool, "ana", "Contracts");
    await configure(pool, workspaceId);
    const id = await addDocument(pool, {
      ...{ user: "ana", workspaceId, name: "lease.pdf", content: Buffer.from("%PDF-") },
    });
    const column = statusColumn(pool);
    const tell = async (
      jobId: string,
      version: number,
      word: string,
      more: object = {},
    ): Promise<unknown> => {
      const event = {
        ...{ jobId, version, word, type: "job.started", kind: "document.process", message: word },
        ...{ subject: `document:${id}`, owner: "ana" },
        ...more,
      };
      await column.publish([event as never], {
        signal: new AbortController().signal,
        view: async () => ({ output: { chunks: 42, embeddingModel: "hashed-64" } }) as never,
      });
      const [row] = await documentsOf(pool, "ana");
      return [row?.status, row?.chunks, row?.error, row?.metadata.embedding_model];
    };
    const nothing = [null, null, undefined];
    expect(await tell("job-a", 1, "pending")).toEqual(["pending", ...nothing]);
    expect(await tell("job-a", 3, "processing")).toEqual(["processing", ...nothing]);
    expect(await tell("job-a", 2, "pending")).toEqual(["processing", ...nothing]);
    const failed = { type: "job.failed", message: "Not a PDF" };
    expect(await tell("job-a", 5, "failed", failed)).toEqual(["failed", null, "Not a PDF", undefined]);
    expect(await tell("job-a", 5, "processing")).toEqual(["failed", null, "Not a PDF", undefined]);
    // The new job begins at version 1 again, and leaves nothing of the old one.
    expect(await tell("job-b", 1, "pending")).toEqual(["pending", ...nothing]);
    expect(await tell("job-a", 9, "failed", failed)).toEqual(["pending", ...nothing]);
    expect(await tell("job-b", 6, "ready", { type: "job.completed" })).toEqual([
      ...["ready", 42, null, "hashed-64"],
    ]);
    // A job of another user about the same document is none of this row's business.
    expect(await tell("job-c", 1, "failed", { owner: "ben" })).toEqual(["ready", 42, null, "hashed-64"]);
  });
});

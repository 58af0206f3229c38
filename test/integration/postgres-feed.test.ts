import pg from "pg";
import postgres from "postgres";
import { describe, expect, it } from "vitest";
import { listenOnPg } from "../../src/adapters/postgres/listen/pg-listener.js";
import type { Feed, FeedHint } from "../../src/core/ports/feed.js";
import { fromPostgresJs, postgresFeed, type PostgresListener, postgresStore } from "../../src/postgres.js";
import { fakeClock } from "../../src/testing/fake-clock.js";
import { sampleJob } from "../../src/testing/sample-jobs.js";
import { feedSuite } from "../../src/testing/feed-suite/feed-suite.js";
import { TcpProxy } from "../support/tcp-proxy.js";
import { postgresMissing, postgresServer, startPostgres } from "../support/postgres-server.js";

interface Ends {
  readonly feeds: readonly Feed[];
  /** Statements that were sent by the first end. */
  readonly sent: readonly string[];
  readonly schema: string;
  readonly pool: pg.Pool;
  readonly listeners: readonly pg.Client[];
  close(): Promise<void>;
}

async function ends(count: number): Promise<Ends> {
  const server = await postgresServer();
  const schema = server.schema();
  const pool = server.pool();
  const sent: string[] = [];
  const listeners: pg.Client[] = [];
  const feeds: Feed[] = [];
  for (let index = 0; index < count; index += 1) {
    const listener = new pg.Client(server.connection);
    listener.on("error", () => undefined);
    await listener.connect();
    listeners.push(listener);
    const client = {
      query: (text: string, params: string[] = []) => {
        if (index === 0) sent.push(text);
        return pool.query<Record<string, unknown>>(text, params);
      },
    };
    feeds.push(postgresStore({ client, schema, listen: listener }).feed!);
  }
  const close = async (): Promise<void> => {
    await Promise.all(feeds.map((feed) => feed.close()));
    await Promise.all(listeners.map((listener) => listener.end().catch(() => undefined)));
  };
  return { feeds, sent, schema, pool, listeners, close };
}

function hint(id: string, given: Partial<FeedHint> = {}): FeedHint {
  return { id, kind: "sample.kind", version: 1, owner: null, subject: null, ...given };
}

async function until(condition: () => boolean): Promise<void> {
  for (let tries = 0; tries < 1_000 && !condition(); tries += 1)
    await new Promise((resolve) => setTimeout(resolve, 5));
  expect(condition()).toBe(true);
}

describe.skipIf(postgresMissing() !== null)("the feed of the Postgres store", () => {
  feedSuite(
    { describe, it },
    {
      async create() {
        const { feeds, close } = await ends(2);
        const [publisher, subscriber] = feeds;
        return { publisher: publisher!, subscriber: subscriber!, close };
      },
    },
  );

  it("is not there where it is not wanted, and where the client can lend no connection", async () => {
    const server = await postgresServer();
    const client = { query: async () => ({ rows: [] }) };
    expect(postgresStore({ client: server.pool(), listen: false }).feed).toBeUndefined();
    expect(postgresStore({ client }).feed).toBeUndefined();
  });

  it("sends the hints of a batch with one statement, and no bare call", async () => {
    const { feeds, sent, close } = await ends(1);
    await feeds[0]!.publish(Array.from({ length: 500 }, (_, index) => hint(`job-${index}`)));
    await feeds[0]!.publish([]);
    expect(sent.length).toBe(1);
    await close();
  });

  it("drops a hint that fits in no notification, and sends the others", async () => {
    const { feeds, close } = await ends(2);
    const heard: FeedHint[] = [];
    await feeds[1]!.subscribe((one) => heard.push(one));
    await feeds[0]!.publish([hint("a"), hint("b", { subject: "é".repeat(5_000) }), hint("c")]);
    await until(() => heard.length === 2);
    expect(heard.map(({ id }) => id)).toEqual(["a", "c"]);
    await close();
  });

  it("hears nothing of another schema, and nothing in what is no hint", async () => {
    const [one, other] = [await ends(1), await ends(1)];
    const heard: FeedHint[] = [];
    await one.feeds[0]!.subscribe((hintHeard) => heard.push(hintHeard));
    await other.feeds[0]!.publish([hint("theirs")]);
    for (const payload of [
      "",
      "{",
      "{}",
      "null",
      "[1]",
      '[["a"]]',
      '[["a",1,2,3]]',
      "[[null,1,null,null]]",
      '"x"',
    ]) {
      await one.pool.query("select pg_notify($1, $2)", [`waybill_${one.schema}`, payload]);
    }
    await one.feeds[0]!.publish([hint("mine")]);
    await until(() => heard.length > 0);
    expect(heard).toEqual([hint("mine")]);
    await one.close();
    await other.close();
  });

  it("is refused as such where the connection is gone, and publishes on", async () => {
    const { feeds, listeners, close } = await ends(1);
    await listeners[0]!.end();
    await expect(feeds[0]!.subscribe(() => undefined)).rejects.toMatchObject({ code: "feed.unavailable" });
    await feeds[0]!.publish([hint("a")]);
    await close();
  });

  it("tells of no job that is rolled back, because it is no part of any transaction", async () => {
    const { feeds, sent, pool, schema, close } = await ends(1);
    const store = postgresStore({ client: pool, schema });
    await store.migrate();
    await feeds[0]!.publish([hint("a")]);
    expect(sent.every((text) => !text.includes(".job"))).toBe(true);
    await close();
  });

  it("takes no commit that keeps those who notify waiting for a transaction that is still open", async () => {
    const server = await postgresServer();
    const schema = server.schema();
    const pool = server.pool();
    const store = postgresStore({
      client: server.pool({ options: "-c synchronous_commit=local -c lock_timeout=7min" }),
      schema,
    });
    await store.migrate();
    const standbys = async (names: string): Promise<void> => {
      await pool.query(`alter system set synchronous_standby_names = '${names}'`);
      await pool.query("select pg_reload_conf()");
    };
    const waiting = async (type: string): Promise<number | undefined> => {
      const sql = "select pid from pg_stat_activity where $1 in (wait_event, wait_event_type)";
      return (await pool.query<{ pid: number }>(sql, [type])).rows[0]?.pid;
    };
    const found = async (type: string): Promise<number> => {
      for (;;) {
        const pid = await waiting(type);
        if (pid !== undefined) return pid;
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    };
    await pool.query(`create table ${schema}.slow (n integer)`);
    await standbys("none_such");
    const slow = server.pool({ max: 1 });
    // A commit waits for a standby that is not there, and with it all others that notify.
    const held = (async (): Promise<void> => {
      let isOver = false as boolean;
      void found("SyncRep").then(() => (isOver = true));
      while (!isOver) {
        await slow.query(`with i as (insert into ${schema}.slow values (1)) select pg_notify('slow', 'x')`);
      }
    })();
    const pid = await found("SyncRep");
    const items = ["a", "b"].map((id) => ({ record: sampleJob({ id }, 0), input: "{}" }));
    const created = store.create({ nowMs: 0, items });
    void created.catch(() => undefined);
    await found("Lock");
    // Longer than a batch waits for a key that another transaction has used.
    await new Promise((resolve) => setTimeout(resolve, 300));
    await standbys("");
    await pool.query("select pg_cancel_backend($1)", [pid]);
    await held;
    expect((await created).results).toEqual([{ status: "created" }, { status: "created" }]);
  });

  it("listens over postgres.js", async () => {
    const server = await postgresServer();
    const { feeds, schema, close } = await ends(1);
    const sql = postgres({
      host: server.connection.host,
      port: server.port,
      username: "postgres",
      database: "postgres",
    });
    const listen: PostgresListener = fromPostgresJs(sql);
    const feed = postgresStore({ client: fromPostgresJs(sql), schema, listen }).feed!;
    const heard: FeedHint[] = [];
    await feed.subscribe((one) => heard.push(one));
    await feeds[0]!.publish([hint("a", { subject: "東京" })]);
    await until(() => heard.length === 1);
    expect(heard).toEqual([hint("a", { subject: "東京" })]);
    await feed.close();
    await close();
    await sql.end();
  });
});

/** Ends the connections that listen, as an operator, a failover or a firewall does. */
async function endListeners(pool: pg.Pool, schema: string): Promise<number> {
  const { rowCount } = await pool.query(
    "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and query = $1",
    [`listen "waybill_${schema}"`],
  );
  return rowCount ?? 0;
}

/** Publishes until it is heard: what is published while nobody listens is lost, as hints may be. */
async function heardAgain(feed: Feed, heard: FeedHint[], id: string): Promise<void> {
  for (let tries = 0; tries < 200 && !heard.some((one) => one.id === id); tries += 1) {
    await feed.publish([hint(id)]);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  expect(heard.map((one) => one.id)).toContain(id);
}

describe.skipIf(postgresMissing() !== null)(
  "the feed of the Postgres store, when its connection dies",
  () => {
    it("listens again on a new connection of pg, as often as it takes", async () => {
      const server = await postgresServer();
      const { feeds, schema, pool, close } = await ends(1);
      const made: pg.Client[] = [];
      const listen = listenOnPg(() => {
        const client = new pg.Client(server.connection);
        made.push(client);
        return client;
      });
      const feed = postgresStore({ client: pool, schema, listen }).feed!;
      const heard: FeedHint[] = [];
      const leave = await feed.subscribe((one) => heard.push(one));
      for (const id of ["after-one", "after-two"]) {
        expect(await endListeners(pool, schema)).toBe(1);
        await heardAgain(feeds[0]!, heard, id);
      }
      expect(made.length).toBe(3);
      await leave();
      await feed.close();
      await close();
      // A server takes a moment to notice that a client has gone.
      let left = await endListeners(pool, schema);
      while (left > 0) left = await endListeners(pool, schema);
    });

    it("goes on trying while the server is down, and stops at once when it is closed meanwhile", async () => {
      const server = await startPostgres({ durable: false });
      try {
        const pool = server.pool();
        let made = 0;
        const listen = listenOnPg(() => {
          made += 1;
          return new pg.Client(server.connection);
        });
        const [one, other] = [0, 1].map(() => postgresStore({ client: pool, schema: "jobs", listen }).feed!);
        const heard: FeedHint[] = [];
        await one!.subscribe((each) => heard.push(each));
        await other!.subscribe(() => undefined);
        await server.kill();
        await until(() => made > 4);
        await other!.close();
        await server.start();
        await heardAgain(one!, heard, "after-the-restart");
        const { rows } = await pool.query("select pid from pg_stat_activity where query like 'listen %'");
        expect(rows.length).toBe(1);
        await one!.close();
        const madeAtLast = made;
        await new Promise((resolve) => setTimeout(resolve, 300));
        expect(made).toBe(madeAtLast);
      } finally {
        await server.stop();
      }
    });

    it("tells the first subscriber of pg that there is no connection, and the next one finds it", async () => {
      const server = await postgresServer();
      const { feeds, schema, pool, close } = await ends(1);
      let reachable = false;
      const listen = listenOnPg(
        () => new pg.Client(reachable ? server.connection : { ...server.connection, database: "nowhere" }),
      );
      const feed = postgresStore({ client: pool, schema, listen }).feed!;
      await expect(feed.subscribe(() => undefined)).rejects.toMatchObject({ code: "feed.unavailable" });
      reachable = true;
      const heard: FeedHint[] = [];
      await feed.subscribe((one) => heard.push(one));
      await heardAgain(feeds[0]!, heard, "a");
      await feed.close();
      await close();
    });

    it("survives the loss of a client that it was given, and says so to the next subscriber", async () => {
      const server = await postgresServer();
      const { schema, pool, close } = await ends(1);
      // Without a listener of its own for errors: the loss must not end the process.
      const client = new pg.Client(server.connection);
      await client.connect();
      const feed = postgresStore({ client: pool, schema, listen: client }).feed!;
      await feed.subscribe(() => undefined);
      const ended = new Promise<void>((resolve) => client.once("end", resolve));
      expect(await endListeners(pool, schema)).toBe(1);
      await ended;
      await expect(feed.subscribe(() => undefined)).rejects.toMatchObject({ code: "feed.unavailable" });
      await feed.publish([hint("a")]);
      await feed.close();
      await close();
    });

    it("gives the connection that it borrowed back to a pool that is ended: who ended it waits for that", async () => {
      const server = await postgresServer();
      const pool = server.pool({ max: 2 });
      // A clock that stands: no look at a silent link, and no pause after the last subscriber, comes to its help.
      const feed = postgresFeed({ client: pool, clock: fakeClock() });
      const leave = await feed.subscribe(() => undefined);
      expect(pool.totalCount - pool.idleCount).toBe(1);
      await leave();
      await pool.end();
      await feed.close();
      expect(pool.totalCount).toBe(0);
    });

    it("is closed where its link has gone silent, and the pool has the place of that one again", async () => {
      const server = await postgresServer();
      const proxy = await TcpProxy.to(server.port);
      const pool = server.pool({ max: 2, port: proxy.port });
      const feed = postgresFeed({ client: pool });
      await feed.subscribe(() => undefined);
      const silent = proxy.silence("unlisten");
      await feed.close();
      await silent;
      const one = await pool.connect();
      const { rows } = await pool.query("select 1 as n");
      expect(rows).toEqual([{ n: 1 }]);
      one.release();
      await proxy.close();
    });

    it("is closed where whoever listens for it never answers any more", async () => {
      const clock = fakeClock();
      const never = new Promise<never>(() => undefined);
      let hear: (payload: string) => void = () => undefined;
      const listen = {
        listen: async (_: string, told: (payload: string) => void) => ((hear = told), () => never),
      };
      const client = { query: async () => (hear("[]"), { rows: [] }) };
      const feed = postgresFeed({ client, listen, clock });
      await feed.subscribe(() => undefined);
      const closed = feed.close();
      await clock.advance(2_000);
      await closed;
    });

    it("hears on over postgres.js, which listens again by itself", async () => {
      const server = await postgresServer();
      const { feeds, schema, pool, close } = await ends(1);
      const { host, port } = server.connection;
      const sql = postgres({ host, port, username: "postgres", database: "postgres" });
      const feed = postgresStore({ client: pool, schema, listen: fromPostgresJs(sql) }).feed!;
      const heard: FeedHint[] = [];
      await feed.subscribe((one) => heard.push(one));
      expect(await endListeners(pool, schema)).toBe(1);
      await heardAgain(feeds[0]!, heard, "after");
      await feed.close();
      await close();
      await sql.end();
    });
  },
);

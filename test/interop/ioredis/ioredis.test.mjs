// Majors of ioredis as clients that are passed in; an old one in the project must not keep npm from installing.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { createWaybill, defineJob } from "waybill";
import { redisStore } from "waybill/redis";
import { startRedis } from "./redis.mjs";

const anything = { "~standard": { version: 1, vendor: "interop", validate: (value) => ({ value }) } };
const double = defineJob({ kind: "double", input: anything, output: anything });
/** Nobody is told by a re-read in that time: what is heard comes through the feed. */
const policy = { watchEveryMs: 3_600_000 };

const SETTINGS = {
  "as they are by default": {},
  "keyPrefix, db, lazyConnect": { keyPrefix: "app:", db: 3, lazyConnect: true },
  "readOnly, autoResubscribe: false": { readOnly: true, autoResubscribe: false },
  "enableReadyCheck: false, maxRetriesPerRequest: null": {
    enableReadyCheck: false,
    maxRetriesPerRequest: null,
  },
  stringNumbers: { stringNumbers: true },
};

describe("ioredis", () => {
  let server;
  before(async () => {
    server = await startRedis();
  });
  after(async () => {
    await server?.stop();
  });

  for (const name of ["ioredis-4-9", "ioredis-4", "ioredis-5", "ioredis"])
    for (const [setting, options] of Object.entries(SETTINGS))
      it(`${name}, ${setting}: another process hears of the end of a job`, async () => {
        const { default: Redis } = await import(name);
        const prefix = server.prefix();
        const clients = [];
        const make = () => {
          const client = new Redis(server.port, "127.0.0.1", options);
          clients.push(client);
          return createWaybill({ jobs: [double], store: redisStore({ client, prefix }), policy });
        };
        const [web, back] = [make(), make()];
        let go;
        const watched = new Promise((resolve) => (go = resolve));
        const running = back.worker([double.handle(({ input }) => watched.then(() => input * 2))]).run();
        const job = await web.submit(double, 21).unwrap();
        let last;
        for await (const view of web.watch(double, job.id)) {
          last = view;
          go();
        }
        assert.equal(last.status, "COMPLETED");
        assert.equal(last.output, 42);
        await back.close();
        await web.close();
        await running;
        for (const client of clients) client.disconnect();
      });

  it("npm installs beside ioredis 4, and beside other peers that are older than what the entries need", () => {
    const tarball = readdirSync("..").find((file) => /^waybill-.*\.tgz$/.test(file));
    const dependencies = {
      ...{ waybill: `file:../../${tarball}`, ioredis: "4.31.0", pg: "7.18.2", ws: "7.5.10" },
      ...{ react: "17.0.2", amqplib: "0.8.0", "better-sqlite3": "8.7.0" },
    };
    mkdirSync("old", { recursive: true });
    writeFileSync("old/package.json", JSON.stringify({ name: "old", private: true, dependencies }));
    const args = ["install", "--package-lock-only", "--prefer-offline", "--no-audit", "--no-fund"];
    execFileSync("npm", args, { cwd: "old", encoding: "utf8", stdio: "pipe" });
    const { packages } = JSON.parse(readFileSync("old/package-lock.json", "utf8"));
    assert.equal(packages["node_modules/ioredis"].version, "4.31.0");
  });
});

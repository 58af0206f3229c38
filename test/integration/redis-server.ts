// A real Redis for one test file, which is stopped with it.
import { afterAll } from "vitest";
import { redisBinary, type RedisServer, startRedis } from "./redis-process.js";

export * from "./redis-process.js";

const STOP_MS = 30_000;

/** Why no server can be started here; `null`: one can. On CI that is a failure, elsewhere a reason to skip. */
export function redisMissing(): string | null {
  if (redisBinary("redis-server") !== null) return null;
  const reason = "no redis-server on this machine: install the package redis-server";
  if (process.env["CI"] !== undefined && process.env["CI"] !== "false") throw new Error(reason);
  console.warn(`skipped: ${reason}`);
  return reason;
}

let shared: Promise<RedisServer> | null = null;

/** The server of this test file. */
export function redisServer(): Promise<RedisServer> {
  shared ??= startRedis();
  return shared;
}

afterAll(async () => {
  await (await shared?.catch(() => null))?.stop();
}, STOP_MS);

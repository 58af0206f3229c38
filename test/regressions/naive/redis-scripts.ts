import type { Redis } from "ioredis";

/** A claim as it is written by hand: it takes the next job, counts the attempt and notes it. */
const CLAIM = `
local id = redis.call('LPOP', KEYS[1])
if not id then return nil end
redis.call('HINCRBY', 'naive:' .. id, 'attempt', 1)
redis.call('RPUSH', 'naive:' .. id .. ':history', 'claimed by ' .. ARGV[1])
return id`;

/** A retry as it is written by hand: another dispatch, and back into the line. */
const RETRY = `
redis.call('HINCRBY', 'naive:' .. ARGV[1], 'dispatch', 1)
redis.call('RPUSH', 'naive:' .. ARGV[1] .. ':history', 'retried')
redis.call('RPUSH', KEYS[1], ARGV[1])`;

const LINE = "naive:ready";

/** Jobs in Redis whose scripts take for granted that a script runs once. */
export class NaiveRedisJobs {
  readonly #client: Redis;

  constructor(client: Redis) {
    this.#client = client;
  }

  async submit(id: string): Promise<void> {
    await this.#client.rpush(LINE, id);
  }

  async claim(worker: string): Promise<string | null> {
    return (await this.#client.eval(CLAIM, 1, LINE, worker)) as string | null;
  }

  async retry(id: string): Promise<void> {
    await this.#client.eval(RETRY, 1, LINE, id);
  }

  async look(
    id: string,
  ): Promise<{ readonly attempts: number; readonly dispatches: number; readonly entries: number }> {
    const [attempt, dispatch] = await this.#client.hmget(`naive:${id}`, "attempt", "dispatch");
    const entries = await this.#client.llen(`naive:${id}:history`);
    return { attempts: Number(attempt ?? 0), dispatches: Number(dispatch ?? 0), entries };
  }

  /** How many jobs stand in the line. */
  waiting(): Promise<number> {
    return this.#client.llen(LINE);
  }
}

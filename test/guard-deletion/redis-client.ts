import { createHash } from "node:crypto";
import type { Redis } from "ioredis";
import type { RedisClient, RedisNode } from "../../src/adapters/redis/client/client.js";
import type { RedisServer } from "../integration/redis-server.js";
import type { TextMutator } from "./mutator.js";

/** A script that runs for so long has lost what ended it. */
const LONGEST_SCRIPT_MS = 2_000;

const sha1 = (text: string): string => createHash("sha1").update(text).digest("hex");

/** What a server answers that does not know a script. */
function unknownScript(): Error {
  const error = new Error("NOSCRIPT No matching script. Please use EVAL.");
  error.name = "ReplyError";
  return error;
}

/** A server and the connections through which scripts pass with a guard taken out. */
export class ChangedScripts {
  readonly redis: Redis;
  readonly server: RedisServer;
  readonly #mutator: TextMutator;
  /** What is done when a script does not end: it does not go through the connection that waits for it. */
  readonly #rescuer: Redis;
  /** The scripts that were sent whole, by the names that the store knows them by. */
  readonly #sources = new Map<string, string>();
  readonly #open = new Set<{ closed: boolean }>();

  constructor(server: RedisServer, mutator: TextMutator) {
    this.server = server;
    this.#mutator = mutator;
    // A script that never ends must not be sent again to the server that took the place of the one it kept busy.
    this.redis = server.client({ autoResendUnfulfilledCommands: false });
    this.#rescuer = server.client({ autoResendUnfulfilledCommands: false });
  }

  /** A client as the store takes it. @param isCluster - it says that it is one of a cluster */
  client(isCluster = false): RedisClient & RedisNode {
    const { redis } = this;
    const state = { closed: false };
    this.#open.add(state);
    const run = async (source: string, args: readonly [number, ...string[]]): Promise<unknown> => {
      if (state.closed) throw new Error("The test is over.");
      return this.#run(source, args);
    };
    return {
      get status() {
        return redis.status;
      },
      eval: (source, keys, ...args) => {
        this.#sources.set(sha1(source), source);
        return run(source, [keys, ...args]);
      },
      evalsha: async (sha, keys, ...args) => {
        const source = this.#sources.get(sha);
        if (source === undefined) throw unknownScript();
        return run(source, [keys, ...args]);
      },
      publish: (channel, message) => redis.publish(channel, message),
      wait: (replicas, timeoutMs) => redis.wait(replicas, timeoutMs),
      duplicate: () => redis.duplicate(),
      info: (...sections) => redis.info(...sections),
      config: (subcommand, pattern) => redis.config(subcommand, pattern),
      ...(isCluster ? { nodes: () => [redis] } : {}),
    };
  }

  /** Ends what a test left running: what it sends from now on is refused. */
  async clear(): Promise<void> {
    for (const state of this.#open) state.closed = true;
    this.#open.clear();
    await this.redis.flushall();
  }

  async #run(source: string, [keys, ...args]: readonly [number, ...string[]]): Promise<unknown> {
    const changed = this.#mutator.changed(source);
    const watch = setInterval(() => void this.#rescue(), LONGEST_SCRIPT_MS);
    try {
      return await this.redis.evalsha(sha1(changed), keys, ...args);
    } catch (error) {
      if (!isReply(error, /^NOSCRIPT/)) throw error;
      return await this.#sendWhole(changed, keys, args, changed !== source);
    } finally {
      clearInterval(watch);
    }
  }

  async #sendWhole(
    text: string,
    keys: number,
    args: readonly string[],
    isChanged: boolean,
  ): Promise<unknown> {
    try {
      return await this.redis.eval(text, keys, ...args);
    } catch (error) {
      if (isChanged && isReply(error, /compiling script/)) this.#mutator.unreadable.add(String(error));
      throw error;
    }
  }

  /** Stops a script that goes on for ever; one that has written already goes with its server. */
  async #rescue(): Promise<void> {
    try {
      await this.#rescuer.script("KILL");
    } catch (error) {
      if (!isReply(error, /^UNKILLABLE/)) return;
      await this.server.kill();
      await this.server.start();
    }
  }
}

function isReply(error: unknown, pattern: RegExp): boolean {
  return error instanceof Error && error.name === "ReplyError" && pattern.test(error.message);
}

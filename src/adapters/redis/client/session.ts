import { StoreUnavailableError, WaybillError } from "../../../core/errors/errors.js";
import type { LostWrites } from "../../../core/ports/store.js";
import type { RedisClient, RedisCommands } from "./client.js";
import { closedClient, type Effect, explained, isUnknownScript } from "./errors.js";
import { Marks } from "./marks.js";
import type { Places } from "../names.js";
import { numberOf, Reply } from "../documents/reply.js";
import type { Script } from "../scripts/script.js";

/** `WAIT`: how many replicas must have a write before it is answered, and how long that may take. */
export interface RedisWait {
  readonly replicas: number;
  readonly timeoutMs: number;
}

/** Writes that this store object had been told of are gone. */
export interface RedisLostWrites extends LostWrites {
  readonly shard: number;
}

export interface SessionOptions {
  readonly client: RedisCommands & Pick<RedisClient, "nodes">;
  readonly places: Places;
  readonly clientId: string;
  /** Scripts publish what they change. */
  readonly tells: boolean;
  readonly wait: RedisWait | null;
  readonly onLostWrites: (lost: RedisLostWrites) => void;
}

/** The answer of a script. */
export interface Answer {
  readonly nowMs: number;
  readonly reply: Reply;
}

/** Runs scripts, each on one shard. */
export interface Session {
  readonly places: Places;
  readonly shards: number;
  /**
   * @param again - what is sent in the place of `args` where the same is asked over another connection too, and either answer
   *   may be the one that is heard
   * @throws StoreUnavailableError
   */
  run(
    script: Script,
    shard: number,
    args: readonly string[],
    effect: Effect,
    again?: () => readonly string[],
  ): Promise<Answer>;
}

/** On one connection. */
export class ConnectionSession implements Session {
  readonly places: Places;
  readonly #options: SessionOptions;
  readonly #marks: readonly Marks[];

  constructor(options: SessionOptions, marks?: readonly Marks[]) {
    this.#options = options;
    this.places = options.places;
    this.#marks = marks ?? options.places.tags.map(() => new Marks());
  }

  /**
   * The same client over another connection. Its calls are numbered on: a claim of this one that comes to the server behind
   * them, when nobody waits for it any more, takes nothing.
   */
  over(client: SessionOptions["client"]): ConnectionSession {
    return new ConnectionSession({ ...this.#options, client }, this.#marks);
  }

  get shards(): number {
    return this.places.tags.length;
  }

  async run(script: Script, shard: number, args: readonly string[], effect: Effect): Promise<Answer> {
    try {
      return await this.#run(script, shard, args, effect);
    } catch (error) {
      throw explained(error, effect);
    }
  }

  /** A script that the server does not know has not run: it is sent whole, and is known from then on. */
  async #run(script: Script, shard: number, args: readonly string[], effect: Effect): Promise<Answer> {
    const { client } = this.#options;
    if (client.status === "end") throw closedClient();
    try {
      return await this.#send(shard, args, effect, (tag, all) => client.evalsha(script.sha, 1, tag, ...all));
    } catch (error) {
      if (!isUnknownScript(error)) throw error;
      // A call of its own: others went out meanwhile, and behind their numbers it would look like one that is sent again.
      return this.#send(shard, args, effect, (tag, all) => client.eval(script.source, 1, tag, ...all));
    }
  }

  async #send(
    shard: number,
    args: readonly string[],
    effect: Effect,
    send: (tag: string, args: readonly string[]) => Promise<unknown>,
  ): Promise<Answer> {
    const { client, clientId, tells, wait, onLostWrites } = this.#options;
    const tag = this.places.tags[shard];
    const marks = this.#marks[shard];
    if (tag === undefined || marks === undefined) throw new RangeError("no such shard");
    const mark = marks.next(Date.now());
    const waited = effect === "writes" ? wait : null;
    const flags = (client.nodes === undefined ? "" : "1") + (waited === null ? "" : "w") + (tells ? "" : "q");
    const all = [clientId, String(mark.number), String(mark.floor), flags, ...args];
    const [answered, replicas] = await together(client, send(tag, all), waited);
    const { nowMs, wrote, lost, reply } = envelopeOf(answered);
    const isTooFew = waited !== null && replicas < waited.replicas;
    // What is answered as unknown was not acknowledged: that it may be gone is no news.
    const calls = marks.answered(mark, { wrote: wrote && !isTooFew, lost }, Date.now());
    if (calls > 0) onLostWrites({ shard, calls, nowMs });
    if (isTooFew) throw tooFewReplicas(replicas);
    return { nowMs, reply: new Reply(reply ?? []) };
  }
}

/**
 * WAIT goes right behind the script, on the same connection: no trip is added. It waits for all that the server had written
 * by then, also where this script only found what an earlier try had written: it leaves a mark all the same.
 */
async function together(
  client: RedisCommands,
  running: Promise<unknown>,
  wait: RedisWait | null,
): Promise<readonly [answer: unknown, replicas: number]> {
  if (wait === null) return [await running, 0];
  const [answer, replicas] = await Promise.allSettled([running, client.wait(wait.replicas, wait.timeoutMs)]);
  if (answer.status === "rejected") throw answer.reason;
  if (replicas.status === "rejected") throw replicas.reason;
  return [answer.value, Number(replicas.value)];
}

interface Envelope {
  readonly nowMs: number;
  readonly wrote: boolean;
  readonly lost: number;
  readonly reply: unknown;
}

function envelopeOf(answered: unknown): Envelope {
  if (!Array.isArray(answered) || answered.length < 3) {
    throw new WaybillError(
      "config.invalid",
      "The client of the Redis store does not answer as ioredis does.",
    );
  }
  const [now, wrote, losses, reply] = answered as readonly unknown[];
  const [nowMs, lost] = [numberOf(now), numberOf(losses)];
  return { nowMs, wrote: Number(wrote) === 1, lost, reply };
}

function tooFewReplicas(replicas: number): StoreUnavailableError {
  const sentence = `Redis wrote, and only ${replicas} of the replicas asked for have it so far.`;
  return new StoreUnavailableError(sentence, { outcome: "unknown" });
}

import { randomUUID } from "node:crypto";
import { Redis } from "ioredis";
import { batched } from "../lib/batches.js";
import { createNap } from "../lib/nap.js";
import {
  type Contestant,
  handle,
  type Payload,
  type Place,
  type WorkMode,
  type Working,
} from "../lib/contestant.js";
import { emptied, redisPlace } from "../lib/redis-place.js";

const IDLE_MS = 5;

/** Arguments: per job its id and its key's value. */
const INSERT = `
local pairs,ids={},{}
for i=1,#ARGV,2 do pairs[i]='j:'..ARGV[i] pairs[i+1]='0'..ARGV[i+1] ids[#ids+1]=ARGV[i] end
redis.call('MSET',unpack(pairs))
redis.call('RPUSH','ready',unpack(ids))
`;

/** Argument: how many. Answers ids and values. */
const CLAIM = `
local ids=redis.call('LPOP','ready',ARGV[1])
if not ids then return {} end
local keys={}
for i=1,#ids do keys[i]='j:'..ids[i] redis.call('SETRANGE',keys[i],0,'1') end
return {ids,redis.call('MGET',unpack(keys))}
`;

/** Arguments: per job its id and its output. */
const FINISH = `
local pairs,keys={},{}
for i=1,#ARGV,2 do keys[#keys+1]='j:'..ARGV[i] pairs[i]='o:'..ARGV[i] pairs[i+1]=ARGV[i+1] end
for i=1,#keys do
  if redis.call('GETRANGE',keys[i],0,0)~='1' then return redis.error_reply('not claimed') end
  redis.call('SETRANGE',keys[i],0,'2')
end
redis.call('MSET',unpack(pairs))
redis.call('INCRBY','done',#keys)
`;

/**
 * The least that keeps a job through a claim to its output: a key with a status in front, the same input and output bytes,
 * and a list of what is ready. No version, guard, lease, history, index or record of any other thing.
 */
export async function open(place: Place): Promise<Contestant> {
  const at = redisPlace(place);
  const redis = new Redis(at);
  const idle = createNap(IDLE_MS);
  const script = async (source: string): Promise<(...args: readonly string[]) => Promise<unknown>> => {
    const sha = String(await redis.script("LOAD", source));
    return (...args) => redis.evalsha(sha, 0, ...args);
  };
  const [toInsert, toClaim, toFinish] = await Promise.all([INSERT, CLAIM, FINISH].map(script));
  if (toInsert === undefined || toClaim === undefined || toFinish === undefined)
    throw new Error("no scripts");

  const insert = async (inputs: readonly Payload[]): Promise<void> => {
    await toInsert(...inputs.flatMap((input) => [randomUUID(), JSON.stringify(input)]));
    idle.end();
  };
  const claim = async (limit: number): Promise<readonly (readonly [id: string, input: string])[]> => {
    const [ids = [], values = []] = (await toClaim(String(limit))) as readonly (readonly string[])[];
    return ids.map((id, index) => [id, (values[index] ?? "").slice(1)]);
  };

  return {
    prepare: () => emptied(at),
    submit: batched(50, 2, insert),
    load: async (inputs) => {
      for (let from = 0; from < inputs.length; from += 500) await insert(inputs.slice(from, from + 500));
    },
    work: async ({ concurrency, ahead }: WorkMode, recorded): Promise<Working> => {
      const batch = concurrency + ahead;
      let stopped = false;
      const run = async (): Promise<void> => {
        let next = claim(batch);
        while (!stopped) {
          const jobs = await next;
          // Ahead: the next claim is under way while the outcomes of this one are stored.
          if (ahead > 0) next = claim(batch);
          if (jobs.length > 0) {
            const done = jobs.map(async ([id, input]) => [
              id,
              JSON.stringify(await handle(JSON.parse(input) as Payload)),
            ]);
            await toFinish(...(await Promise.all(done)).flat());
            recorded(jobs.length);
          } else await idle.take();
          if (ahead === 0) next = claim(batch);
        }
        await next;
      };
      const running = run();
      return {
        stop: async () => {
          stopped = true;
          await running;
        },
      };
    },
    done: async () => Number(await redis.get("done")),
    close: async () => {
      redis.disconnect();
    },
  };
}

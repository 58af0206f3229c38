import type { Engine, Measure } from "../lib/engine.js";
import { databaseOf, settled } from "../lib/redis-place.js";
import { startRedis } from "../servers/redis.js";

/** More ahead is no faster: what is in hand at once has to be kept, and a script stops the server while it runs. */
const ahead = { concurrency: 50, ahead: 200, alert: false };
const all: readonly Measure[] = ["submit", "process", "strict", "open", "alone", "single", "steady"];

export const redis: Engine = {
  name: "redis",
  embedded: false,
  shared: true,
  steadyPerSecond: 600,
  share: 1,
  entries: [
    {
      name: "waybill",
      contestant: "waybill-redis",
      role: "waybill",
      measures: [...all, "growth"],
      slowIn: [],
      ahead,
    },
    // Neither takes jobs ahead of a free handler: both ways of processing are the same to them.
    { name: "bullmq", contestant: "bullmq", role: "peer", measures: all, slowIn: [], ahead },
    { name: "bee-queue", contestant: "bee-queue", role: "peer", measures: all, slowIn: [], ahead },
    { name: "raw floor", contestant: "redis-floor", role: "floor", measures: all, slowIn: [], ahead },
  ],
  start: async () => {
    const server = await startRedis();
    const { client } = server;
    const [, version] = /^redis_version:(\S+)/m.exec(await client.info("server")) ?? [];
    return {
      place: { port: String(server.port) },
      about: `Redis ${version ?? "?"}, appendonly yes, appendfsync everysec, no snapshots; the log is rewritten between runs`,
      meter: async () => {
        const cpu = await client.info("cpu");
        const seconds = [...cpu.matchAll(/^used_cpu_(?:sys|user):(\S+)/gm)].map(([, value]) => Number(value));
        return { serverCpuMs: seconds.reduce((sum, one) => sum + one * 1_000, 0) };
      },
      calm: () => settled(client),
      settle: async (schema, count) => {
        await client.select(databaseOf(schema));
        for (let from = 0; from < count; from += COPIES) {
          await client.eval(COPY, 1, `{${schema}:0}`, from, Math.min(COPIES, count - from));
        }
        await client.select(0);
        await settled(client);
      },
      stop: () => server.stop(),
    };
  },
};

const COPIES = 1_000;

/** Copies of a job that is done, under ids of their own: what a real one leaves, without working off so many. */
const COPY = `
local T,from,count=KEYS[1],tonumber(ARGV[1]),tonumber(ARGV[2])
local like=redis.call('ZRANGE',T..':p',0,0,'WITHSCORES')
local id,purge=like[1],like[2]
local doc,input,output=unpack(redis.call('MGET',T..':j:'..id,T..':i:'..id,T..':o:'..id))
local kind=string.match(redis.call('SMEMBERS',T..':kinds')[1],'^%d+:(.*)$')
local created=redis.call('ZSCORE',T..':k:'..kind,id)
local keys,purges,listed={},{},{}
for i=from+1,from+count do
  local other=string.sub(id,1,-13)..string.format('%012x',i)
  local p,n=#keys,#purges
  keys[p+1]=T..':j:'..other keys[p+2]=doc
  if input then keys[#keys+1]=T..':i:'..other keys[#keys+1]=input end
  if output then keys[#keys+1]=T..':o:'..other keys[#keys+1]=output end
  purges[n+1]=purge purges[n+2]=other
  listed[n+1]=created listed[n+2]=other
end
redis.call('MSET',unpack(keys))
redis.call('ZADD',T..':p',unpack(purges))
redis.call('ZADD',T..':k:'..kind,unpack(listed))
`;

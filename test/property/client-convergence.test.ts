import { expect, it } from "vitest";
import { openClient } from "../../src/client/create-client.js";
import type { AnyDef } from "../../src/core/define/any-def.js";
import type { JobStatus } from "../../src/core/job/lifecycle.js";
import { FakeServer, loadHttpLink } from "../unit/client-server.js";

/** `WAYBILL_SEEDS=10000` for a long run. */
const SEEDS = Number(process.env["WAYBILL_SEEDS"] ?? 200);
/** After healing: the longest pause, a handshake that is given up, the climb, and one interval of reading again. */
const HEALED_MS = 30_000 + 10_000 + 11_000 + 75_000;

/** mulberry32 */
function chance(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const NEXT: Readonly<Record<JobStatus, readonly JobStatus[]>> = {
  PENDING: ["QUEUED", "FAILED"],
  QUEUED: ["PROCESSING", "PENDING", "FAILED"],
  PROCESSING: ["PROCESSING", "PROCESSING", "COMPLETED", "FAILED", "PENDING"],
  COMPLETED: [],
  FAILED: [],
};

const IDS = ["a", "b", "c", "d"];

/** Lives through a troubled time, heals, and compares what is shown with what is stored. */
async function live(seed: number): Promise<void> {
  const random = chance(seed);
  const pick = <T>(list: readonly T[]): T | undefined => list[Math.floor(random() * list.length)];
  const server = new FakeServer();
  server.random = random;
  const trouble = random();
  server.road = (deliver) => {
    if (random() < trouble / 3) return;
    const times = random() < trouble / 4 ? 2 : 1;
    for (let n = 0; n < times; n += 1) server.clock.timer(random() < trouble ? random() * 2_000 : 1, deliver);
  };

  const { fetch, WebSocket, env } = server;
  // Two seeds of five know one way only.
  const transports = ([["sse"], ["poll"]] as const)[seed % 5];
  const options = { baseUrl: "http://server/jobs", fetch, WebSocket, ...(transports && { transports }) };
  const client = openClient<AnyDef>(options, env, loadHttpLink);
  const [jobs, latest, list] = [
    IDS.map((id) => client.job("k", id)),
    client.latest("k", "s"),
    client.jobs({ limit: 3 }),
  ];
  const versions = new Map<string, number>();
  const back: string[] = [];
  list.subscribe((changes) => {
    for (const { id, version } of changes.jobs) {
      const before = versions.get(id) ?? 0;
      if (version < before && !changes.reset) back.push(`${id} from ${before} to ${version}`);
      versions.set(id, version);
    }
    for (const id of changes.gone) versions.delete(id);
  });
  const ends = new Map<string, number>();
  for (const store of jobs) {
    store.subscribe(() => {
      const { state, job } = store.getSnapshot();
      if (state === "final") ends.set(job.id, (ends.get(job.id) ?? 0) + 1);
    });
  }
  latest.subscribe(() => {});

  for (let step = 0; step < 16; step += 1) {
    const dice = random();
    const job = server.jobs.get(pick(IDS) as string);
    if (dice < 0.2 && server.jobs.size < IDS.length) {
      const id = IDS[server.jobs.size] as string;
      server.put({ id, kind: "k", subject: "s", createdAt: new Date(server.clock.now()).toISOString() });
    } else if (dice < 0.7 && job !== undefined) {
      const status = pick(NEXT[job.status]);
      if (status !== undefined)
        server.put({ id: job.id, status, version: job.version + 1 + Math.floor(random() * 3) });
    } else if (dice < 0.75 && job !== undefined && NEXT[job.status].length > 0) {
      // The store lost writes that it had acknowledged.
      server.jobs.set(job.id, { ...job, version: Math.max(1, job.version - 2) });
    } else if (dice < 0.8) server.kill(pick([1001, 1006, 1013]));
    else if (dice < 0.85) server.webSockets = pick(["up", "down", "mute"] as const) ?? "up";
    else if (dice < 0.9) server.mode = pick(["up", "down", "mute"] as const) ?? "up";
    else if (dice < 0.95) for (const socket of server.sockets) socket.blackHoled = random() < 0.5;
    else server.signal();
    await server.clock.advance(random() * 8_000);
  }

  server.mode = server.webSockets = "up";
  server.road = (deliver) => {
    server.clock.defer(deliver);
  };
  await server.clock.advance(HEALED_MS);

  expect([seed, back]).toEqual([seed, []]);
  const stored = (id: string) => server.jobs.get(id)?.version;
  expect([seed, IDS.map((id, n) => jobs[n]?.getSnapshot().job?.version)]).toEqual([seed, IDS.map(stored)]);
  const newest = server.room({ kind: "k" });
  expect([seed, latest.getSnapshot().job?.id]).toEqual([seed, newest[0]?.id]);
  const shown = list.getSnapshot().jobs.map(({ id, version }) => [id, version]);
  expect([seed, shown]).toEqual([seed, newest.slice(0, 3).map(({ id, version }) => [id, version])]);
  const final = newest.filter(({ status }) => NEXT[status].length === 0).map(({ id }) => [id, 1]);
  expect([seed, [...ends].sort()]).toEqual([seed, final.sort()]);
  client.close();
}

it(
  `shows what is stored, whatever the road does, over ${SEEDS} seeds`,
  async () => {
    for (let seed = 1; seed <= SEEDS; seed += 1) await live(seed);
  },
  600_000 + SEEDS * 250,
);

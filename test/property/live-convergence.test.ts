import { describe, expect, it } from "vitest";
import type { JobRecord } from "../../src/core/job/record.js";
import type { LiveView } from "../../src/transports/websocket/aim.js";
import { ended, observeWorld } from "../unit/observe-world.js";
import { clientSource, followJobs, simulatedGateway } from "./live-world.js";

const SEEDS = Number(process.env["LIVE_SEEDS"] ?? 200);
const OWNERS = ["ann", "bea"];
const LIMIT = 4;
/** Longer than the longest wait of a client before it connects anew, and the longest until a list is read again. */
const HEALING_MS = 75_000;

/** Numbers that look like chance and are the same for a seed. */
function seeded(seed: number): () => number {
  let state = seed * 2_654_435_769 + 1;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** A life of two owners' jobs, readers and links, with everything going wrong; then peace. What was not as promised. */
async function simulate(seed: number, source?: string): Promise<readonly string[]> {
  const random = seeded(seed);
  const chance = (probability: number): boolean => random() < probability;
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)]!;
  const at = observeWorld({ capabilities: { durability: "weak" } });
  const gateway = simulatedGateway(at, random);
  const violations: string[] = [];
  let troubles = true;
  let isDeaf = false;
  let made = 0;
  at.trouble.delayMs = () => (troubles && chance(0.3) ? random() * 400 : 0);

  /** Tells the feed of a change, or does not, or twice, or late. */
  const tell = (record: JobRecord): void => {
    for (let copies = chance(0.2) ? 0 : chance(0.2) ? 2 : 1; copies > 0; copies -= 1) {
      at.clock.timer(chance(0.3) ? random() * 5_000 : random() * 5, () => {
        if (!isDeaf) at.hint(record);
      });
    }
  };
  const write = (id: string, over: Partial<JobRecord> = {}): void => {
    tell(at.write(id, { owner: id.slice(0, 3), ...over }));
  };
  const statuses = ["QUEUED", "PROCESSING", "PROCESSING"] as const;
  const acts = [
    () => {
      const unfinished = [...at.rows.values()].filter(({ record }) => record.finishedAt === null);
      if (unfinished.length === 0) return;
      const { id } = pick(unfinished).record;
      write(
        id,
        chance(0.3) ? ended(pick(["COMPLETED", "FAILED"]), at.clock.now()) : { status: pick(statuses) },
      );
    },
    () => {
      write(`${pick(OWNERS)}-${(made += 1)}`, { createdAt: at.clock.now() });
    },
    () => {
      if (chance(0.2) && at.rows.size > 0) at.rows.delete(pick([...at.rows.keys()]));
    },
    () => {
      if (!chance(0.2) || at.rows.size === 0) return;
      // What was acknowledged is lost: the job is as it was before.
      const id = pick([...at.rows.keys()]);
      const { record } = at.rows.get(id)!;
      const version = Math.max(1, record.version - 1 - Math.floor(random() * 3));
      at.rows.set(id, { record: { ...record, version, status: "QUEUED", finishedAt: null }, cursors: {} });
    },
    () => {
      if (chance(0.15)) gateway.cut(chance(0.6));
    },
    () => {
      if (!chance(0.1)) return;
      gateway.state.isUp = false;
      gateway.cut(true);
      at.clock.timer(random() * 3_000, () => (gateway.state.isUp = true));
    },
    () => {
      if (!chance(0.1)) return;
      isDeaf = true;
      at.clock.timer(random() * 20_000, () => {
        isDeaf = false;
        at.gap();
      });
    },
    () => {
      if (!chance(0.1)) return;
      at.trouble.reads = true;
      at.clock.timer(random() * 2_000, () => (at.trouble.reads = false));
    },
    () => {
      if (!chance(0.1)) return;
      gateway.state.stalled = true;
      at.clock.timer(random() * 5_000, () => (gateway.state.stalled = false));
    },
  ];

  const follow = followJobs(at.clock, random, source);
  const readers = OWNERS.map((owner) => {
    const reader = {
      owner,
      room: new Map<string, LiveView>() as ReadonlyMap<string, LiveView>,
      stop: () => undefined as unknown,
    };
    let reset = false;
    const WebSocket = gateway.socketsOf(owner, (frame) => {
      reset = frame.reset;
    });
    reader.stop = follow({
      url: "ws://simulated/jobs",
      filter: { owner: "self", limit: LIMIT },
      WebSocket,
      onChange: (room) => {
        for (const [id, view] of room) {
          if (!id.startsWith(owner)) violations.push(`${owner} was shown ${id}`);
          const before = reader.room.get(id);
          if (before !== undefined && view.version < before.version && !reset) {
            violations.push(`${id} went back from ${before.version} to ${view.version}`);
          }
        }
        reader.room = room;
      },
      onEnd: (reason) => {
        if (reason !== "stopped") violations.push(`the reader of ${owner} ended: ${String(reason)}`);
      },
    });
    return reader;
  });

  for (let step = 0; step < 120; step += 1) {
    pick(acts)();
    if (chance(0.5)) await at.clock.advance(random() * 800);
  }
  troubles = false;
  await at.clock.advance(20_000);
  Object.assign(at.trouble, { reads: false });
  await at.clock.advance(HEALING_MS);

  for (const { owner, room, stop } of readers) {
    const mine = [...at.rows.values()].map(({ record }) => record).filter((record) => record.owner === owner);
    mine.sort((a, b) => b.createdAt - a.createdAt || (a.id < b.id ? 1 : -1));
    const told = [...room.values()].map(({ id, version, status }) => `${id} ${version} ${status}`).sort();
    const stored = mine
      .slice(0, LIMIT)
      .map(({ id, version, status }) => `${id} ${version} ${status}`)
      .sort();
    if (told.join() !== stored.join())
      violations.push(`${owner} sees ${told.join()} and stored is ${stored.join()}`);
    stop();
  }
  return violations;
}

describe("a view over everything that goes wrong", () => {
  it(`equals what is stored, and never goes back but by reset (${SEEDS} seeds)`, async () => {
    const found: string[] = [];
    for (let seed = 1; seed <= SEEDS; seed += 1) {
      for (const violation of await simulate(seed)) found.push(`seed ${seed}: ${violation}`);
    }
    expect(found).toEqual([]);
  }, 3_600_000);

  it("would not, if the client forgot the version rule", async () => {
    const source = clientSource().replace(
      "job.version >= (room.get(job.id)?.version ?? 0)",
      "!room.has(job.id)",
    );
    expect(source).not.toBe(clientSource());
    const found: string[] = [];
    for (let seed = 1; seed <= 3; seed += 1) found.push(...(await simulate(seed, source)));
    expect(found).not.toEqual([]);
  });
});

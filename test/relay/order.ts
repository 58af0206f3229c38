import { setTimeout as wait } from "node:timers/promises";
import { cursorOf } from "../../src/core/decide/change/cursors.js";
import { historyOf } from "../../src/core/job/history.js";
import { until } from "./figures.js";
import { type Child, type Stage, stageOn } from "./launch.js";
import type { Opened, Place } from "./places.js";
import { type Receiver, readReceived } from "./receivers.js";

const RECEIVERS: Readonly<Record<string, Receiver>> = {
  fails: "fails",
  hangs: "hangs",
  late: "late",
  twice: "twice",
};

/** Between two tries soon, so that a run of some minutes sees many. */
const POLICY = { notifier: { giveUpAfterMs: 3_600_000, baseMs: 50, capMs: 500 }, notifyGraceMs: 1_000 };

export interface OrderOptions {
  readonly jobs: number;
  readonly kills: number;
  readonly killEveryMs: number;
}

export interface OrderRun {
  readonly place: Place;
  readonly transitions: number;
  /** Relays that were killed while they ran. */
  readonly kills: number;
  /** Heard by all receivers together, repetitions included. */
  readonly heard: number;
  /** Jobs whose last word, where the higher version wins, is not the store's; of all receivers together. */
  readonly wrongEnd: number;
  /** Versions that a receiver never had and that are not listed as undelivered. */
  readonly missing: number;
  /** Versions that were first heard of behind a higher one. */
  readonly outOfOrder: number;
  readonly elapsedMs: number;
}

/**
 * Jobs go their way while the one relay is killed again and again, and four receivers misbehave, each in its own way.
 * Judged from the stored histories and from what each receiver noted.
 */
export async function orderAndCompleteness(place: Place, options: OrderOptions): Promise<OrderRun> {
  const from = Date.now();
  const stage = await stageOn(place);
  try {
    const given = { receivers: RECEIVERS, policy: POLICY };
    const workers = [
      await stage.start({ role: "work", ...given }),
      await stage.start({ role: "work", ...given }),
    ];
    const loadMs = options.kills * options.killEveryMs;
    const everyMs = Math.floor(loadMs / options.jobs);
    const submitter = await stage.start({ role: "submit", ...given, jobs: options.jobs, everyMs });
    const relay = await killedRelays(stage, given, options);
    await submitter.ended;
    const opened = stage.open();
    const stored = await settled(opened, submitter.lines);
    await opened.close();
    for (const child of [relay, ...workers]) await child.stop();
    const verdicts = Object.keys(RECEIVERS).map((name) => judged(stage, name, stored));
    const sum = (key: keyof Verdict): number => verdicts.reduce((all, verdict) => all + verdict[key], 0);
    return {
      place,
      transitions: stored.reduce((all, { versions }) => all + versions.length, 0),
      kills: options.kills,
      heard: sum("heard"),
      wrongEnd: sum("wrongEnd"),
      missing: sum("missing"),
      outOfOrder: sum("outOfOrder"),
      elapsedMs: Date.now() - from,
    };
  } finally {
    await stage.close();
  }
}

/** @returns the relay that is left alone */
async function killedRelays(
  stage: Stage,
  given: { readonly receivers: typeof RECEIVERS; readonly policy: typeof POLICY },
  { kills, killEveryMs }: OrderOptions,
): Promise<Child> {
  for (let n = 0; n < kills; n += 1) {
    const relay = await stage.start({ role: "relay", ...given });
    await wait(killEveryMs * (0.3 + Math.random()));
    relay.kill();
    await relay.ended;
  }
  return stage.start({ role: "relay", ...given });
}

interface StoredEnd {
  readonly id: string;
  readonly status: string;
  readonly versions: readonly number[];
  /** By receiver. */
  readonly listed: Readonly<Record<string, readonly number[]>>;
}

async function settled({ store }: Opened, ids: readonly string[]): Promise<readonly StoredEnd[]> {
  const ends: StoredEnd[] = [];
  for (let from = 0; from < ids.length; from += 100) {
    const some = ids.slice(from, from + 100);
    const jobs = await until(async () => {
      const { jobs: read } = await store.read({ nowMs: Date.now(), ids: some });
      const found = read.flatMap((job) => (job === null ? [] : [job]));
      const isOver = found.length === some.length && found.every(({ record }) => record.wakeAt === null);
      return isOver ? found : undefined;
    });
    for (const { record, cursors } of jobs) {
      const listed = Object.keys(RECEIVERS).map((name) => [name, cursorOf(cursors, name).exhausted] as const);
      const versions = historyOf(record).map(({ version }) => version);
      ends.push({ id: record.id, status: record.status, versions, listed: Object.fromEntries(listed) });
    }
  }
  return ends;
}

type Verdict = Pick<OrderRun, "heard" | "wrongEnd" | "missing" | "outOfOrder">;

function judged({ folder }: Stage, name: string, stored: readonly StoredEnd[]): Verdict {
  const firsts = new Map<string, Map<number, string>>();
  const received = readReceived(folder, name);
  let outOfOrder = 0;
  for (const { jobId, version, status } of received) {
    const seen = firsts.get(jobId) ?? new Map<number, string>();
    firsts.set(jobId, seen);
    if (!seen.has(version) && version < Math.max(0, ...seen.keys())) outOfOrder += 1;
    seen.set(version, status);
  }
  let wrongEnd = 0;
  let missing = 0;
  for (const { id, status, versions, listed } of stored) {
    const seen = firsts.get(id) ?? new Map<number, string>();
    if (seen.get(Math.max(0, ...seen.keys())) !== status) wrongEnd += 1;
    missing += versions.filter(
      (version) => !seen.has(version) && listed[name]?.includes(version) !== true,
    ).length;
  }
  return { heard: received.length, wrongEnd, missing, outOfOrder };
}

import { decodeHistory } from "../../src/core/job/history.js";
import { percentiles, type Percentiles, until } from "./figures.js";
import { type Stage, stageOn } from "./launch.js";
import type { Opened, Place } from "./places.js";
import { readReceived } from "./receivers.js";

export interface SplitRun {
  readonly place: Place;
  /** Whether processes tell each other of changes. */
  readonly feed: boolean;
  readonly jobs: number;
  readonly events: number;
  /** Entries of histories that nobody was told of. */
  readonly lost: number;
  /** Jobs of which a version was first told of behind a higher one. */
  readonly outOfOrder: number;
  /** From the change to the receiver, in milliseconds. */
  readonly toldMs: Percentiles;
}

/** One process submits, three work, one relays: what the receiver hears, and how late. */
export async function splitProcesses(
  place: Place,
  feed: boolean,
  { jobs, everyMs }: { readonly jobs: number; readonly everyMs: number },
): Promise<SplitRun> {
  const stage = await stageOn(place);
  try {
    const given = { receivers: { ui: "well" }, listens: feed } as const;
    const others = [await stage.start({ role: "relay", ...given })];
    for (let n = 0; n < 3; n += 1) others.push(await stage.start({ role: "work", ...given }));
    const submitter = await stage.start({ role: "submit", ...given, jobs, everyMs });
    await submitter.ended;
    const opened = stage.open();
    const histories = await settled(opened, submitter.lines);
    await opened.close();
    for (const child of others) await child.stop();
    return { place, feed, jobs, ...judged(stage, histories) };
  } finally {
    await stage.close();
  }
}

type Histories = ReadonlyMap<string, readonly number[]>;

/** The versions of each job's history, once all of them are final and delivered: then nobody is to look at them again. */
async function settled({ store }: Opened, ids: readonly string[]): Promise<Histories> {
  const histories = new Map<string, readonly number[]>();
  for (let from = 0; from < ids.length; from += 100) {
    const some = ids.slice(from, from + 100);
    const records = await until(async () => {
      const { jobs } = await store.read({ nowMs: Date.now(), ids: some });
      const found = jobs.flatMap((job) => (job === null ? [] : [job.record]));
      const isOver =
        found.length === some.length &&
        found.every(({ status, wakeAt }) => status === "COMPLETED" && wakeAt === null);
      return isOver ? found : undefined;
    });
    for (const { id, history } of records)
      histories.set(
        id,
        decodeHistory(history).map(({ version }) => version),
      );
  }
  return histories;
}

function judged(
  { folder }: Stage,
  histories: Histories,
): Pick<SplitRun, "events" | "lost" | "outOfOrder" | "toldMs"> {
  const first = new Map<string, number>();
  const highest = new Map<string, number>();
  const late: number[] = [];
  const unordered = new Set<string>();
  for (const { jobId, version, madeAt, heardAt } of readReceived(folder, "ui")) {
    const id = `${jobId}:${String(version)}`;
    if (first.has(id)) continue;
    first.set(id, heardAt);
    late.push(heardAt - madeAt);
    if (version < (highest.get(jobId) ?? 0)) unordered.add(jobId);
    highest.set(jobId, Math.max(version, highest.get(jobId) ?? 0));
  }
  const wanted = [...histories].flatMap(([id, versions]) =>
    versions.map((version) => `${id}:${String(version)}`),
  );
  return {
    events: wanted.length,
    lost: wanted.filter((id) => !first.has(id)).length,
    outOfOrder: unordered.size,
    toldMs: percentiles(late),
  };
}

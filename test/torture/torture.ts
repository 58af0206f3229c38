import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createWaybill, type Logger, type Queue, type Store } from "waybill";
import { seededRandom } from "../../src/testing/seeded-ids.js";
import type { Connections } from "./connections.js";
import { drain, readAll } from "./drain.js";
import { readEffects } from "./effects.js";
import type { Evidence, Violation } from "./evidence.js";
import { eventLog, fileNotifier, readEvents } from "./file-notifier.js";
import { KINDS } from "./kinds.js";
import { outsideOf } from "./life.js";
import { Load } from "./load.js";
import { type Faults, torment } from "./nemesis.js";
import type { Pace } from "./pace.js";
import { planJobs } from "./plans.js";
import { type Recovery, recoveryOf } from "./recovery.js";
import { judge } from "./verdict.js";
import { type Begin, Workers } from "./workers.js";

export interface TortureOptions extends Faults {
  readonly seed: number;
  readonly jobs: number;
  readonly workers: number;
  /** Over how long the jobs are submitted, and the faults strike. */
  readonly loadMs: number;
  /** What gets no further in so long, when no more faults strike, is stuck. */
  readonly drainMs: number;
}

/** What is put to torture. */
export interface Subject {
  /** As the parent holds it. */
  readonly store: Store;
  readonly begin: Begin;
  readonly pace: Pace;
  /** Hands jobs over in place of the store. */
  readonly queue?: Queue;
  /** Names of the lives, where they are not all workers: the first letter says what each is. */
  readonly lives?: readonly string[];
  /** The jobs that another process was told are stored, where one submits. */
  readonly acknowledged?: () => ReadonlySet<string>;
  readonly underWay?: (life: string) => number;
  readonly crashServer: (() => Promise<void>) | null;
  /** Those that the nemesis may strike. */
  readonly connections?: Connections | null;
  readonly folder: string;
}

export interface TortureResult {
  readonly evidence: Evidence;
  readonly violations: readonly Violation[];
  readonly struck: Faults;
  readonly recovery: Recovery;
  readonly elapsedMs: number;
}

/** A folder of a run's own, removed by `remove`. */
export function runFolder(): { readonly folder: string; readonly remove: () => void } {
  const folder = mkdtempSync(join(tmpdir(), "waybill-torture-"));
  return {
    folder,
    remove: () => {
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

const quiet = (): void => undefined;
const SILENT: Logger = { debug: quiet, info: quiet, warn: quiet, error: quiet };

/**
 * Puts a store to torture: an application submits, cancels and watches, workers work, and a nemesis kills and freezes them
 * meanwhile. When all is calm again and nothing is left to do, every promise is held against what is stored and what was
 * noted outside.
 */
export async function torture(options: TortureOptions, subject: Subject): Promise<TortureResult> {
  const { seed, loadMs } = options;
  const { store, folder, begin, pace, crashServer, queue, acknowledged } = subject;
  const lives = subject.lives ?? Array.from({ length: options.workers }, (_, index) => `w${index + 1}`);
  const startedAt = Date.now();
  const planned = planJobs(seededRandom(seed), options.jobs, { loadMs, leaseMs: pace.leaseMs });
  const outside = outsideOf(folder);
  const waybill = createWaybill({
    jobs: KINDS,
    store,
    ...(queue === undefined ? {} : { queue }),
    logger: SILENT,
    notifiers: { file: fileNotifier(eventLog(folder), seededRandom(seed + 1)) },
    policy: pace,
  });
  const load = new Load(waybill, acknowledged);
  const workers = new Workers(begin, lives, seed);
  try {
    await workers.allReady();
    const nemesis = {
      workers,
      random: seededRandom(seed + 2),
      leaseMs: pace.leaseMs,
      underWay: subject.underWay ?? null,
      crashServer,
      connections: subject.connections ?? null,
    };
    const [struck] = await Promise.all([torment(nemesis, options, loadMs), load.run(planned)]);
    await drain(store, options.drainMs);
    await load.end(options.drainMs);
    await workers.end();
    // As it is when nobody can write any more.
    const stored = await readAll(store);
    await waybill.close();
    const evidence: Evidence = {
      planned,
      acknowledged: load.acknowledged,
      cancels: load.cancels,
      watched: load.watched,
      stored,
      effects: readEffects(folder),
      events: readEvents(folder),
      outside: outside.all(),
      ended: workers.ended,
    };
    const recovery = recoveryOf(evidence.stored, evidence.ended);
    const violations = judge(evidence);
    return { evidence, violations, struck, recovery, elapsedMs: Date.now() - startedAt };
  } finally {
    await workers.end();
  }
}

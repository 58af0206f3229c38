import type { IndexWaybill } from "./open-waybill.js";
import type { SearchIndex } from "./indexer.js";
import type { IndexJob } from "./screen.js";

/** What was asked of the store at the end. */
export interface Verdict {
  readonly jobs: number;
  readonly completed: number;
  /** Completed after their worker was killed. */
  readonly recovered: readonly IndexJob[];
  /** Jobs with more than one final entry in their history. */
  readonly recordedTwice: number;
  /** Documents whose stored output is not what the index holds. */
  readonly wrong: number;
}

/** Asks the store, and the index that the work was done on: nothing here is remembered from the run. */
export async function judge(
  waybill: IndexWaybill,
  index: SearchIndex,
  jobs: readonly IndexJob[],
): Promise<Verdict> {
  const recovered: IndexJob[] = [];
  let completed = 0;
  let recordedTwice = 0;
  let wrong = 0;
  for (const { id } of jobs) {
    const job = await waybill.get(id);
    const history = await waybill.history(id);
    if (job === null || history === null) continue;
    const finals = history.events.filter(
      (event) => event.type === "job.completed" || event.type === "job.failed",
    );
    const lost = history.events.some(
      (event) => event.type === "job.retrying" && event.reason === "lease_lost",
    );
    if (finals.length > 1) recordedTwice += 1;
    if (job.status !== "COMPLETED") continue;
    completed += 1;
    if (lost) recovered.push(job);
    if (index.chunksOf(job.input.path) !== job.output.chunks) wrong += 1;
  }
  return { jobs: jobs.length, completed, recovered, recordedTwice, wrong };
}

/** The life of a job, a line for each entry. */
export async function story(waybill: IndexWaybill, id: string): Promise<readonly string[]> {
  const events = (await waybill.history(id))?.events ?? [];
  const [first] = events;
  return events.map((event) => {
    const seconds = ((event.at.getTime() - (first?.at.getTime() ?? 0)) / 1_000).toFixed(2).padStart(6);
    const by = event.actor === null ? "" : ` by ${event.actor}`;
    const why = event.reason === null ? "" : ` (${event.reason})`;
    const what =
      event.phase === null ? event.type.slice("job.".length).replace("_", " ") : `phase ${event.phase}`;
    return `  ${seconds} s  v${String(event.version).padEnd(3)} ${event.status.padEnd(10)} ${what}${by}${why}`;
  });
}

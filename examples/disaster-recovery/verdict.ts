import { openWaybill } from "./open-waybill.js";
import { recover } from "./recovery.job.js";

/** What the recovery service wrote down itself. */
export interface ServiceLog {
  readonly launches: readonly { jobId: string; planId: string; token: string; calls: readonly number[] }[];
  readonly log: readonly { at: number; jobId: string; server: string; state: string }[];
  readonly sent: { readonly events: number; readonly missed: number; readonly doubled: number };
  readonly answers: Readonly<Record<string, number>>;
}

export interface Verdict {
  readonly isTrue: boolean;
  readonly sentence: string;
  /** What the store says, by plan. */
  readonly ends: Readonly<Record<string, string>>;
  readonly tooEarly: number;
  readonly launched: number;
}

/** Remembers nothing of the run: asks the store and the service's own log, over connections of its own. */
export async function judge(serviceUrl: string, withFault: boolean): Promise<Verdict> {
  const { waybill, close } = openWaybill();
  try {
    const service = (await (await fetch(`${serviceUrl}/log`)).json()) as ServiceLog;
    const { items } = await waybill.list({ kind: "dr.recover", limit: 100 });
    const ends: Record<string, string> = {};
    let wrong = 0;
    let tooEarly = 0;
    let launched = 0;
    const named: string[] = [];
    for (const { id } of items) {
      const job = await waybill.get(recover, id);
      if (job === null) throw new Error("A listed job is gone.");
      ends[job.input.planId] = job.word;
      // One launch for each job, however often it was asked for.
      const launches = service.launches.filter(({ token }) => token.startsWith(id));
      launched += 6 * launches.length;
      if (launches.length !== 1) wrong += 1;
      const ready = service.log.filter(
        ({ jobId, state }) => jobId === launches[0]?.jobId && state === "ready",
      );
      if (job.status === "COMPLETED") {
        const last = Math.max(...ready.map(({ at }) => at));
        if (ready.length !== 6 || job.finishedAt.getTime() < last) tooEarly += 1;
      } else if (job.status !== "FAILED" || ready.length === 6) wrong += 1;
      else named.push(...((job.failure.details as { servers?: string[] } | null)?.servers ?? []));
    }
    const { items: untold } = await waybill.undelivered();
    const completed = Object.values(ends).filter((word) => word === "COMPLETED").length;
    const isTrue =
      wrong + tooEarly + untold.length === 0 && items.length === 3 && completed === (withFault ? 1 : 3);
    const failed = items.length - completed;
    const sentence = isTrue
      ? `${completed} of 3 plans COMPLETED with 6 READY servers each${failed > 0 ? `, ${failed} are FAILED and name ${named.length}` : ""}; the service's log agrees.`
      : `${wrong} executions do not agree with the service's log, ${tooEarly} were COMPLETED too early, ${untold.length} alerts are undelivered.`;
    return { isTrue, sentence, ends, tooEarly, launched };
  } finally {
    await close();
  }
}

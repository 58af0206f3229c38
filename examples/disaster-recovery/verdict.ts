import { openWaybill, type RecoveryWaybill } from "./open-waybill.js";
import { recover } from "./recovery.job.js";

/** What the recovery service wrote down itself. */
export interface ServiceLog {
  readonly launches: readonly {
    readonly jobId: string;
    readonly planId: string;
    readonly account: string;
    readonly token: string;
  }[];
  readonly log: readonly { at: number; jobId: string; server: string; state: string }[];
  readonly sent: { readonly events: number; readonly missed: number; readonly doubled: number };
  /** What each event that was told was answered, in the order of the tries. */
  readonly deliveries: readonly { readonly answers: readonly string[]; readonly ended: boolean }[];
  readonly polls: number;
}

/** What became of the service's events. */
export interface EventCount {
  readonly told: number;
  readonly applied: number;
  /** Of these, how many came before the launcher had said what it waits for, or to nobody, and were told again. */
  readonly tooEarly: number;
  /** Told of executions that had ended. */
  readonly final: number;
  /** Refused for good, or not answered to this day. */
  readonly lost: number;
}

export interface Verdict {
  readonly isTrue: boolean;
  readonly sentence: string;
  readonly tooEarly: number;
  readonly launched: number;
  readonly events: EventCount;
  /** Why executions are FAILED, in the words that people read. */
  readonly failures: readonly { readonly planId: string; readonly message: string }[];
}

/** Each is dropped by the service: the execution that it was about awaits nothing any more. */
const FINAL: readonly (string | undefined)[] = ["job.not_found", "job.already_final"];

export function countEvents({ deliveries }: Pick<ServiceLog, "deliveries">): EventCount {
  const count = { told: deliveries.length, applied: 0, tooEarly: 0, final: 0, lost: 0 };
  for (const { answers, ended } of deliveries) {
    const last = ended ? answers.at(-1) : undefined;
    if (last === "applied") {
      count.applied += 1;
      if (answers.length > 1) count.tooEarly += 1;
    } else if (FINAL.includes(last)) count.final += 1;
    else count.lost += 1;
  }
  return count;
}

interface Finding {
  readonly isWrong: boolean;
  readonly isTooEarly: boolean;
  readonly isCompleted: boolean;
  readonly launches: number;
  /** The servers that a FAILED execution names. */
  readonly named: number;
}

/** One execution, beside what the service wrote down of its launch. */
async function findingOf(waybill: RecoveryWaybill, id: string, service: ServiceLog): Promise<Finding> {
  const job = await waybill.get(recover, id);
  // One launch for each job, however often it was asked for.
  const launches = service.launches.filter(({ token }) => token.startsWith(id));
  const ready = service.log.filter(({ jobId, state }) => jobId === launches[0]?.jobId && state === "ready");
  const once = { isWrong: launches.length !== 1, isTooEarly: false, launches: launches.length };
  if (job?.status === "COMPLETED") {
    const last = Math.max(...ready.map(({ at }) => at));
    const isTooEarly = ready.length !== 6 || job.finishedAt.getTime() < last;
    return { ...once, isTooEarly, isCompleted: true, named: 0 };
  }
  if (job?.status !== "FAILED" || ready.length === 6)
    return { ...once, isWrong: true, isCompleted: false, named: 0 };
  const { servers = [] } = (job.failure.details ?? {}) as { readonly servers?: readonly string[] };
  return { ...once, isCompleted: false, named: servers.length };
}

/** Remembers nothing of the run: asks the store and the service's own log, over connections of its own. */
export async function judge(serviceUrl: string, withFault: boolean): Promise<Verdict> {
  const { waybill, close } = openWaybill();
  try {
    const service = (await (await fetch(`${serviceUrl}/log`)).json()) as ServiceLog;
    const { items } = await waybill.list({ kind: "dr.recover", limit: 100 });
    const found = await Promise.all(items.map(({ id }) => findingOf(waybill, id, service)));
    const { items: untold } = await waybill.undelivered();
    const failures = items.flatMap(({ subject, status, message }) =>
      status === "FAILED" ? [{ planId: subject?.replace("plan:", "") ?? "", message }] : [],
    );
    const events = countEvents(service);
    const completed = found.filter(({ isCompleted }) => isCompleted).length;
    const wrong = found.filter(({ isWrong }) => isWrong).length;
    const tooEarly = found.filter(({ isTooEarly }) => isTooEarly).length;
    const isTrue =
      wrong + tooEarly + untold.length + events.lost === 0 &&
      items.length === 3 &&
      completed === (withFault ? 1 : 3);
    const failed = items.length - completed;
    const named = sum(found.map((one) => one.named));
    const sentence = isTrue
      ? `${completed} of 3 plans COMPLETED with 6 READY servers each${failed > 0 ? `, ${failed} are FAILED and name ${named}` : ""}; the service's log agrees; ${eventsSaid(events)}.`
      : `${wrong} executions do not agree with the service's log, ${tooEarly} were COMPLETED too early, ${untold.length} alerts are undelivered, ${events.lost} events are lost.`;
    const launched = 6 * sum(found.map(({ launches }) => launches));
    return { isTrue, sentence, tooEarly, launched, events, failures };
  } finally {
    await close();
  }
}

function eventsSaid({ told, applied, tooEarly, final }: EventCount): string {
  return `of ${told} events ${applied} were applied, ${tooEarly} of them after they had come too early, and ${final} came after the end`;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((all, one) => all + one, 0);
}

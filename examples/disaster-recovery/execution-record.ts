import type { Job } from "waybill";
import type { recover } from "./recovery.job.js";

/** What managers, reports and other tools read: the columns of before, each of them true. Instants in Unix seconds. */
export interface ExecutionRecord {
  readonly ExecutionId: string;
  readonly PlanId: string;
  readonly ExecutionType: string;
  readonly InitiatedBy: string | null;
  readonly Status: string;
  readonly SubmittedTime: number;
  /** When the first server was launched. */
  readonly StartTime: number | null;
  readonly LastUpdatedTime: number;
  readonly EndTime: number | null;
  /** From submission to the end, seconds. */
  readonly Duration: number | null;
  readonly Progress: Readonly<Record<Counter, number>> | null;
}

type Counter = "totalServers" | "launched" | "converting" | "ready" | "failed";

export function executionRecord(job: Job<typeof recover>): ExecutionRecord {
  const ended = job.status === "COMPLETED" || job.status === "FAILED";
  const progress = countersOf(job);
  const startedAt = progress?.startedAt ?? null;
  const { total: totalServers = 0, launched = 0, converting = 0, ready = 0, failed = 0 } = progress ?? {};
  return {
    ExecutionId: job.id,
    PlanId: job.input.planId,
    ExecutionType: job.input.type,
    InitiatedBy: job.owner,
    Status: job.word,
    SubmittedTime: seconds(job.createdAt),
    StartTime: startedAt === null ? null : seconds(new Date(startedAt)),
    LastUpdatedTime: seconds(job.updatedAt),
    EndTime: ended ? seconds(job.finishedAt) : null,
    Duration: ended ? seconds(job.finishedAt) - seconds(job.createdAt) : null,
    Progress: progress === null ? null : { totalServers, launched, converting, ready, failed },
  };
}

/** A completed execution has its counters in the output, one that goes on or has failed in its progress. */
function countersOf(job: Job<typeof recover>) {
  if (job.status === "COMPLETED") return job.output;
  return job.status === "PROCESSING" || job.status === "FAILED" ? job.progress : null;
}

function seconds(instant: Date): number {
  return Math.floor(instant.getTime() / 1_000);
}

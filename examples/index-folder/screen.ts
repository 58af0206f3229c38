import type { ListedJob } from "waybill";
import type { documentIndex } from "./document-index.job.js";

export type IndexJob = ListedJob<typeof documentIndex>;

/** Shows how far the jobs are: a live table on a terminal, one plain line per change in a pipe. */
export interface Screen {
  say(line: string): void;
  show(jobs: readonly IndexJob[]): void;
  /** What was shown last stays. */
  keep(): void;
}

export function openScreen(out: NodeJS.WriteStream): Screen {
  return out.isTTY ? liveTable(out) : plainLines(out);
}

function plainLines(out: NodeJS.WriteStream): Screen {
  const shown = new Map<string, string>();
  return {
    say(line) {
      out.write(`${line}\n`);
    },
    show(jobs) {
      for (const job of jobs) {
        const line = [job.word, phaseOf(job), who(job), `attempt ${String(job.attempt)}`]
          .filter((part) => part !== "")
          .join(" · ");
        if (shown.get(job.id) === line) continue;
        shown.set(job.id, line);
        out.write(`${pathOf(job)}: ${line}\n`);
      }
    },
    keep: () => undefined,
  };
}

const RANK = { PROCESSING: 0, FAILED: 1, QUEUED: 2, PENDING: 3, COMPLETED: 4 } as const;

function liveTable(out: NodeJS.WriteStream): Screen {
  let drawn = 0;
  const clear = (): void => {
    if (drawn > 0) out.write(`\u001B[${String(drawn)}A\u001B[0J`);
    drawn = 0;
  };
  return {
    say(line) {
      clear();
      out.write(`${line}\n`);
    },
    show(jobs) {
      const room = Math.max(3, Math.min(16, out.rows - 6));
      const rows = [...jobs].sort(
        (a, b) => RANK[a.status] - RANK[b.status] || pathOf(a).localeCompare(pathOf(b)),
      );
      const done = jobs.filter((job) => job.status === "COMPLETED").length;
      const lines = [
        row("FILE", "STATUS", "PHASE", "PROGRESS", "ATTEMPT", "WHO"),
        ...rows
          .slice(0, room)
          .map((job) =>
            row(
              pathOf(job),
              job.word,
              phaseOf(job),
              bar(job),
              job.attempt === 0 ? "" : String(job.attempt),
              who(job),
            ),
          ),
        rows.length > room ? `  … and ${String(rows.length - room)} more` : "",
        `  ${String(done)} of ${String(jobs.length)} done`,
      ];
      clear();
      const wide = Math.max(40, out.columns - 1);
      out.write(lines.map((line) => `${line.slice(0, wide)}\n`).join(""));
      drawn = lines.length;
    },
    keep() {
      drawn = 0;
    },
  };
}

function row(
  file: string,
  status: string,
  phase: string,
  progress: string,
  attempt: string,
  worker: string,
): string {
  const cell = (text: string, width: number): string =>
    (text.length > width ? `…${text.slice(1 - width)}` : text).padEnd(width);
  return `  ${cell(file, 38)} ${cell(status, 10)} ${cell(phase, 9)} ${cell(progress, 16)} ${cell(attempt, 7)} ${worker}`;
}

/** The file of a job, from its subject: lists show no input. */
export function pathOf(job: IndexJob): string {
  return (job.subject ?? "").replace(/^file:/, "");
}

function phaseOf(job: IndexJob): string {
  return job.status === "PROCESSING" ? (job.phase ?? "") : "";
}

function who(job: IndexJob): string {
  return job.status === "PROCESSING" ? (job.worker?.name ?? "") : "";
}

function bar(job: IndexJob): string {
  if (job.status === "COMPLETED") return "████████";
  if (job.status !== "PROCESSING" || job.progress === null) return "";
  const filled = Math.round((job.percent ?? 0) * 8);
  return `${"█".repeat(filled)}${"░".repeat(8 - filled)} ${String(job.progress.done)}/${String(job.progress.total)}`;
}
